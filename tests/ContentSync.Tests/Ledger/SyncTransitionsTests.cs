using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class SyncTransitionsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);

    private readonly TestSubmissions _submissions = new();

    [Fact]
    public void Accepts_an_unknown_item_as_pending_and_due_immediately()
    {
        var (next, acceptance) = SyncTransitions.Accept(null, Version("A", 1), Now);

        Assert.Equal(AcceptanceKind.Accepted, acceptance.Kind);
        Assert.Same(next, acceptance.Record);
        Assert.Equal(("item", SyncState.Pending, 0, 0), (next!.ContentId, next.State, next.Attempts, next.Hop));
        Assert.Equal((Now, Now), (next.AcceptedAt, next.DueAt));
        Assert.Equal(TestSubmissions.BodyOf("A"), next.Body.ToArray());
        Assert.Null(next.SynchronizedHash);
    }

    [Theory]
    [InlineData(2, "A", AcceptanceKind.AlreadyPending)]
    [InlineData(3, "A", AcceptanceKind.AlreadyPending)]
    [InlineData(3, "B", AcceptanceKind.Accepted)]
    [InlineData(2, "B", AcceptanceKind.RevisionConflict)]
    [InlineData(1, "A", AcceptanceKind.Superseded)]
    [InlineData(1, "B", AcceptanceKind.Superseded)]
    public void Decides_on_a_submission_for_a_pending_item(long revision, string content, AcceptanceKind expected) =>
        Assert.Equal(expected, Accept(Accepted("A", 2), Version(content, revision)).Kind);

    [Theory]
    [InlineData(2, "A", AcceptanceKind.Unchanged)]
    [InlineData(3, "A", AcceptanceKind.Unchanged)]
    [InlineData(3, "B", AcceptanceKind.Accepted)]
    [InlineData(2, "B", AcceptanceKind.RevisionConflict)]
    [InlineData(1, "A", AcceptanceKind.Superseded)]
    [InlineData(1, "B", AcceptanceKind.Superseded)]
    public void Decides_on_a_submission_for_a_synchronized_item(long revision, string content, AcceptanceKind expected) =>
        Assert.Equal(expected, Accept(Synchronized("A", 2), Version(content, revision)).Kind);

    [Theory]
    [InlineData(2, "A", ParkReason.Rejected, AcceptanceKind.Parked)]
    [InlineData(3, "A", ParkReason.Rejected, AcceptanceKind.Parked)]
    [InlineData(3, "B", ParkReason.Rejected, AcceptanceKind.Accepted)]
    [InlineData(2, "B", ParkReason.Rejected, AcceptanceKind.RevisionConflict)]
    [InlineData(1, "B", ParkReason.Rejected, AcceptanceKind.Superseded)]
    [InlineData(2, "A", ParkReason.AttemptsExhausted, AcceptanceKind.Parked)]
    [InlineData(3, "A", ParkReason.AttemptsExhausted, AcceptanceKind.Accepted)]
    [InlineData(3, "A", ParkReason.AgeExceeded, AcceptanceKind.Accepted)]
    [InlineData(3, "B", ParkReason.AgeExceeded, AcceptanceKind.Accepted)]
    public void Decides_on_a_submission_for_a_parked_item(long revision, string content, ParkReason reason, AcceptanceKind expected) =>
        Assert.Equal(expected, Accept(Parked("A", 2, reason), Version(content, revision)).Kind);

    [Theory]
    [InlineData(1, "A")]
    [InlineData(1, "B")]
    [InlineData(2, "B")]
    public void Writes_nothing_for_an_older_or_a_conflicting_revision(long revision, string content)
    {
        var current = Accepted("A", 2);

        var (next, acceptance) = SyncTransitions.Accept(current, Version(content, revision), Now.AddHours(1));

        Assert.Null(next);
        Assert.Same(current, acceptance.Record);
    }

    [Fact]
    public void Prepares_no_request_unless_the_content_changes()
    {
        var pending = Accepted("A", 2);
        var synchronized = Synchronized("A", 2);
        var parked = Parked("A", 2, ParkReason.AttemptsExhausted);
        var before = _submissions.Prepared;

        Accept(pending, Version("A", 3));
        Accept(pending, Version("B", 1));
        Accept(pending, Version("B", 2));
        Accept(synchronized, Version("A", 3));
        Accept(parked, Version("A", 3));

        Assert.Equal(before, _submissions.Prepared);
    }

    [Fact]
    public void Keeps_the_request_while_the_content_stays_the_same()
    {
        var first = Accepted("A", 1);

        var (next, _) = SyncTransitions.Accept(first, Version("A", 2), Now.AddHours(1));

        Assert.Equal(first with { Order = first.Order with { Current = TestSubmissions.Numbered(2), HighestNumber = 2 } }, next);
    }

    [Fact]
    public void Prepares_a_new_request_for_changed_content_and_resets_its_age_and_attempts()
    {
        var retried = Record(Lease(Accepted("A", 1)), l => AttemptOutcomes.RetryAt(l, Now, Now.AddHours(9)));

        var (next, _) = SyncTransitions.Accept(retried, Version("B", 2), Now.AddHours(1));

        Assert.NotEqual(retried.RequestId, next!.RequestId);
        Assert.Equal(TestSubmissions.BodyOf("B"), next.Body.ToArray());
        Assert.Equal((0, Now.AddHours(1), Now.AddHours(1)), (next.Attempts, next.AcceptedAt, next.DueAt));
    }

    [Fact]
    public void Never_decreases_the_hop_of_an_item_so_no_two_messages_share_an_id()
    {
        var hops = new List<int>();
        var record = Accepted("A", 5);
        hops.Add(record.Hop);
        record = Record(Lease(record), l => AttemptOutcomes.RetryAt(l, Now, Now));
        hops.Add(record.Hop);
        record = Record(Lease(record), l => AttemptOutcomes.DeferredUntil(l, Now, Now));
        hops.Add(record.Hop);
        record = Accept(record, _submissions.ReceivedAt(Now, "item", "B")).Record;
        hops.Add(record.Hop);
        record = Accept(record, Version("C", 5) with { OverrideDeclaredAt = Now }).Record;
        hops.Add(record.Hop);
        record = Record(Lease(record), l => AttemptOutcomes.Parked(l, Now, ParkReason.AgeExceeded));
        record = SyncTransitions.Replay(record, Now, TimeSpan.Zero)!;
        hops.Add(record.Hop);

        Assert.Equal(TestSubmissions.Numbered(5), record.Version);
        Assert.Equal([0, 1, 2, 3, 4, 5], hops);
    }

    [Fact]
    public void Keeps_the_first_of_two_versions_received_at_the_same_time()
    {
        var first = Accept(null, _submissions.ReceivedAt(Now, "item", "A")).Record;

        Assert.Equal(AcceptanceKind.Superseded, Accept(first, _submissions.ReceivedAt(Now, "item", "B")).Kind);
        Assert.Equal(AcceptanceKind.AlreadyPending, Accept(first, _submissions.ReceivedAt(Now, "item", "A")).Kind);
        Assert.Equal(AcceptanceKind.Accepted, Accept(first, _submissions.ReceivedAt(Now.AddTicks(1), "item", "B")).Kind);
    }

    [Fact]
    public void Refuses_different_content_with_the_same_occurredAt()
    {
        var first = Accept(null, _submissions.Of("item", "A", TestSubmissions.Given(Now))).Record;

        Assert.Equal(AcceptanceKind.RevisionConflict, Accept(first, _submissions.Of("item", "B", TestSubmissions.Given(Now))).Kind);
    }

    [Fact]
    public void Compares_a_number_with_a_time_by_when_they_changed()
    {
        var byTime = Accept(null, _submissions.Of("item", "A", TestSubmissions.Given(TestSubmissions.Received))).Record;

        var sameTime = Accept(byTime, Version("B", 1));
        var later = Accept(byTime, _submissions.Of("item", "B", new ChangeVersion(1, null, Now)));
        var yearOld = Accept(later.Record, _submissions.Of("item", "C", TestSubmissions.Given(Now.AddYears(-1))));

        Assert.Equal(
            [AcceptanceKind.Superseded, AcceptanceKind.Accepted, AcceptanceKind.Superseded], [sameTime.Kind, later.Kind, yearOld.Kind]);
        Assert.Equal(1, yearOld.Record.Version.Number);
    }

    [Fact]
    public void Sends_nothing_when_the_content_changes_back_to_what_AlipayHK_holds_before_the_change_was_sent()
    {
        var changed = Accept(Synchronized("A", 1), Version("B", 2)).Record;

        var back = Accept(changed, Version("A", 3));

        Assert.Equal(AcceptanceKind.Unchanged, back.Kind);
        Assert.Equal((SyncState.Synchronized, TestSubmissions.Numbered(3)), (back.Record.State, back.Record.Version));
        Assert.Equal(TestSubmissions.BodyOf("A"), back.Record.Body.ToArray());
        Assert.Equal(TestSubmissions.HashOf("A"), back.Record.Hash);
    }

    [Fact]
    public void Sends_again_when_the_content_changes_back_while_the_change_is_in_flight()
    {
        var inFlight = Lease(Accept(Synchronized("A", 1), Version("B", 2)).Record);

        Assert.Equal(AcceptanceKind.Accepted, Accept(inFlight, Version("A", 3)).Kind);
    }

    [Fact]
    public void Sends_again_when_the_content_changes_back_after_the_change_may_have_been_sent()
    {
        var changed = Accept(Synchronized("A", 1), Version("B", 2)).Record;

        Assert.All(
            new Func<SyncRecord, AttemptOutcome>[]
            {
                l => AttemptOutcomes.RetryAt(l, Now, Now),
                l => AttemptOutcomes.DeferredUntil(l, Now, Now),
                _ => AttemptOutcomes.Released(),
                l => AttemptOutcomes.Parked(l, Now, ParkReason.AttemptsExhausted),
            },
            outcome => Assert.Equal(AcceptanceKind.Accepted, Accept(Record(Lease(changed), outcome), Version("A", 3)).Kind));
    }

    [Fact]
    public void Counts_the_attempt_and_clears_what_AlipayHK_is_known_to_hold_when_it_grants_a_lease()
    {
        var changed = Accept(Synchronized("A", 1), Version("B", 2)).Record;

        var (next, status) = SyncTransitions.Lease(changed, "L1", Now, Duration);

        Assert.Equal(LeaseStatus.Granted, status);
        Assert.Equal(new SyncLease("L1", Now + Duration), next!.Lease);
        Assert.Equal((1, (ContentHash?)null), (next.Attempts, next.SynchronizedHash));
        Assert.Equal(changed.RequestId, next.RequestId);
    }

    [Fact]
    public void Grants_no_second_lease_before_the_first_expires()
    {
        var leased = Lease(Accepted("A", 1));

        Assert.Equal(LeaseStatus.Busy, SyncTransitions.Lease(leased, "L2", Now + Duration - TimeSpan.FromTicks(1), Duration).Status);
        var (next, status) = SyncTransitions.Lease(leased, "L2", Now + Duration, Duration);
        Assert.Equal(LeaseStatus.Granted, status);
        Assert.Equal(("L2", 2, leased.RequestId), (next!.Lease!.LeaseId, next.Attempts, next.RequestId));
    }

    [Fact]
    public void Grants_no_lease_for_a_newer_version_while_the_older_one_is_in_flight()
    {
        var newer = Accept(Lease(Accepted("A", 1)), Version("B", 2));

        Assert.Equal(AcceptanceKind.Accepted, newer.Kind);
        Assert.Equal((null, LeaseStatus.Busy), SyncTransitions.Lease(newer.Record, "L2", Now, Duration));
    }

    [Fact]
    public void Grants_no_lease_before_the_item_is_due()
    {
        var later = Record(Lease(Accepted("A", 1)), l => AttemptOutcomes.RetryAt(l, Now, Now.AddSeconds(30)));

        Assert.Equal((null, LeaseStatus.NotDue), SyncTransitions.Lease(later, "L2", Now.AddSeconds(30).AddTicks(-1), Duration));
        Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(later, "L2", Now.AddSeconds(30), Duration).Status);
    }

    [Fact]
    public void Grants_no_lease_on_an_item_that_is_not_pending()
    {
        Assert.Equal((null, LeaseStatus.NotPending), SyncTransitions.Lease(Synchronized("A", 1), "L2", Now, Duration));
        Assert.Equal((null, LeaseStatus.NotPending), SyncTransitions.Lease(Parked("A", 1, ParkReason.Rejected), "L2", Now, Duration));
    }

    [Fact]
    public void Records_a_success_with_what_AlipayHK_now_holds()
    {
        var leased = Lease(Accepted("A", 7));
        var outcome = AttemptOutcomes.Synchronized(leased, Now.AddSeconds(1)) with { TemplateCode = "T1", TemplateStatus = "valid" };

        var (next, status) = SyncTransitions.Record(leased, leased, outcome);

        Assert.Equal(RecordStatus.Recorded, status);
        Assert.Equal((SyncState.Synchronized, (SyncLease?)null, 1), (next!.State, next.Lease, next.Attempts));
        Assert.Equal((leased.Hash, TestSubmissions.Numbered(7), Now.AddSeconds(1)), (next.SynchronizedHash, next.SynchronizedVersion, next.SynchronizedAt));
        Assert.Equal(("T1", "valid"), (next.TemplateCode, next.TemplateStatus));
        Assert.Equal(
            outcome.Attempt! with
            {
                Attempted = new AttemptedVersion(leased.Version, leased.Hash, AttemptOutcomeKind.Synchronized, WasSent: true),
                TemplateCode = "T1",
                TemplateStatus = "valid",
            },
            next.LastAttempt);
    }

    [Fact]
    public void Keeps_a_template_that_a_response_does_not_name()
    {
        var leased = Lease(Accepted("A", 1));
        var first = Record(leased, l => AttemptOutcomes.Synchronized(l, Now) with { TemplateCode = "T1", TemplateStatus = "valid" });

        var second = Record(
            Lease(Accept(first, Version("B", 2)).Record), l => AttemptOutcomes.Synchronized(l, Now) with { TemplateStatus = "frozen" });

        Assert.Equal(("T1", "frozen"), (second.TemplateCode, second.TemplateStatus));
    }

    [Fact]
    public void Counts_the_attempt_of_a_retry_and_increments_the_hop()
    {
        var next = Record(Lease(Accepted("A", 1)), l => AttemptOutcomes.RetryAt(l, Now, Now.AddMinutes(1)));

        Assert.Equal((SyncState.Pending, 1, 1, Now.AddMinutes(1)), (next.State, next.Attempts, next.Hop, next.DueAt));
        Assert.Null(next.Lease);
    }

    [Fact]
    public void Does_not_count_the_attempt_of_a_deferral_and_increments_the_hop()
    {
        var retried = Record(Lease(Accepted("A", 1)), l => AttemptOutcomes.RetryAt(l, Now, Now));

        var next = Record(Lease(retried), l => AttemptOutcomes.DeferredUntil(l, Now, Now.AddMinutes(5)));

        Assert.Equal((SyncState.Pending, 1, 2, Now.AddMinutes(5)), (next.State, next.Attempts, next.Hop, next.DueAt));
    }

    [Fact]
    public void Does_not_count_a_released_attempt_and_leaves_the_item_due()
    {
        var next = Record(Lease(Accepted("A", 1)), _ => AttemptOutcomes.Released());

        Assert.Equal((SyncState.Pending, 0, 0, (SyncAttempt?)null), (next.State, next.Attempts, next.Hop, next.LastAttempt));
        Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(next, "L2", Now, Duration).Status);
    }

    [Fact]
    public void Writes_nothing_for_a_lease_that_was_taken_over()
    {
        var first = Lease(Accepted("A", 1));
        var second = SyncTransitions.Lease(first, "L2", Now + Duration, Duration).Next!;

        Assert.Equal((null, RecordStatus.LeaseLost), SyncTransitions.Record(second, first, AttemptOutcomes.Synchronized(first, Now)));
    }

    [Fact]
    public void Records_only_one_outcome_for_a_lease()
    {
        var leased = Lease(Accepted("A", 1));
        var recorded = Record(leased, l => AttemptOutcomes.Synchronized(l, Now));

        Assert.Equal((null, RecordStatus.LeaseLost), SyncTransitions.Record(recorded, leased, AttemptOutcomes.Released()));
    }

    [Fact]
    public void Records_an_outcome_after_the_lease_has_expired_unless_another_attempt_took_it_over()
    {
        var leased = Lease(Accepted("A", 1));

        var (next, status) = SyncTransitions.Record(leased, leased, AttemptOutcomes.Synchronized(leased, Now + Duration + Duration));

        Assert.Equal((SyncState.Synchronized, RecordStatus.Recorded), (next!.State, status));
    }

    [Fact]
    public void Keeps_a_newer_version_pending_when_the_older_one_succeeds()
    {
        var leased = Lease(Accepted("A", 1));
        var newer = Accept(leased, Version("B", 2)).Record;

        var (next, status) = SyncTransitions.Record(newer, leased, AttemptOutcomes.Synchronized(leased, Now));

        Assert.Equal(RecordStatus.NewerPending, status);
        Assert.Equal((SyncState.Pending, (SyncLease?)null, 0), (next!.State, next.Lease, next.Attempts));
        Assert.Equal((newer.RequestId, TestSubmissions.HashOf("B")), (next.RequestId, next.Hash));
        Assert.Equal((TestSubmissions.HashOf("A"), TestSubmissions.Numbered(1)), (next.SynchronizedHash, next.SynchronizedVersion));
    }

    [Fact]
    public void Keeps_a_newer_version_pending_and_due_if_the_older_one_does_not_succeed()
    {
        var leased = Lease(Accepted("A", 1));
        var newer = Accept(leased, Version("B", 2)).Record;

        Assert.All(
            new[]
            {
                AttemptOutcomes.Parked(leased, Now, ParkReason.Rejected),
                AttemptOutcomes.RetryAt(leased, Now, Now.AddHours(1)),
                AttemptOutcomes.DeferredUntil(leased, Now, Now.AddHours(1)),
                AttemptOutcomes.Released(),
            },
            outcome =>
            {
                var (next, status) = SyncTransitions.Record(newer, leased, outcome);
                Assert.Equal(RecordStatus.NewerPending, status);
                Assert.Equal((SyncState.Pending, Now, 0, newer.Hop), (next!.State, next.DueAt, next.Attempts, next.Hop));
                Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(next, "L2", Now, Duration).Status);
            });
    }

    [Fact]
    public void Sends_nothing_more_when_the_content_changed_and_changed_back_during_a_successful_attempt()
    {
        var leased = Lease(Accepted("A", 1));
        var back = Accept(Accept(leased, Version("B", 2)).Record, Version("A", 3)).Record;

        var (next, status) = SyncTransitions.Record(back, leased, AttemptOutcomes.Synchronized(leased, Now));

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized), (status, next!.State));
        Assert.Equal((TestSubmissions.Numbered(3), TestSubmissions.HashOf("A")), (next.Version, next.SynchronizedHash));
    }

    [Fact]
    public void Parks_rejected_content_that_changed_and_changed_back_during_the_attempt()
    {
        var leased = Lease(Accepted("A", 1));
        var back = Accept(Accept(leased, Version("B", 2)).Record, Version("A", 3)).Record;

        var rejected = SyncTransitions.Record(back, leased, AttemptOutcomes.Parked(leased, Now, ParkReason.Rejected));
        var exhausted = SyncTransitions.Record(back, leased, AttemptOutcomes.Parked(leased, Now, ParkReason.AttemptsExhausted));

        Assert.Equal((RecordStatus.Recorded, SyncState.Parked), (rejected.Status, rejected.Next!.State));
        Assert.Equal((RecordStatus.NewerPending, SyncState.Pending), (exhausted.Status, exhausted.Next!.State));
    }

    [Fact]
    public void Records_the_attempt_if_only_the_revision_was_raised_meanwhile()
    {
        var leased = Lease(Accepted("A", 1));
        var raised = Accept(leased, Version("A", 2)).Record;

        var (next, status) = SyncTransitions.Record(raised, leased, AttemptOutcomes.Synchronized(leased, Now));

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized, TestSubmissions.Numbered(2)), (status, next!.State, next.Version));
    }

    [Fact]
    public void Replays_only_parked_items_with_the_same_request_and_a_new_age()
    {
        var parked = Parked("A", 1, ParkReason.Rejected);

        var replayed = SyncTransitions.Replay(parked, Now.AddDays(1), TimeSpan.Zero)!;

        Assert.Equal(
            (SyncState.Pending, (ParkReason?)null, 0, parked.Hop + 1),
            (replayed.State, replayed.ParkReason, replayed.Attempts, replayed.Hop));
        Assert.Equal((Now.AddDays(1), Now.AddDays(1)), (replayed.AcceptedAt, replayed.DueAt));
        Assert.Equal(parked.RequestId, replayed.RequestId);
        Assert.Null(SyncTransitions.Replay(replayed, Now, TimeSpan.Zero));
        Assert.Null(SyncTransitions.Replay(Synchronized("A", 1), Now, TimeSpan.Zero));
    }

    [Fact]
    public void Makes_a_parked_item_pending_when_it_is_submitted_with_a_newer_revision()
    {
        var parked = Parked("A", 1, ParkReason.AttemptsExhausted);

        var (next, _) = SyncTransitions.Accept(parked, Version("A", 2), Now.AddDays(1));

        Assert.Equal((SyncState.Pending, (ParkReason?)null, 0, TestSubmissions.Numbered(2)), (next!.State, next.ParkReason, next.Attempts, next.Version));
        Assert.Equal((parked.RequestId, Now.AddDays(1)), (next.RequestId, next.AcceptedAt));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Keeps_its_invariants_over_random_histories(int seed)
    {
        var random = new Random(seed);
        for (var history = 0; history < 200; history++) { Play(random); }
    }

    // Models AlipayHK and one sender, and compares the record with what AlipayHK really holds.
    private void Play(Random random)
    {
        SyncRecord? record = null;
        SyncRecord? leased = null;
        string? atAlipayHk = null;
        var now = Now;
        for (var step = 1; step <= 40; step++)
        {
            now += TimeSpan.FromSeconds(1);
            switch (random.Next(3))
            {
                case 0:
                    var content = "ABC"[random.Next(3)].ToString();
                    record = SyncTransitions.Accept(record, Version(content, step), now).Acceptance.Record;
                    Assert.Equal(TestSubmissions.HashOf(content), record.Hash);
                    break;
                case 1 when record is not null && leased is null:
                    leased = SyncTransitions.Lease(record, $"L{step}", now, TimeSpan.FromDays(1)).Next;
                    record = leased ?? record;
                    break;
                case 2 when leased is not null:
                    if (random.Next(3) > 0) { atAlipayHk = System.Text.Encoding.UTF8.GetString(leased.Body.Span); }
                    var acknowledged = atAlipayHk == System.Text.Encoding.UTF8.GetString(leased.Body.Span) && random.Next(2) == 0;
                    var outcome = acknowledged ? AttemptOutcomes.Synchronized(leased, now) : AttemptOutcomes.RetryAt(leased, now, now);
                    record = SyncTransitions.Record(record!, leased, outcome).Next!;
                    leased = null;
                    break;
            }

            if (record is null) continue;
            if (record.Lease is not null) Assert.Equal(SyncState.Pending, record.State);
            if (record.State == SyncState.Synchronized) Assert.Equal(System.Text.Encoding.UTF8.GetString(record.Body.Span), atAlipayHk);
        }
    }

    private Submission Version(string content, long revision) => _submissions.Of("item", content, revision);

    private static Acceptance Accept(SyncRecord? current, Submission submission) => SyncTransitions.Accept(current, submission, Now).Acceptance;

    private SyncRecord Accepted(string content, long revision) => Accept(null, Version(content, revision)).Record;

    private SyncRecord Synchronized(string content, long revision) =>
        Record(Lease(Accepted(content, revision)), l => AttemptOutcomes.Synchronized(l, Now));

    private SyncRecord Parked(string content, long revision, ParkReason reason) =>
        Record(Lease(Accepted(content, revision)), l => AttemptOutcomes.Parked(l, Now, reason));

    private static SyncRecord Lease(SyncRecord current) => SyncTransitions.Lease(current, "L1", Now, Duration).Next!;

    private static SyncRecord Record(SyncRecord leased, Func<SyncRecord, AttemptOutcome> outcome) =>
        SyncTransitions.Record(leased, leased, outcome(leased)).Next!;
}
