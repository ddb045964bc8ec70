using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Ledger;

/// <summary>
/// The contract of every ledger. The items of each test have their own ids, so that tests can share one store. A derived class whose
/// store is unavailable skips in <see cref="OpenAsync"/>.
/// </summary>
public abstract class SyncLedgerContract
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero).AddTicks(1234567));
    private readonly TestSubmissions _submissions = new();
    private readonly string _prefix;

    /// <param name="seed">Unique per derived class, so that the tests of two ledgers do not share ids either.</param>
    protected SyncLedgerContract(int seed) => _prefix = $"t{NextId(seed):x8}-";

    private DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>Opens the ledger; the derived class closes it.</summary>
    private protected abstract ValueTask<ISyncLedger> OpenAsync(TimeProvider time);

    /// <summary>The maintenance of a ledger that <see cref="OpenAsync"/> returned.</summary>
    private protected abstract ILedgerMaintenance Maintenance(ISyncLedger ledger, TimeProvider time, RetentionOptions retention);

    [SkippableFact]
    public async Task Stores_an_accepted_item_byte_for_byte()
    {
        var ledger = await OpenAsync(_time);
        var submission = _submissions.Of(Id("1"), "票 🎬 \\u4e00 \"quoted\"", TestSubmissions.Given(Now));

        var acceptance = Assert.Single(await ledger.AcceptAsync([submission], default));
        var found = await ledger.FindAsync(Id("1"), default);

        Assert.Equal(AcceptanceKind.Accepted, acceptance.Kind);
        AssertSame(acceptance.Record, found);
        Assert.Equal(
            (Id("1"), "SKU", ContentStatus.Valid, TestSubmissions.Given(Now)),
            (found!.ContentId, found.ContentType, found.ContentStatus, found.Version));
        Assert.Equal((submission.Item.Hash, Now, Now), (found.Hash, found.AcceptedAt, found.DueAt));
        Assert.Equal(TestSubmissions.BodyOf("票 🎬 \\u4e00 \"quoted\""), found.Body.ToArray());
        Assert.NotEqual("", found.ETag);
    }

    [SkippableFact]
    public async Task Finds_no_item_that_was_not_accepted()
    {
        var ledger = await OpenAsync(_time);

        Assert.Null(await ledger.FindAsync(Id("none"), default));
        Assert.Equal(new LeaseResult(LeaseStatus.NotFound, null), await ledger.LeaseAsync(Id("none"), Duration, default));
        Assert.Null(await ledger.ReplayAsync(Id("none"), TimeSpan.Zero, default));
        Assert.Empty(await ledger.AcceptAsync([], default));
    }

    [SkippableFact]
    public async Task Returns_results_in_the_order_of_the_submissions()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("2", "A", 5)], default);

        var results = await ledger.AcceptAsync(
            [Version("1", "A", 1), Version("2", "B", 4), Version("3", "A", 1), Version("2", "B", 5), Version("2", "A", 6)], default);

        Assert.Equal([Id("1"), Id("2"), Id("3"), Id("2"), Id("2")], results.Select(a => a.Record.ContentId));
        Assert.Equal(
            [
                AcceptanceKind.Accepted,
                AcceptanceKind.Superseded,
                AcceptanceKind.Accepted,
                AcceptanceKind.RevisionConflict,
                AcceptanceKind.AlreadyPending,
            ],
            results.Select(a => a.Kind));
    }

    [SkippableFact]
    public async Task Lets_the_newest_of_several_submissions_for_an_item_in_one_batch_win()
    {
        var ledger = await OpenAsync(_time);

        var results = await ledger.AcceptAsync([Version("1", "A", 1), Version("1", "B", 2), Version("1", "B", 3), Version("1", "A", 2)], default);
        var found = await ledger.FindAsync(Id("1"), default);

        Assert.Equal(
            [AcceptanceKind.Accepted, AcceptanceKind.Accepted, AcceptanceKind.AlreadyPending, AcceptanceKind.Superseded],
            results.Select(a => a.Kind));
        Assert.Equal((TestSubmissions.Numbered(3), TestSubmissions.HashOf("B")), (found!.Version, found.Hash));
        Assert.Equal(TestSubmissions.BodyOf("B"), found.Body.ToArray());
        Assert.Equal(2, _submissions.Prepared);
    }

    [SkippableFact]
    public async Task Fails_only_the_call_whose_request_cannot_be_prepared()
    {
        var ledger = await OpenAsync(_time);
        var broken = Version("1", "A", 1) with { Prepare = _ => throw new InvalidOperationException("no request") };

        await Assert.ThrowsAsync<InvalidOperationException>(async () => await ledger.AcceptAsync([broken], default));

        Assert.Equal(AcceptanceKind.Accepted, (await ledger.AcceptAsync([Version("1", "A", 1)], default))[0].Kind);
    }

    [SkippableFact]
    public async Task Grants_no_lease_for_unchanged_content()
    {
        var ledger = await OpenAsync(_time);
        var synchronized = await SynchronizeAsync(ledger, "1", "A", 1);

        var again = (await ledger.AcceptAsync([Version("1", "A", 2)], default))[0];

        Assert.Equal(AcceptanceKind.Unchanged, again.Kind);
        Assert.Equal(LeaseStatus.NotPending, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
        Assert.Equal((2, 2), (again.Record.Version.Number, again.Record.Order.HighestNumber));
        AssertSame(synchronized with { Order = again.Record.Order, ETag = again.Record.ETag }, await ledger.FindAsync(Id("1"), default));
    }

    [SkippableFact]
    public async Task Changes_the_ETag_only_when_the_record_changes()
    {
        var ledger = await OpenAsync(_time);
        var etags = new List<string> { (await ledger.AcceptAsync([Version("1", "A", 1)], default))[0].Record.ETag };
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        etags.Add((await ledger.AcceptAsync([Version("1", "A", 2)], default))[0].Record.ETag);
        etags.Add((await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now), default)).Record.ETag);

        Assert.Equal(3, etags.Distinct().Count());
        Assert.Equal(etags[^1], (await ledger.AcceptAsync([Version("1", "B", 1)], default))[0].Record.ETag);
        Assert.Equal(etags[^1], (await ledger.FindAsync(Id("1"), default))!.ETag);
    }

    [SkippableFact]
    public async Task Grants_one_lease_to_a_hundred_concurrent_callers()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);

        var results = await Task.WhenAll(
            Enumerable.Range(0, 100).Select(_ => Task.Run(() => ledger.LeaseAsync(Id("1"), Duration, default).AsTask())));

        var winner = Assert.Single(results, a => a.Status == LeaseStatus.Granted).Record!;
        Assert.All(
            results.Where(a => a.Status != LeaseStatus.Granted),
            a => Assert.Equal((LeaseStatus.Busy, winner.Lease), (a.Status, a.Record!.Lease)));
        Assert.Equal(TestSubmissions.BodyOf("A"), winner.Body.ToArray());
        Assert.Equal(1, (await ledger.FindAsync(Id("1"), default))!.Attempts);
    }

    [SkippableFact]
    public async Task Loses_no_revision_to_concurrent_submissions()
    {
        var ledger = await OpenAsync(_time);

        await Task.WhenAll(Enumerable.Range(1, 50).Select(
            i => Task.Run(() => ledger.AcceptAsync([Version("1", $"C{i}", i), Version($"own-{i}", "A", 1)], default).AsTask())));

        Assert.Equal(
            (TestSubmissions.Numbered(50), TestSubmissions.HashOf("C50")),
            ((await ledger.FindAsync(Id("1"), default))!.Version, (await ledger.FindAsync(Id("1"), default))!.Hash));
        for (var i = 1; i <= 50; i++) { Assert.NotNull(await ledger.FindAsync(Id($"own-{i}"), default)); }
    }

    [SkippableFact]
    public async Task Grants_an_expired_lease_to_the_next_caller_and_records_nothing_more_from_the_first()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var first = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        _time.Advance(Duration - TimeSpan.FromTicks(1));
        Assert.Equal(LeaseStatus.Busy, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
        _time.Advance(TimeSpan.FromTicks(1));

        var second = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        var late = await ledger.RecordAsync(first, AttemptOutcomes.Synchronized(first, Now), default);

        Assert.NotEqual(first.Lease!.LeaseId, second.Lease!.LeaseId);
        Assert.Equal((first.RequestId, 2), (second.RequestId, second.Attempts));
        Assert.Equal(RecordStatus.LeaseLost, late.Status);
        AssertSame(second, late.Record);
        AssertSame(second, await ledger.FindAsync(Id("1"), default));
    }

    [SkippableFact]
    public async Task Keeps_every_member_of_a_synchronized_record()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        _time.Advance(TimeSpan.FromSeconds(3));
        var outcome = AttemptOutcomes.Synchronized(leased, Now) with { TemplateCode = "T-1", TemplateStatus = "" };

        var (status, recorded) = await ledger.RecordAsync(leased, outcome, default);

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized), (status, recorded.State));
        Assert.Equal((leased.Hash, TestSubmissions.Numbered(1), Now), (recorded.SynchronizedHash, recorded.SynchronizedVersion, recorded.SynchronizedAt));
        Assert.Equal(
            (Ended(leased, outcome) with { TemplateCode = "T-1", TemplateStatus = "" }, "T-1", ""),
            (recorded.LastAttempt, recorded.TemplateCode, recorded.TemplateStatus));
        AssertSame(recorded, await ledger.FindAsync(Id("1"), default));
    }

    [SkippableFact]
    public async Task Records_a_success_after_ten_attempts_with_the_longest_texts_that_the_client_passes_on()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var message = new string('票', ResponseClassifier.MaxMessageLength);
        var text = new string('"', ResponseClassifier.MaxIdentifierLength);
        for (var i = 0; i < 10; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            var failed = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
            var attempt = new SyncAttempt(Now, failed.RequestId, text, message, text);
            await ledger.RecordAsync(failed, new AttemptOutcome(AttemptOutcomeKind.RetryAt) { Attempt = attempt, DueAt = Now }, default);
        }

        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        var success = new AttemptOutcome(AttemptOutcomeKind.Synchronized)
        {
            Attempt = new SyncAttempt(Now, leased.RequestId, "SUCCESS", message, text),
            TemplateCode = text,
            TemplateStatus = text,
        };
        var (status, recorded) = await ledger.RecordAsync(leased, success, default);

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized), (status, recorded.State));
        Assert.Equal(AttemptHistory.MaxCount, recorded.EarlierAttempts.Count);
        AssertSame(recorded, await ledger.FindAsync(Id("1"), default));
    }

    [SkippableFact]
    public async Task Keeps_the_template_with_the_attempt_that_received_it()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now) with { TemplateCode = "T-1", TemplateStatus = "valid" }, default);
        _time.Advance(TimeSpan.FromSeconds(3));
        await ledger.AcceptAsync([Version("1", "B", 2)], default);
        leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;

        await ledger.RecordAsync(leased, AttemptOutcomes.RetryAt(leased, Now, Now), default);

        var found = (await ledger.FindAsync(Id("1"), default))!;
        var earlier = Assert.Single(found.EarlierAttempts);
        Assert.Equal(("T-1", "valid", "T-1"), (earlier.TemplateCode, earlier.TemplateStatus, found.TemplateCode));
        Assert.Equal((null, null), (found.LastAttempt!.TemplateCode, found.LastAttempt.TemplateStatus));
    }

    [SkippableFact]
    public async Task Keeps_an_attempt_without_a_tracer_and_with_an_empty_message()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        var attempt = new SyncAttempt(Now, leased.RequestId, "TIMEOUT", "", null);

        var outcome = new AttemptOutcome(AttemptOutcomeKind.RetryAt) { Attempt = attempt, DueAt = Now };
        await ledger.RecordAsync(leased, outcome, default);

        Assert.Equal(Ended(leased, outcome), (await ledger.FindAsync(Id("1"), default))!.LastAttempt);
    }

    [SkippableFact]
    public async Task Grants_no_lease_for_a_retry_before_it_is_due_and_then_returns_the_same_request()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.RetryAt(leased, Now, Now.AddSeconds(30)), default);

        Assert.Equal(LeaseStatus.NotDue, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
        _time.Advance(TimeSpan.FromSeconds(30));
        var again = await ledger.LeaseAsync(Id("1"), Duration, default);

        Assert.Equal((LeaseStatus.Granted, leased.RequestId, 2, 1), (again.Status, again.Record!.RequestId, again.Record.Attempts, again.Record.Hop));
        Assert.Equal(leased.Body.ToArray(), again.Record.Body.ToArray());
    }

    [SkippableFact]
    public async Task Keeps_a_newer_version_pending_when_the_attempt_in_flight_ends()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        await ledger.AcceptAsync([Version("1", "B", 2)], default);
        Assert.Equal(LeaseStatus.Busy, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);

        var result = await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now), default);
        var next = await ledger.LeaseAsync(Id("1"), Duration, default);

        Assert.Equal((RecordStatus.NewerPending, SyncState.Pending), (result.Status, result.Record.State));
        Assert.Equal((LeaseStatus.Granted, TestSubmissions.HashOf("B")), (next.Status, next.Record!.Hash));
        Assert.Equal(TestSubmissions.BodyOf("B"), next.Record.Body.ToArray());
        Assert.NotEqual(leased.RequestId, next.Record.RequestId);
    }

    [SkippableFact]
    public async Task Replays_a_parked_item_with_its_request()
    {
        var ledger = await OpenAsync(_time);
        var parked = await ParkAsync(ledger, "1", "A", ParkReason.AttemptsExhausted);
        Assert.Equal(LeaseStatus.NotPending, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
        _time.Advance(TimeSpan.FromHours(1));

        var replayed = await ledger.ReplayAsync(Id("1"), TimeSpan.Zero, default);

        Assert.Equal((SyncState.Pending, 0, Now, (ParkReason?)null), (replayed!.State, replayed.Attempts, replayed.DueAt, replayed.ParkReason));
        Assert.Equal(parked.RequestId, replayed.RequestId);
        AssertSame(replayed, await ledger.FindAsync(Id("1"), default));
        Assert.Null(await ledger.ReplayAsync(Id("1"), TimeSpan.Zero, default));
        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
    }

    [SkippableFact]
    public async Task Replays_a_parked_item_only_after_the_given_delay()
    {
        var ledger = await OpenAsync(_time);
        await ParkAsync(ledger, "1", "A", ParkReason.AttemptsExhausted);

        var replayed = await ledger.ReplayAsync(Id("1"), TimeSpan.FromSeconds(30), default);

        Assert.Equal((SyncState.Pending, TimeSpan.FromSeconds(30)), (replayed!.State, replayed.DueAt - replayed.AcceptedAt));
        Assert.Equal(LeaseStatus.NotDue, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
    }

    [SkippableFact]
    public async Task Resends_a_synchronized_item_with_its_request()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        var attempt = new SyncAttempt(Now, leased.RequestId, "SUCCESS", "done", null);
        await ledger.RecordAsync(leased, new AttemptOutcome(AttemptOutcomeKind.Synchronized) { Attempt = attempt }, default);
        _time.Advance(TimeSpan.FromDays(30));

        var again = await ledger.ResendAsync(Id("1"), default);

        Assert.Equal((SyncState.Pending, 0, Now, leased.RequestId), (again!.State, again.Attempts, again.DueAt, again.RequestId));
        AssertSame(again, await ledger.FindAsync(Id("1"), default));
        AssertSame(again, await ledger.ResendAsync(Id("1"), default));
        Assert.Equal(LeaseStatus.Granted, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
    }

    [SkippableFact]
    public async Task Does_not_resend_a_rejected_or_unknown_item()
    {
        var ledger = await OpenAsync(_time);
        await ParkAsync(ledger, "1", "A", ParkReason.Rejected);

        Assert.Null(await ledger.ResendAsync(Id("1"), default));
        Assert.Null(await ledger.ResendAsync(Id("none"), default));
        Assert.Equal(SyncState.Parked, (await ledger.FindAsync(Id("1"), default))!.State);
    }

    [SkippableFact]
    public async Task Keeps_every_member_of_the_order_of_versions()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 7)], default);
        var ahead = new ChangeVersion(null, Now.AddDays(400), Now);
        var given = new ChangeVersion(null, Now.AddMinutes(4), Now);
        var accepted = await ledger.AcceptAsync([_submissions.Of(Id("1"), "B", ahead), _submissions.Of(Id("1"), "C", given)], default);

        Assert.Equal([true, false], accepted.Select(a => a.TimeWasAhead));
        var found = (await ledger.FindAsync(Id("1"), default))!;
        Assert.Equal((given, 7, Now.AddMinutes(4)), (found.Version, found.Order.HighestNumber, found.Order.LatestGivenTime));
        Assert.True(found.Order.AheadTimes.Contains(Now.AddDays(400)));
        AssertSame(accepted[1].Record, found);

        _time.Advance(TimeSpan.FromMinutes(10));
        var rolledBack = (await ledger.AcceptAsync([Version("1", "A", 3) with { OverrideDeclaredAt = Now }], default))[0].Record;
        found = (await ledger.FindAsync(Id("1"), default))!;
        Assert.Equal((3, 3, Now), (found.Version.Number, found.Order.HighestNumber, found.Order.RollbackAt));
        AssertSame(rolledBack, found);
    }

    [SkippableFact]
    public async Task Raises_what_was_seen_by_a_superseded_change()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([_submissions.ReceivedAt(Now, Id("1"), "A")], default);

        var superseded = (await ledger.AcceptAsync([Version("1", "B", 9)], default))[0];

        Assert.Equal((AcceptanceKind.Superseded, 9), (superseded.Kind, (await ledger.FindAsync(Id("1"), default))!.Order.HighestNumber));
    }

    [SkippableFact]
    public async Task Delists_by_id_with_the_content_that_it_holds()
    {
        var ledger = await OpenAsync(_time);
        await SynchronizeAsync(ledger, Real("1", """{"a":"茶","b":1}""", 1));

        var delisted = (await ledger.AcceptAsync([ById("1", 2)], default))[0];
        var found = (await ledger.FindAsync(Id("1"), default))!;

        Assert.Equal((AcceptanceKind.Accepted, ContentStatus.Invalid, SyncState.Pending), (delisted.Kind, found.ContentStatus, found.State));
        Assert.Equal("""{"a":"茶","b":1}""", Encoding.UTF8.GetString(found.ReadContentInfo()!.Value.Span));
        var again = await ledger.AcceptAsync([ById("1", 3), Real("1", """{"b":1,"a":"茶"}""", 4, ContentStatus.Invalid)], default);
        Assert.Equal([AcceptanceKind.AlreadyPending, AcceptanceKind.AlreadyPending], again.Select(a => a.Kind));
    }

    [SkippableFact]
    public async Task Records_the_delisting_of_an_unknown_item_without_sending_it()
    {
        var ledger = await OpenAsync(_time);

        var kinds = new List<AcceptanceKind>();
        foreach (var submission in (Submission[])[
            ById("1", 10), ById("1", 10), Real("1", """{"a":1}""", 9), ById("1", 11), Real("1", """{"a":1}""", 11), Real("1", """{"a":1}""", 12)])
        {
            kinds.Add((await ledger.AcceptAsync([submission], default))[0].Kind);
            if (kinds.Count > 1) continue;
            var tombstone = (await ledger.FindAsync(Id("1"), default))!;
            Assert.Equal((SyncState.Tombstone, 0), (tombstone.State, tombstone.Body.Length));
            Assert.Equal(LeaseStatus.NotPending, (await ledger.LeaseAsync(Id("1"), Duration, default)).Status);
            Assert.Null(await ledger.ResendAsync(Id("1"), default));
            Assert.Null(await ledger.ReplayAsync(Id("1"), TimeSpan.Zero, default));
            Assert.Equal(["1"], await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Tombstone }));
        }

        Assert.Equal(
            [
                AcceptanceKind.DelistedUnknown,
                AcceptanceKind.DelistedUnknown,
                AcceptanceKind.Superseded,
                AcceptanceKind.DelistedUnknown,
                AcceptanceKind.RevisionConflict,
                AcceptanceKind.Accepted,
            ],
            kinds);
        Assert.Equal(SyncState.Pending, (await ledger.FindAsync(Id("1"), default))!.State);
    }

    [SkippableFact]
    public async Task Shows_an_item_as_stale_until_a_version_that_covers_the_refused_one_is_accepted()
    {
        var ledger = await OpenAsync(_time);
        Assert.Null(await ledger.RefuseAsync(Id("1"), TestSubmissions.Numbered(2), "too-large", "It is too large.", default));
        await SynchronizeAsync(ledger, "1", "A", 2);
        Assert.False((await ledger.RefuseAsync(Id("1"), TestSubmissions.Numbered(2), "too-large", "It is too large.", default))!.IsStale);

        await ledger.RefuseAsync(Id("1"), TestSubmissions.Numbered(4), "too-large", "It is too large.", default);
        var since = Now;
        _time.Advance(TimeSpan.FromHours(1));
        var refused = (await ledger.RefuseAsync(Id("1"), TestSubmissions.Numbered(5), "too-deep", "It is too deep.", default))!;

        Assert.Equal(new SyncRefusal(since, TestSubmissions.Numbered(5), "too-deep", "It is too deep."), refused.Refused);
        AssertSame(refused, await ledger.FindAsync(Id("1"), default));
        Assert.Equal(["1"], await ListAsync(ledger, new SyncRecordFilter { IsStale = true }));
        Assert.True((await ledger.AcceptAsync([Version("1", "B", 3)], default))[0].Record.IsStale);
        Assert.False((await ledger.AcceptAsync([Version("1", "C", 5)], default))[0].Record.IsStale);
        Assert.Null((await ledger.FindAsync(Id("1"), default))!.Refused);
        Assert.Empty(await ListAsync(ledger, new SyncRecordFilter { IsStale = true }));
    }

    [SkippableFact]
    public async Task Keeps_an_item_stale_that_was_delisted_because_of_the_refusal_and_accepts_the_corrected_version()
    {
        var ledger = await OpenAsync(_time);
        await SynchronizeAsync(ledger, Real("1", """{"a":1}""", 1));
        await ledger.RefuseAsync(Id("1"), TestSubmissions.Numbered(2), "too-large", "It is too large.", default);

        var delisted = (await ledger.AcceptAsync([ById("1", 2)], default))[0];
        var corrected = (await ledger.AcceptAsync([Real("1", """{"a":2}""", 2)], default))[0];

        Assert.Equal((AcceptanceKind.Accepted, ContentStatus.Invalid, true), (delisted.Kind, delisted.Record.ContentStatus, delisted.Record.IsStale));
        Assert.Equal((AcceptanceKind.Accepted, ContentStatus.Valid, false), (corrected.Kind, corrected.Record.ContentStatus, corrected.Record.IsStale));
        Assert.Equal(AcceptanceKind.AlreadyPending, (await ledger.AcceptAsync([Real("1", """{"a":2}""", 2)], default))[0].Kind);
    }

    [SkippableFact]
    public async Task Lists_by_state_due_time_type_and_result()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("due", "A", 1), _submissions.Of(Id("movie"), "A", 1, "MOVIE"), Version("later", "A", 1)], default);
        var later = (await ledger.LeaseAsync(Id("later"), Duration, default)).Record!;
        await ledger.RecordAsync(later, AttemptOutcomes.RetryAt(later, Now, Now.AddSeconds(30)), default);
        await SynchronizeAsync(ledger, "done", "A", 1);
        await ParkAsync(ledger, "parked", "A", ParkReason.Rejected);

        Assert.Equal(["done", "due", "later", "movie", "parked"], await ListAsync(ledger, new SyncRecordFilter()));
        Assert.Equal(["due", "later", "movie"], await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Pending }));
        Assert.Equal(["done"], await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Synchronized }));
        Assert.Equal(["parked"], await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Parked }));
        Assert.Equal(["due", "movie"], await ListAsync(ledger, new SyncRecordFilter { DueBy = Now }));
        Assert.Equal(
            ["due", "movie"],
            await ListAsync(ledger, new SyncRecordFilter { DueBy = Now.AddSeconds(30).AddTicks(-1), State = SyncState.Pending }));
        Assert.Equal(["due", "later", "movie"], await ListAsync(ledger, new SyncRecordFilter { DueBy = Now.AddSeconds(30) }));
        Assert.Equal(["movie"], await ListAsync(ledger, new SyncRecordFilter { DueBy = Now, ContentType = "MOVIE" }));
        Assert.Equal(["parked"], await ListAsync(ledger, new SyncRecordFilter { ResultCode = "CONTENT_RISKY" }));
        Assert.Equal(["later"], await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Pending, ResultCode = "UNKNOWN_EXCEPTION" }));
        Assert.Empty(await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Parked, DueBy = Now }));
        Assert.Empty(await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Parked, ContentType = "MOVIE" }));
    }

    [SkippableFact]
    public async Task Lists_more_records_than_a_page_each_once_and_complete()
    {
        var ledger = await OpenAsync(_time);
        var ids = Enumerable.Range(0, 1_100).Select(i => i.ToString("d4", System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        await ledger.AcceptAsync([.. ids.Select(id => Version(id, $"content {id}", 1))], default);

        Assert.Equal(ids, await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Pending }));
        Assert.Equal(ids, await ListAsync(ledger, new SyncRecordFilter { ContentType = "SKU" }));
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter { DueBy = Now }, default))
        {
            if (!record.ContentId.StartsWith(_prefix, StringComparison.Ordinal)) continue;
            Assert.Equal(TestSubmissions.BodyOf($"content {record.ContentId[_prefix.Length..]}"), record.Body.ToArray());
        }
    }

    [SkippableFact]
    public async Task Continues_listing_while_records_change()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([.. Enumerable.Range(0, 600).Select(i => Version($"{i}", "A", 1))], default);
        var listed = new HashSet<string>();

        await foreach (var record in ledger.ListAsync(new SyncRecordFilter { State = SyncState.Pending }, default))
        {
            if (!record.ContentId.StartsWith(_prefix, StringComparison.Ordinal)) continue;
            Assert.True(listed.Add(record.ContentId));
            var leased = (await ledger.LeaseAsync(record.ContentId, Duration, default)).Record!;
            await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now), default);
        }

        Assert.Equal(600, listed.Count);
        Assert.Empty(await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Pending }));
    }

    [SkippableTheory]
    [InlineData("O'Brien \"x\"; DROP TABLE record;--")]
    [InlineData("100%_off?a=b#c/d\\e")]
    [InlineData("🎬👩‍👩‍👧 ")]
    [InlineData("../../etc/passwd")]
    [InlineData("字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字字")]
    [InlineData("é")]
    [InlineData("Case")]
    public async Task Accepts_any_contentId_unchanged(string id)
    {
        var ledger = await OpenAsync(_time);
        var similar = new[] { id.ToUpperInvariant() + "~", id.Normalize(NormalizationForm.FormD) + "|" };
        await ledger.AcceptAsync([Version(id, "A", 1), Version(similar[0], "B", 1), Version(similar[1], "C", 1)], default);

        var synchronized = await SynchronizeAsync(ledger, id, "A", 2);

        Assert.Equal(Id(id), synchronized.ContentId);
        AssertSame(synchronized, await ledger.FindAsync(Id(id), default));
        Assert.Equal([id], await ListAsync(ledger, new SyncRecordFilter { State = SyncState.Synchronized }));
    }

    [SkippableFact]
    public async Task Distinguishes_ids_that_differ_only_in_case_or_composition()
    {
        var ledger = await OpenAsync(_time);
        string[] ids = ["sku", "SKU", "Sku", "e\u0301", "\u00e9", "sku ", "sk\u200bu"];

        await ledger.AcceptAsync([.. ids.Select((id, i) => Version(id, $"{i}", 1))], default);

        for (var i = 0; i < ids.Length; i++) { Assert.Equal(TestSubmissions.HashOf($"{i}"), (await ledger.FindAsync(Id(ids[i]), default))!.Hash); }
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5_000)]
    [InlineData(50_000)]
    public async Task Stores_bodies_of_any_length_byte_for_byte(int length)
    {
        var ledger = await OpenAsync(_time);
        var body = new byte[length];
        new Random(length).NextBytes(body);

        await ledger.AcceptAsync([Version("1", "A", 1) with { Prepare = _ => new PreparedRequest("r1", body) }], default);

        Assert.Equal(body, (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!.Body.ToArray());
        Assert.Equal(body, (await ledger.FindAsync(Id("1"), default))!.Body.ToArray());
    }

    [SkippableFact]
    public async Task Does_nothing_for_a_caller_that_has_cancelled()
    {
        var ledger = await OpenAsync(_time);
        var cancelled = new CancellationToken(canceled: true);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await ledger.AcceptAsync([Version("1", "A", 1)], cancelled));
        Assert.Null(await ledger.FindAsync(Id("1"), default));
    }

    [SkippableFact]
    public async Task Keeps_what_was_sent_of_each_version_with_its_outcome_and_digest()
    {
        var ledger = await OpenAsync(_time);
        await SynchronizeAsync(ledger, "1", "A", 1);
        for (var attempt = 0; attempt < 12; attempt++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await ledger.AcceptAsync([Version("1", "B", 2)], default);
            var failed = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
            await ledger.RecordAsync(failed, AttemptOutcomes.RetryAt(failed, Now, Now), default);
        }

        _time.Advance(TimeSpan.FromSeconds(1));
        await SynchronizeAsync(ledger, "1", "C", 3);
        var found = (await ledger.FindAsync(Id("1"), default))!;

        Assert.Equal(
            [
                (1L, "SUCCESS", AttemptOutcomeKind.Synchronized, TestSubmissions.HashOf("A"), true),
                (2L, "UNKNOWN_EXCEPTION", AttemptOutcomeKind.RetryAt, TestSubmissions.HashOf("B"), true),
                (3L, "SUCCESS", AttemptOutcomeKind.Synchronized, TestSubmissions.HashOf("C"), true),
            ],
            found.ReadSent().Select(sent => (
                sent.Attempted.Version.Number!.Value, sent.Code, sent.Attempted.Outcome, sent.Attempted.Digest, sent.Body is null)));
        Assert.Equal([2L, 3L], found.EarlierAttempts.Append(found.LastAttempt!).Select(a => a.Attempted!.Version.Number!.Value).Distinct());
    }

    [SkippableFact]
    public async Task Keeps_the_bodies_of_earlier_requests_if_that_is_set_and_at_most_nine()
    {
        var ledger = await OpenAsync(_time);
        for (var version = 1; version <= 12; version++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await ledger.AcceptAsync([Version("1", $"V{version}", version) with { KeepsSentBody = true }], default);
            var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
            await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now) with { KeepsSentBody = true }, default);
        }

        var found = (await ledger.FindAsync(Id("1"), default))!;

        Assert.Equal(Enumerable.Range(3, 10), found.ReadSent().Select(sent => (int)sent.Attempted.Version.Number!.Value));
        Assert.Equal(
            Enumerable.Range(3, 9).Select(version => Encoding.UTF8.GetString(TestSubmissions.BodyOf($"V{version}"))).Append(null),
            found.ReadSent().Select(sent => sent.Body is { } body ? Encoding.UTF8.GetString(body.Span) : null));
        AssertSame(found, (await ledger.LeaseAsync(Id("1"), Duration, default)).Record);
    }

    [SkippableFact]
    public async Task Keeps_the_body_of_a_request_that_a_newer_version_replaced_while_it_was_in_flight()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        await ledger.AcceptAsync([Version("1", "B", 2) with { KeepsSentBody = true }], default);

        await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now) with { KeepsSentBody = true }, default);

        var sent = Assert.Single((await ledger.FindAsync(Id("1"), default))!.ReadSent());
        Assert.Equal((1L, AttemptOutcomeKind.Synchronized), (sent.Attempted.Version.Number, sent.Attempted.Outcome));
        Assert.Equal(TestSubmissions.BodyOf("A"), sent.Body!.Value.ToArray());
    }

    [SkippableFact]
    public async Task Stores_the_largest_bodies_of_earlier_requests_that_it_keeps()
    {
        var ledger = await OpenAsync(_time);
        for (var version = 1; version <= 3; version++)
        {
            var body = new byte[30_000];
            new Random(version).NextBytes(body);
            _time.Advance(TimeSpan.FromSeconds(1));
            var submission = Version("1", $"V{version}", version) with { KeepsSentBody = true, Prepare = _ => new PreparedRequest($"r{body[0]}", body) };
            await ledger.AcceptAsync([submission], default);
            var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
            await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now), default);
        }

        await ledger.AcceptAsync([Version("1", "V4", 4) with { KeepsSentBody = true }], default);
        var found = (await ledger.FindAsync(Id("1"), default))!;

        // Random bytes do not compress: two bodies of 30,000 bytes fit into 64 KiB, three do not.
        Assert.Equal([null, 30_000, 30_000], found.ReadSent().Select(sent => sent.Body?.Length));
        Assert.Equal([1L, 2L, 3L], found.ReadSent().Select(sent => sent.Attempted.Version.Number!.Value));
    }

    [SkippableFact]
    public async Task Keeps_an_interrupted_request_but_not_one_that_was_never_sent()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.DeferredUntil(leased, Now, Now) with { WasSent = false }, default);
        Assert.Empty((await ledger.FindAsync(Id("1"), default))!.ReadSent());

        _time.Advance(TimeSpan.FromSeconds(1));
        leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
        var interrupted = AttemptOutcomes.Synchronized(leased, Now).Attempt! with { Code = "Interrupted" };
        await ledger.RecordAsync(leased, AttemptOutcomes.Released() with { Attempt = interrupted }, default);

        var found = (await ledger.FindAsync(Id("1"), default))!;
        var sent = Assert.Single(found.ReadSent());
        Assert.Equal(("Interrupted", AttemptOutcomeKind.Released), (sent.Code, sent.Attempted.Outcome));
        Assert.Equal(("INVALID_SIGNATURE", AttemptOutcomeKind.DeferredUntil), (found.LastAttempt!.Code, found.LastAttempt.Attempted!.Outcome));
    }

    [SkippableFact]
    public async Task Forgets_a_delisted_item_after_its_retention_and_supersedes_what_is_dated_before_from_then_on()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Real("delisted", """{"a":0}""", 1), Real("listed", """{"a":0}""", 1), Real("later", """{"a":0}""", 1), ById("unknown", 1)], default);
        foreach (var id in (string[])["delisted", "listed", "later"]) await AcknowledgeAsync(ledger, id);
        await ledger.AcceptAsync([Real("delisted", """{"a":0}""", 2, ContentStatus.Invalid), Real("later", """{"a":0}""", 2, ContentStatus.Invalid)], default);
        await AcknowledgeAsync(ledger, "delisted");
        await AcknowledgeAsync(ledger, "later");
        var received = Now;
        _time.Advance(TimeSpan.FromDays(100));
        await ledger.AcceptAsync([Real("later", """{"a":1}""", 3), Real("later", """{"a":1}""", 4, ContentStatus.Invalid)], default);
        await AcknowledgeAsync(ledger, "later");
        _time.Advance(TimeSpan.FromDays(298));
        Assert.Equal(0, (await MaintainAsync(ledger)).Forgotten);
        Assert.NotNull(await ledger.FindAsync(Id("delisted"), default));
        Assert.Null(await ledger.HorizonAsync(default));
        _time.Advance(TimeSpan.FromDays(2));

        Assert.Equal(2, (await MaintainAsync(ledger)).Forgotten);

        Assert.Equal(["later", "listed"], (await ListAsync(ledger, new SyncRecordFilter())).Order());
        var old = await ledger.AcceptAsync([_submissions.ReceivedAt(received, Id("delisted"), "A"), Version("delisted", "B", 1)], default);
        Assert.Equal([AcceptanceKind.Superseded, AcceptanceKind.Superseded], old.Select(acceptance => acceptance.Kind));
        Assert.All(old, acceptance => Assert.True(acceptance.Record is { IsForgotten: true, Version.FirstReceivedAt: var horizon } && horizon > received));
        Assert.Null(await ledger.FindAsync(Id("delisted"), default));
        Assert.Equal(AcceptanceKind.Accepted, (await ledger.AcceptAsync([_submissions.ReceivedAt(Now, Id("delisted"), "A")], default))[0].Kind);
        var rollback = _submissions.ReceivedAt(received, Id("unknown"), "A") with { OverrideDeclaredAt = Now };
        Assert.Equal(AcceptanceKind.Accepted, (await ledger.AcceptAsync([rollback], default))[0].Kind);
        Assert.Equal(AcceptanceKind.Accepted, (await ledger.AcceptAsync([_submissions.ReceivedAt(Now.AddDays(-399), Id("new"), "A")], default))[0].Kind);
    }

    [SkippableFact]
    public async Task Keeps_a_delisted_item_that_is_pending_parked_or_stale_however_old_it_is()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync(
            [.. new[] { "pending", "parked", "stale" }.Select(id => Real(id, """{"a":0}""", 1, ContentStatus.Invalid))], default);
        var leased = (await ledger.LeaseAsync(Id("parked"), Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Parked(leased, Now, ParkReason.Rejected), default);
        await AcknowledgeAsync(ledger, "stale");
        await ledger.RefuseAsync(Id("stale"), TestSubmissions.Numbered(2), "required", "is missing", default);
        _time.Advance(TimeSpan.FromDays(500));

        Assert.Equal(0, (await MaintainAsync(ledger)).Forgotten);

        Assert.Equal(3, (await ListAsync(ledger, new SyncRecordFilter())).Count);
    }

    [SkippableFact]
    public async Task Shortens_a_history_after_its_retention_and_keeps_the_newest_attempt()
    {
        var ledger = await OpenAsync(_time);
        for (var version = 1; version <= 3; version++)
        {
            if (version == 3) _time.Advance(TimeSpan.FromDays(300));
            await ledger.AcceptAsync([Version("1", $"V{version}", version) with { KeepsSentBody = true }], default);
            await AcknowledgeAsync(ledger, "1");
        }

        _time.Advance(TimeSpan.FromDays(101));
        Assert.Equal(1, (await MaintainAsync(ledger)).Trimmed);

        var found = (await ledger.FindAsync(Id("1"), default))!;
        Assert.Equal([3L], found.ReadSent().Select(sent => sent.Attempted.Version.Number!.Value));
        Assert.Empty(found.EarlierAttempts);
        _time.Advance(TimeSpan.FromDays(400));
        Assert.Equal(0, (await MaintainAsync(ledger)).Trimmed);
        Assert.Equal((SyncState.Synchronized, "SUCCESS"), (found.State, (await ledger.FindAsync(Id("1"), default))!.LastAttempt!.Code));
        await ledger.AcceptAsync([Version("1", "V4", 4)], default);
        await AcknowledgeAsync(ledger, "1");
        Assert.Equal([3L, 4L], (await ledger.FindAsync(Id("1"), default))!.ReadSent().Select(sent => sent.Attempted.Version.Number!.Value));
    }

    [SkippableFact]
    public async Task Keeps_the_last_ten_attempts()
    {
        var ledger = await OpenAsync(_time);
        await ledger.AcceptAsync([Version("1", "A", 1)], default);
        for (var i = 1; i <= 12; i++)
        {
            var leased = (await ledger.LeaseAsync(Id("1"), Duration, default)).Record!;
            await ledger.RecordAsync(leased, AttemptOutcomes.RetryAt(leased, Now.AddMicroseconds(i), Now), default);
        }

        var record = (await ledger.FindAsync(Id("1"), default))!;
        Assert.Equal(
            Enumerable.Range(3, 10).Select(i => Now.AddMicroseconds(i)),
            record.EarlierAttempts.Append(record.LastAttempt!).Select(attempt => attempt.At));
        Assert.All(record.EarlierAttempts, attempt => Assert.Equal(record.LastAttempt! with { At = attempt.At }, attempt));
    }

    [SkippableFact]
    public async Task Pages_through_the_matches_once_each_in_a_stable_order()
    {
        var ledger = await OpenAsync(_time);
        foreach (var i in Enumerable.Range(0, 7)) await ParkAsync(ledger, $"{i}", "A", ParkReason.Rejected);
        await SynchronizeAsync(ledger, "8", "A", 1);
        var filter = new SyncRecordFilter { State = SyncState.Parked };
        var (names, after, pages) = (new List<string>(), (string?)null, 0);
        do
        {
            var page = await ledger.PageAsync(filter, after, 3, default);
            Assert.True(page.Items.Count <= 3);
            names.AddRange(page.Items.Select(item => item.ContentId).Where(IsOwn).Select(id => id[_prefix.Length..]));
            after = page.Next;
        }
        while (after is not null && ++pages < 1_000);

        Assert.Equal(Enumerable.Range(0, 7).Select(i => $"{i}"), names.Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task Lists_items_as_their_records_are_after_every_kind_of_change()
    {
        var ledger = await OpenAsync(_time);
        await EveryKindOfItemAsync(ledger);

        var listed = new Dictionary<string, ListedItem>();
        await foreach (var item in ledger.ListItemsAsync(new SyncRecordFilter { IsOutOfSync = true }, default))
            if (IsOwn(item.ContentId)) Assert.True(listed.TryAdd(item.ContentId[_prefix.Length..], item));

        var expected = new Dictionary<string, ListedItem>();
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), default))
        {
            if (IsOwn(record.ContentId) && ListedItem.Of(record) is { IsOutOfSync: true } item)
                expected.Add(record.ContentId[_prefix.Length..], item);
        }

        Assert.Equal(["leased", "parked", "parkedMovie", "pending", "replayed", "retried", "stale"], listed.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), listed.Keys.Order(StringComparer.Ordinal));
        // A ledger may keep leases, and the attempts that they count, apart from its lists.
        Assert.All(expected, pair => Assert.Equal(Comparable(pair.Value), Comparable(listed[pair.Key])));

        static ListedItem Comparable(ListedItem item) => item with { LeaseExpiresAt = null, Attempts = 0 };
    }

    [SkippableFact]
    public async Task Selects_items_by_every_member_of_a_filter_in_lists_and_pages_alike()
    {
        var ledger = await OpenAsync(_time);
        await EveryKindOfItemAsync(ledger);
        var all = new List<ListedItem>();
        await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), default)) all.Add(ListedItem.Of(record));

        foreach (var filter in (SyncRecordFilter[])
        [
            new(),
            new() { State = SyncState.Pending },
            new() { State = SyncState.Parked, ContentType = "MOVIE" },
            new() { State = SyncState.Synchronized },
            new() { State = SyncState.Synchronized, IsStale = true },
            new() { State = SyncState.Synchronized, IsOutOfSync = true },
            new() { State = SyncState.Tombstone },
            new() { State = SyncState.Tombstone, IsOutOfSync = true },
            new() { ResultCode = "CONTENT_RISKY" },
            new() { ResultCode = "SUCCESS" },
            new() { ResultCode = "NONE" },
            new() { ParkReason = ParkReason.AgeExceeded },
            new() { ParkReason = ParkReason.AgeExceeded, State = SyncState.Pending },
            new() { IsStale = true },
            new() { IsOutOfSync = true },
            new() { IsFailing = true },
            new() { IsFailing = true, State = SyncState.Pending },
            new() { DueBy = Now },
            new() { DueBy = Now, State = SyncState.Parked },
            new() { IdPrefix = Id("p") },
            new() { IdPrefix = Id("parked"), State = SyncState.Parked },
            new() { IdPrefix = Id("p"), ContentType = "MOVIE", IsOutOfSync = true },
            new() { From = Now, IsOutOfSync = true },
            new() { To = Now },
            new() { From = Now.AddHours(-1), To = Now, State = SyncState.Parked },
        ])
        {
            var matching = all.Where(item => IsOwn(item.ContentId) && filter.Matches(item));
            var expected = matching.Select(item => item.ContentId).Order(StringComparer.Ordinal);
            var listed = new List<string>();
            await foreach (var item in ledger.ListItemsAsync(filter, default)) listed.Add(item.ContentId);
            Assert.Equal(expected, listed.Where(IsOwn).Order(StringComparer.Ordinal));
            Assert.Equal(expected, (await PagesAsync(ledger, filter)).Order(StringComparer.Ordinal));
        }
    }

    private async Task<List<string>> PagesAsync(ISyncLedger ledger, SyncRecordFilter filter)
    {
        var (ids, after, pages) = (new List<string>(), (string?)null, 0);
        do
        {
            var page = await ledger.PageAsync(filter, after, 2, default);
            Assert.True(page.Items.Count <= 2);
            ids.AddRange(page.Items.Select(item => item.ContentId).Where(IsOwn));
            after = page.Next;
        }
        while (after is not null && ++pages < 1_000);
        Assert.Null(after);
        return ids;
    }

    /// <summary>One item in each state that a ledger tells apart, changed in every way that leads there.</summary>
    private async Task EveryKindOfItemAsync(ISyncLedger ledger)
    {
        await ParkAsync(ledger, "parked", "A", ParkReason.Rejected);
        await ParkAsync(ledger, "replayed", "A", ParkReason.AttemptsExhausted);
        await ledger.AcceptAsync([_submissions.Of(Id("parkedMovie"), "A", 1, "MOVIE")], default);
        var movie = (await ledger.LeaseAsync(Id("parkedMovie"), Duration, default)).Record!;
        await ledger.RecordAsync(movie, AttemptOutcomes.Parked(movie, Now, ParkReason.AgeExceeded, "SYSTEM_ERROR"), default);
        await SynchronizeAsync(ledger, "synchronized", "A", 1);
        await SynchronizeAsync(ledger, "again", "A", 1);
        await SynchronizeAsync(ledger, "again", "B", 2);
        await ledger.AcceptAsync([ById("tombstone", 1)], default);
        await SynchronizeAsync(ledger, "stale", "A", 1);
        await ledger.RefuseAsync(Id("stale"), TestSubmissions.Numbered(2), "too-large", "It is too large.", default);
        _time.Advance(TimeSpan.FromHours(1));
        await ledger.AcceptAsync([Version("pending", "A", 1), Version("retried", "A", 1), Version("leased", "A", 1)], default);
        var retried = (await ledger.LeaseAsync(Id("retried"), Duration, default)).Record!;
        await ledger.RecordAsync(retried, AttemptOutcomes.RetryAt(retried, Now, Now.AddMinutes(2)), default);
        await ledger.LeaseAsync(Id("leased"), Duration, default);
        await ledger.ReplayAsync(Id("replayed"), TimeSpan.FromSeconds(5), default);
    }

    private bool IsOwn(string contentId) => contentId.StartsWith(_prefix, StringComparison.Ordinal);

    private static void AssertSame(SyncRecord? expected, SyncRecord? actual)
    {
        Assert.NotNull(expected);
        Assert.NotNull(actual);
        Assert.Equal(expected.Body.ToArray(), actual.Body.ToArray());
        Assert.Equal(expected with { Body = default }, actual with { Body = default });
    }

    private async Task AcknowledgeAsync(ISyncLedger ledger, string name)
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        var leased = (await ledger.LeaseAsync(Id(name), Duration, default)).Record!;
        await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now), default);
    }

    /// <summary>Two runs a day apart: a ledger may announce what it forgets with the next one.</summary>
    private async Task<MaintenanceResult> MaintainAsync(ISyncLedger ledger)
    {
        var maintenance = Maintenance(ledger, _time, new RetentionOptions());
        var first = await maintenance.RunAsync(TimeSpan.FromHours(1), default);
        _time.Advance(TableLedgerMaintenance.ScanInterval);
        var second = await maintenance.RunAsync(TimeSpan.FromHours(1), default);
        return first.Plus(second);
    }

    /// <summary>The attempt as the ledger records it.</summary>
    private static SyncAttempt Ended(SyncRecord leased, AttemptOutcome outcome) => outcome.Attempt! with
    {
        Attempted = new AttemptedVersion(leased.Version, leased.Hash, outcome.Kind, outcome.WasSent),
    };

    private string Id(string name) => _prefix + name;

    private Submission Version(string name, string content, long revision) => _submissions.Of(Id(name), content, revision);

    /// <summary>A submission with a real request, because a delisting by id reads the held one.</summary>
    private Submission Real(string name, string contentInfo, long revision, ContentStatus status = ContentStatus.Valid)
    {
        var json = $$"""{"contentId":"{{Id(name)}}","contentType":"SKU","contentStatus":{{(int)status}},"contentInfo":{{contentInfo}}}""";
        var item = new ContentReader(new ContentOptions(), _time).Read(Encoding.UTF8.GetBytes(json)).Item!;
        return new Submission(item, TestSubmissions.Numbered(revision), Prepare);
    }

    private Submission ById(string name, long revision) => new(Delisting.ById(Id(name), revision), TestSubmissions.Numbered(revision), Prepare);

    private static PreparedRequest Prepare(ContentItem item)
    {
        var requestId = Guid.NewGuid().ToString("N");
        return new PreparedRequest(requestId, SynchronizeRequest.Prepare(item, requestId));
    }

    private Task<SyncRecord> SynchronizeAsync(ISyncLedger ledger, string name, string content, long revision) =>
        SynchronizeAsync(ledger, Version(name, content, revision));

    private async Task<SyncRecord> SynchronizeAsync(ISyncLedger ledger, Submission submission)
    {
        await ledger.AcceptAsync([submission], default);
        var leased = (await ledger.LeaseAsync(submission.Item.ContentId, Duration, default)).Record!;
        return (await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, Now), default)).Record;
    }

    private async Task<SyncRecord> ParkAsync(ISyncLedger ledger, string name, string content, ParkReason reason)
    {
        await ledger.AcceptAsync([Version(name, content, 1)], default);
        var leased = (await ledger.LeaseAsync(Id(name), Duration, default)).Record!;
        return (await ledger.RecordAsync(leased, AttemptOutcomes.Parked(leased, Now, reason), default)).Record;
    }

    // Only the records of this test, ordered by name.
    private async Task<List<string>> ListAsync(ISyncLedger ledger, SyncRecordFilter filter)
    {
        var names = new List<string>();
        await foreach (var record in ledger.ListAsync(filter, default))
        {
            if (record.ContentId.StartsWith(_prefix, StringComparison.Ordinal)) names.Add(record.ContentId[_prefix.Length..]);
        }

        names.Sort(StringComparer.Ordinal);
        return names;
    }

    private static readonly Dictionary<int, Random> Randoms = [];

    private static int NextId(int seed)
    {
        lock (Randoms)
        {
            if (!Randoms.TryGetValue(seed, out var random)) Randoms[seed] = random = new Random(seed);
            return random.Next();
        }
    }
}
