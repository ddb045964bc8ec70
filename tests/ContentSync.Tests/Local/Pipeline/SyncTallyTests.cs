using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Synchronization;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Local.Pipeline;

/// <summary>Every line counts once, and an item that fails says why.</summary>
public sealed class SyncTallyTests
{
    private readonly TestSubmissions _submissions = new();
    private readonly MemoryLedger _ledger;
    private readonly SyncTally _tally = new();
    private readonly List<SyncIssue> _issues = [];
    private long _line;

    public SyncTallyTests()
    {
        _ledger = new MemoryLedger(new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero)));
        _tally.Issue += _issues.Add;
    }

    [Fact]
    public async Task The_first_line_of_an_item_that_was_pending_already_must_be_sent_and_the_second_is_unchanged()
    {
        await _ledger.AcceptAsync([_submissions.Of("A", "one", 1)], default);

        Assert.True(await AddAsync("A", "one", 1));
        Assert.False(await AddAsync("A", "one", 1));

        Assert.Equal(new SyncCounts(2, 0, 0, 1, 0, 0, 0, 1), _tally.Counts);
    }

    [Fact]
    public void An_entry_that_is_not_valid_is_read_and_finished()
    {
        _tally.AddInvalid(3, "A", [new ContentViolation("/contentInfo", "required", "contentInfo is required.")]);
        Assert.Equal((new SyncCounts(1, 1, 0, 0, 0, 0, 0, 0), 1), (_tally.Counts, _tally.Finished));
        Assert.Equal((3, "A"), (_issues[0].Line, _issues[0].ContentId));
    }

    [Fact]
    public void Entries_that_a_plan_decided_are_read_and_finished()
    {
        _tally.AddUnread(unchanged: 5, superseded: 2);
        Assert.Equal((new SyncCounts(7, 0, 0, 5, 2, 0, 0, 0), 7), (_tally.Counts, _tally.Finished));
    }

    [Fact]
    public async Task A_superseded_line_is_finished()
    {
        await AddAsync("A", "one", 1);
        Assert.Equal(0, _tally.Finished);
        await AddAsync("A", "two", 2);
        Assert.Equal(1, _tally.Finished);
    }

    [Fact]
    public async Task A_newer_line_supersedes_an_older_one()
    {
        Assert.True(await AddAsync("A", "one", 1));
        Assert.True(await AddAsync("A", "two", 2));
        Assert.False(await AddAsync("A", "one", 1));

        Assert.Equal(new SyncCounts(3, 0, 0, 0, 2, 0, 0, 1), _tally.Counts);
    }

    [Theory]
    [InlineData("The name is too risky. ", "AlipayHK refused it: The name is too risky. Change the item; the same content is not sent again.")]
    [InlineData(" ", "AlipayHK refused it: no reason given. Change the item; the same content is not sent again.")]
    public async Task A_rejected_line_says_why(string message, string expected)
    {
        await AddAsync("A", "one", 1);
        var record = await ParkAsync("A", message);

        _tally.Add("A", new SyncOutcome(SyncOutcomeKind.Rejected) { Record = record, Code = "CONTENT_RISKY" });

        Assert.Equal((SyncIssueKind.Rejected, 1, "A", "CONTENT_RISKY", expected), Told(Assert.Single(_issues)));
        Assert.Equal(new SyncCounts(1, 0, 0, 0, 0, 1, 0, 0), _tally.Counts);
    }

    [Fact]
    public async Task An_item_that_was_parked_before_says_why_again()
    {
        await _ledger.AcceptAsync([_submissions.Of("A", "one", 1)], default);
        await ParkAsync("A", "Risky.");

        Assert.False(await AddAsync("A", "one", 1));

        var expected = "AlipayHK refused it: Risky. Change the item; the same content is not sent again.";
        Assert.Equal((SyncIssueKind.Rejected, 1, "A", "CONTENT_RISKY", expected), Told(Assert.Single(_issues)));
    }

    private static (SyncIssueKind Kind, long Line, string? ContentId, string Code, string Message) Told(SyncIssue issue) =>
        (issue.Kind, issue.Line, issue.ContentId, issue.Code, issue.Message);

    private async Task<bool> AddAsync(string contentId, string content, long revision)
    {
        var submission = _submissions.Of(contentId, content, revision);
        var acceptance = (await _ledger.AcceptAsync([submission], default))[0];
        return _tally.Add(++_line, submission.Item, acceptance);
    }

    private async Task<SyncRecord> ParkAsync(string contentId, string message)
    {
        var leased = (await _ledger.LeaseAsync(contentId, TimeSpan.FromMinutes(1), default)).Record!;
        var attempt = new SyncAttempt(TestSubmissions.Received, leased.RequestId, "CONTENT_RISKY", message, "tracer");
        var outcome = new AttemptOutcome(AttemptOutcomeKind.Parked) { Attempt = attempt, ParkReason = ParkReason.Rejected };
        return (await _ledger.RecordAsync(leased, outcome, default)).Record;
    }
}
