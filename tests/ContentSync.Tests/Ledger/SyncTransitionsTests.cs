using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class SyncTransitionsTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(2);

    private readonly TestSubmissions _submissions = new();

    [Fact]
    public void Takes_an_unknown_content_in_as_pending_and_due_at_once()
    {
        var (next, acceptance) = SyncTransitions.Accept(null, Content("A", 1), Now);

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
    public void Accepts_over_a_pending_content(long revision, string content, AcceptanceKind expected) =>
        Assert.Equal(expected, Accept(Accepted("A", 2), Content(content, revision)).Kind);

    [Theory]
    [InlineData(2, "A", AcceptanceKind.Unchanged)]
    [InlineData(3, "A", AcceptanceKind.Unchanged)]
    [InlineData(3, "B", AcceptanceKind.Accepted)]
    [InlineData(2, "B", AcceptanceKind.RevisionConflict)]
    [InlineData(1, "A", AcceptanceKind.Superseded)]
    [InlineData(1, "B", AcceptanceKind.Superseded)]
    public void Accepts_over_a_synchronized_content(long revision, string content, AcceptanceKind expected) =>
        Assert.Equal(expected, Accept(Synchronized("A", 2), Content(content, revision)).Kind);

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
    public void Accepts_over_a_parked_content(long revision, string content, ParkReason reason, AcceptanceKind expected) =>
        Assert.Equal(expected, Accept(Parked("A", 2, reason), Content(content, revision)).Kind);

    [Theory]
    [InlineData(1, "A")]
    [InlineData(1, "B")]
    [InlineData(2, "B")]
    public void Writes_nothing_for_an_older_or_a_conflicting_revision(long revision, string content)
    {
        var current = Accepted("A", 2);

        var (next, acceptance) = SyncTransitions.Accept(current, Content(content, revision), Now.AddHours(1));

        Assert.Null(next);
        Assert.Same(current, acceptance.Record);
    }

    [Fact]
    public void Prepares_no_request_for_what_it_does_not_take_in()
    {
        var pending = Accepted("A", 2);
        var synchronized = Synchronized("A", 2);
        var parked = Parked("A", 2, ParkReason.AttemptsExhausted);
        var before = _submissions.Prepared;

        Accept(pending, Content("A", 3));
        Accept(pending, Content("B", 1));
        Accept(pending, Content("B", 2));
        Accept(synchronized, Content("A", 3));
        Accept(parked, Content("A", 3));

        Assert.Equal(before, _submissions.Prepared);
    }

    [Fact]
    public void Keeps_the_request_while_the_content_stays_the_same()
    {
        var first = Accepted("A", 1);

        var (next, _) = SyncTransitions.Accept(first, Content("A", 2), Now.AddHours(1));

        Assert.Equal(first with { Revision = Revision.Of(2) }, next);
    }

    [Fact]
    public void Fixes_a_new_request_for_a_new_content_and_starts_its_age_and_attempts_anew()
    {
        var tried = Record(Lease(Accepted("A", 1)), l => AttemptEndings.RetryAt(l, Now, Now.AddHours(9)));

        var (next, _) = SyncTransitions.Accept(tried, Content("B", 2), Now.AddHours(1));

        Assert.NotEqual(tried.RequestId, next!.RequestId);
        Assert.Equal(TestSubmissions.BodyOf("B"), next.Body.ToArray());
        Assert.Equal((0, Now.AddHours(1), Now.AddHours(1)), (next.Attempts, next.AcceptedAt, next.DueAt));
    }

    [Fact]
    public void Never_lets_the_hop_of_a_content_go_back_so_no_two_messages_share_an_id()
    {
        var hops = new List<int>();
        var record = Accepted("A", 5);
        hops.Add(record.Hop);
        record = Record(Lease(record), l => AttemptEndings.RetryAt(l, Now, Now));
        hops.Add(record.Hop);
        record = Record(Lease(record), l => AttemptEndings.PausedUntil(l, Now, Now));
        hops.Add(record.Hop);
        record = Accept(record, _submissions.ReceivedAt(Now, "item", "B")).Record;
        hops.Add(record.Hop);
        record = Accept(record, Content("C", 5)).Record;
        hops.Add(record.Hop);
        record = Record(Lease(record), l => AttemptEndings.Parked(l, Now, ParkReason.AgeExceeded));
        record = SyncTransitions.Replay(record, Now, TimeSpan.Zero)!;
        hops.Add(record.Hop);

        Assert.Equal(Revision.Of(5), record.Revision);
        Assert.Equal([0, 1, 2, 3, 4, 5], hops);
    }

    [Fact]
    public void Orders_contents_received_in_the_same_microsecond_by_their_arrival()
    {
        var first = Accept(null, _submissions.ReceivedAt(Now, "item", "A")).Record;

        var second = Accept(first, _submissions.ReceivedAt(Now.AddTicks(5), "item", "B"));

        Assert.Equal(AcceptanceKind.Accepted, second.Kind);
        Assert.Equal(TestSubmissions.HashOf("B"), second.Record.Hash);
    }

    [Fact]
    public void Refuses_two_contents_with_the_same_time_of_the_callers_own()
    {
        var first = Accept(null, _submissions.Of("item", "A", Revision.At(Now))).Record;

        Assert.Equal(AcceptanceKind.RevisionConflict, Accept(first, _submissions.Of("item", "B", Revision.At(Now))).Kind);
    }

    [Fact]
    public void Takes_the_later_accepted_as_newer_where_a_number_meets_a_time()
    {
        var byTime = Accept(null, _submissions.Of("item", "A", Revision.At(Now))).Record;

        var byNumber = Accept(byTime, Content("B", 1));
        var byTimeAgain = Accept(byNumber.Record, _submissions.Of("item", "C", Revision.At(Now.AddYears(-1))));

        Assert.Equal(AcceptanceKind.Accepted, byNumber.Kind);
        Assert.Equal(AcceptanceKind.Accepted, byTimeAgain.Kind);
        Assert.Equal(Revision.At(Now.AddYears(-1)), byTimeAgain.Record.Revision);
    }

    [Fact]
    public void Sends_nothing_when_the_content_goes_back_to_what_AlipayHK_holds_before_the_change_was_sent()
    {
        var changed = Accept(Synchronized("A", 1), Content("B", 2)).Record;

        var back = Accept(changed, Content("A", 3));

        Assert.Equal(AcceptanceKind.Unchanged, back.Kind);
        Assert.Equal((SyncState.Synchronized, Revision.Of(3)), (back.Record.State, back.Record.Revision));
        Assert.Equal(TestSubmissions.BodyOf("A"), back.Record.Body.ToArray());
        Assert.Equal(TestSubmissions.HashOf("A"), back.Record.Hash);
    }

    [Fact]
    public void Sends_again_when_the_content_goes_back_while_the_change_is_in_flight()
    {
        var inFlight = Lease(Accept(Synchronized("A", 1), Content("B", 2)).Record);

        Assert.Equal(AcceptanceKind.Accepted, Accept(inFlight, Content("A", 3)).Kind);
    }

    [Fact]
    public void Sends_again_when_the_content_goes_back_after_the_change_may_have_been_sent()
    {
        var changed = Accept(Synchronized("A", 1), Content("B", 2)).Record;

        Assert.All(
            new Func<SyncRecord, AttemptOutcome>[]
            {
                l => AttemptEndings.RetryAt(l, Now, Now),
                l => AttemptEndings.PausedUntil(l, Now, Now),
                _ => AttemptEndings.Released(),
                l => AttemptEndings.Parked(l, Now, ParkReason.AttemptsExhausted),
            },
            ending => Assert.Equal(AcceptanceKind.Accepted, Accept(Record(Lease(changed), ending), Content("A", 3)).Kind));
    }

    [Fact]
    public void Leases_a_due_content_counts_the_attempt_and_forgets_what_AlipayHK_holds()
    {
        var changed = Accept(Synchronized("A", 1), Content("B", 2)).Record;

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
    public void Grants_no_lease_on_a_newer_content_while_the_older_one_is_in_flight()
    {
        var newer = Accept(Lease(Accepted("A", 1)), Content("B", 2));

        Assert.Equal(AcceptanceKind.Accepted, newer.Kind);
        Assert.Equal((null, LeaseStatus.Busy), SyncTransitions.Lease(newer.Record, "L2", Now, Duration));
    }

    [Fact]
    public void Grants_no_lease_before_the_content_is_due()
    {
        var later = Record(Lease(Accepted("A", 1)), l => AttemptEndings.RetryAt(l, Now, Now.AddSeconds(30)));

        Assert.Equal((null, LeaseStatus.NotDue), SyncTransitions.Lease(later, "L2", Now.AddSeconds(30).AddTicks(-1), Duration));
        Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(later, "L2", Now.AddSeconds(30), Duration).Status);
    }

    [Fact]
    public void Grants_no_lease_on_what_is_not_pending()
    {
        Assert.Equal((null, LeaseStatus.NotPending), SyncTransitions.Lease(Synchronized("A", 1), "L2", Now, Duration));
        Assert.Equal((null, LeaseStatus.NotPending), SyncTransitions.Lease(Parked("A", 1, ParkReason.Rejected), "L2", Now, Duration));
    }

    [Fact]
    public void Records_a_success_with_what_AlipayHK_now_holds()
    {
        var leased = Lease(Accepted("A", 7));
        var ending = AttemptEndings.Synchronized(leased, Now.AddSeconds(1)) with { TemplateCode = "T1", TemplateStatus = "valid" };

        var (next, status) = SyncTransitions.Record(leased, leased, ending);

        Assert.Equal(RecordStatus.Recorded, status);
        Assert.Equal((SyncState.Synchronized, (SyncLease?)null, 1), (next!.State, next.Lease, next.Attempts));
        Assert.Equal((leased.Hash, Revision.Of(7), Now.AddSeconds(1)), (next.SynchronizedHash, next.SynchronizedRevision, next.SynchronizedAt));
        Assert.Equal(("T1", "valid"), (next.TemplateCode, next.TemplateStatus));
        Assert.Equal(ending.Attempt! with { TemplateCode = "T1", TemplateStatus = "valid" }, next.LastAttempt);
    }

    [Fact]
    public void Keeps_the_template_an_answer_does_not_name()
    {
        var leased = Lease(Accepted("A", 1));
        var first = Record(leased, l => AttemptEndings.Synchronized(l, Now) with { TemplateCode = "T1", TemplateStatus = "valid" });

        var second = Record(Lease(Accept(first, Content("B", 2)).Record), l => AttemptEndings.Synchronized(l, Now) with { TemplateStatus = "frozen" });

        Assert.Equal(("T1", "frozen"), (second.TemplateCode, second.TemplateStatus));
    }

    [Fact]
    public void Spends_the_attempt_on_a_retry_and_counts_the_copy()
    {
        var next = Record(Lease(Accepted("A", 1)), l => AttemptEndings.RetryAt(l, Now, Now.AddMinutes(1)));

        Assert.Equal((SyncState.Pending, 1, 1, Now.AddMinutes(1)), (next.State, next.Attempts, next.Hop, next.DueAt));
        Assert.Null(next.Lease);
    }

    [Fact]
    public void Gives_the_attempt_back_on_a_pause_and_counts_the_copy()
    {
        var tried = Record(Lease(Accepted("A", 1)), l => AttemptEndings.RetryAt(l, Now, Now));

        var next = Record(Lease(tried), l => AttemptEndings.PausedUntil(l, Now, Now.AddMinutes(5)));

        Assert.Equal((SyncState.Pending, 1, 2, Now.AddMinutes(5)), (next.State, next.Attempts, next.Hop, next.DueAt));
    }

    [Fact]
    public void Gives_the_attempt_back_on_a_release_and_leaves_it_due()
    {
        var next = Record(Lease(Accepted("A", 1)), _ => AttemptEndings.Released());

        Assert.Equal((SyncState.Pending, 0, 0, (SyncAttempt?)null), (next.State, next.Attempts, next.Hop, next.LastAttempt));
        Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(next, "L2", Now, Duration).Status);
    }

    [Fact]
    public void Writes_nothing_for_a_lease_that_was_taken_over()
    {
        var first = Lease(Accepted("A", 1));
        var second = SyncTransitions.Lease(first, "L2", Now + Duration, Duration).Next!;

        Assert.Equal((null, RecordStatus.LeaseLost), SyncTransitions.Record(second, first, AttemptEndings.Synchronized(first, Now)));
    }

    [Fact]
    public void Writes_nothing_a_second_time_for_the_same_lease()
    {
        var leased = Lease(Accepted("A", 1));
        var recorded = Record(leased, l => AttemptEndings.Synchronized(l, Now));

        Assert.Equal((null, RecordStatus.LeaseLost), SyncTransitions.Record(recorded, leased, AttemptEndings.Released()));
    }

    [Fact]
    public void Records_an_ending_after_the_expiry_where_nobody_took_the_lease_over()
    {
        var leased = Lease(Accepted("A", 1));

        var (next, status) = SyncTransitions.Record(leased, leased, AttemptEndings.Synchronized(leased, Now + Duration + Duration));

        Assert.Equal((SyncState.Synchronized, RecordStatus.Recorded), (next!.State, status));
    }

    [Fact]
    public void Keeps_a_newer_content_pending_when_the_older_one_succeeds()
    {
        var leased = Lease(Accepted("A", 1));
        var newer = Accept(leased, Content("B", 2)).Record;

        var (next, status) = SyncTransitions.Record(newer, leased, AttemptEndings.Synchronized(leased, Now));

        Assert.Equal(RecordStatus.NewerPending, status);
        Assert.Equal((SyncState.Pending, (SyncLease?)null, 0), (next!.State, next.Lease, next.Attempts));
        Assert.Equal((newer.RequestId, TestSubmissions.HashOf("B")), (next.RequestId, next.Hash));
        Assert.Equal((TestSubmissions.HashOf("A"), Revision.Of(1)), (next.SynchronizedHash, next.SynchronizedRevision));
    }

    [Fact]
    public void Keeps_a_newer_content_pending_and_due_however_the_older_one_ends()
    {
        var leased = Lease(Accepted("A", 1));
        var newer = Accept(leased, Content("B", 2)).Record;

        Assert.All(
            new[]
            {
                AttemptEndings.Parked(leased, Now, ParkReason.Rejected),
                AttemptEndings.RetryAt(leased, Now, Now.AddHours(1)),
                AttemptEndings.PausedUntil(leased, Now, Now.AddHours(1)),
                AttemptEndings.Released(),
            },
            ending =>
            {
                var (next, status) = SyncTransitions.Record(newer, leased, ending);
                Assert.Equal(RecordStatus.NewerPending, status);
                Assert.Equal((SyncState.Pending, Now, 0, newer.Hop), (next!.State, next.DueAt, next.Attempts, next.Hop));
                Assert.Equal(LeaseStatus.Granted, SyncTransitions.Lease(next, "L2", Now, Duration).Status);
            });
    }

    [Fact]
    public void Sends_nothing_more_when_the_content_left_and_came_back_while_it_was_in_flight_and_succeeded()
    {
        var leased = Lease(Accepted("A", 1));
        var back = Accept(Accept(leased, Content("B", 2)).Record, Content("A", 3)).Record;

        var (next, status) = SyncTransitions.Record(back, leased, AttemptEndings.Synchronized(leased, Now));

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized), (status, next!.State));
        Assert.Equal((Revision.Of(3), TestSubmissions.HashOf("A")), (next.Revision, next.SynchronizedHash));
    }

    [Fact]
    public void Parks_a_rejected_content_that_left_and_came_back_while_it_was_in_flight()
    {
        var leased = Lease(Accepted("A", 1));
        var back = Accept(Accept(leased, Content("B", 2)).Record, Content("A", 3)).Record;

        var rejected = SyncTransitions.Record(back, leased, AttemptEndings.Parked(leased, Now, ParkReason.Rejected));
        var exhausted = SyncTransitions.Record(back, leased, AttemptEndings.Parked(leased, Now, ParkReason.AttemptsExhausted));

        Assert.Equal((RecordStatus.Recorded, SyncState.Parked), (rejected.Status, rejected.Next!.State));
        Assert.Equal((RecordStatus.NewerPending, SyncState.Pending), (exhausted.Status, exhausted.Next!.State));
    }

    [Fact]
    public void Records_the_attempt_where_only_the_revision_moved_on_meanwhile()
    {
        var leased = Lease(Accepted("A", 1));
        var moved = Accept(leased, Content("A", 2)).Record;

        var (next, status) = SyncTransitions.Record(moved, leased, AttemptEndings.Synchronized(leased, Now));

        Assert.Equal((RecordStatus.Recorded, SyncState.Synchronized, Revision.Of(2)), (status, next!.State, next.Revision));
    }

    [Fact]
    public void Replays_only_what_is_parked_with_the_same_request_and_a_new_age()
    {
        var parked = Parked("A", 1, ParkReason.Rejected);

        var replayed = SyncTransitions.Replay(parked, Now.AddDays(1), TimeSpan.Zero)!;

        Assert.Equal((SyncState.Pending, (ParkReason?)null, 0, parked.Hop + 1), (replayed.State, replayed.ParkReason, replayed.Attempts, replayed.Hop));
        Assert.Equal((Now.AddDays(1), Now.AddDays(1)), (replayed.AcceptedAt, replayed.DueAt));
        Assert.Equal(parked.RequestId, replayed.RequestId);
        Assert.Null(SyncTransitions.Replay(replayed, Now, TimeSpan.Zero));
        Assert.Null(SyncTransitions.Replay(Synchronized("A", 1), Now, TimeSpan.Zero));
    }

    [Fact]
    public void Revives_a_content_given_up_on_when_it_comes_with_a_newer_revision()
    {
        var parked = Parked("A", 1, ParkReason.AttemptsExhausted);

        var (next, _) = SyncTransitions.Accept(parked, Content("A", 2), Now.AddDays(1));

        Assert.Equal((SyncState.Pending, (ParkReason?)null, 0, Revision.Of(2)), (next!.State, next.ParkReason, next.Attempts, next.Revision));
        Assert.Equal((parked.RequestId, Now.AddDays(1)), (next.RequestId, next.AcceptedAt));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Holds_its_promises_over_random_histories(int seed)
    {
        var random = new Random(seed);
        for (var history = 0; history < 200; history++) { Play(random); }
    }

    // A model of AlipayHK and of one sender: what is acknowledged or rejected is checked against what really happened.
    private void Play(Random random)
    {
        SyncRecord? record = null;
        SyncRecord? leased = null;
        string? held = null;
        var now = Now;
        for (var step = 1; step <= 40; step++)
        {
            now += TimeSpan.FromSeconds(1);
            switch (random.Next(3))
            {
                case 0:
                    var content = "ABC"[random.Next(3)].ToString();
                    record = SyncTransitions.Accept(record, Content(content, step), now).Acceptance.Record;
                    Assert.Equal(TestSubmissions.HashOf(content), record.Hash);
                    break;
                case 1 when record is not null && leased is null:
                    leased = SyncTransitions.Lease(record, $"L{step}", now, TimeSpan.FromDays(1)).Next;
                    record = leased ?? record;
                    break;
                case 2 when leased is not null:
                    if (random.Next(3) > 0) { held = System.Text.Encoding.UTF8.GetString(leased.Body.Span); }
                    var acknowledged = held == System.Text.Encoding.UTF8.GetString(leased.Body.Span) && random.Next(2) == 0;
                    record = SyncTransitions.Record(record!, leased, acknowledged ? AttemptEndings.Synchronized(leased, now) : AttemptEndings.RetryAt(leased, now, now)).Next!;
                    leased = null;
                    break;
            }

            if (record is null) continue;
            if (record.Lease is not null) Assert.Equal(SyncState.Pending, record.State);
            if (record.State == SyncState.Synchronized) Assert.Equal(System.Text.Encoding.UTF8.GetString(record.Body.Span), held);
        }
    }

    private Submission Content(string content, long revision) => _submissions.Of("item", content, revision);

    private static Acceptance Accept(SyncRecord? current, Submission submission) => SyncTransitions.Accept(current, submission, Now).Acceptance;

    private SyncRecord Accepted(string content, long revision) => Accept(null, Content(content, revision)).Record;

    private SyncRecord Synchronized(string content, long revision) =>
        Record(Lease(Accepted(content, revision)), l => AttemptEndings.Synchronized(l, Now));

    private SyncRecord Parked(string content, long revision, ParkReason reason) =>
        Record(Lease(Accepted(content, revision)), l => AttemptEndings.Parked(l, Now, reason));

    private static SyncRecord Lease(SyncRecord current) => SyncTransitions.Lease(current, "L1", Now, Duration).Next!;

    private static SyncRecord Record(SyncRecord leased, Func<SyncRecord, AttemptOutcome> ending) =>
        SyncTransitions.Record(leased, leased, ending(leased)).Next!;
}
