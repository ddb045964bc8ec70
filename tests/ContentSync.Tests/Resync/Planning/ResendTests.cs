using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Resync.Planning;

public sealed class ResendTests : IDisposable
{
    private static readonly LedgerSource Source = new();

    private readonly ResyncWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Sends_items_again_that_were_acknowledged_too_long_ago()
    {
        await _world.RunAsync(Snapshot("a", "b"));
        _world.Time.Advance(TimeSpan.FromDays(40));
        await _world.RunAsync(Snapshot("a", "b", "c"), new ResyncParameters { AllowedDelistShare = 1 });
        _world.AlipayHk.Calls.Clear();

        var run = await _world.RunAsync(Source, new ResyncParameters { Resend = new ResendFilter { OlderThan = TimeSpan.FromDays(30) } });

        Assert.Equal((ResyncRunState.Completed, 2), (run.State, run.Counts.Sent));
        Assert.Equal(["a", "b"], _world.AlipayHk.Calls.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Sends_failed_items_again_and_leaves_rejected_ones()
    {
        _world.AlipayHk.Fault = id => id switch { "a" => ("UNKNOWN_EXCEPTION", "F"), "b" => ("CONTENT_RISKY", "F"), _ => null };
        await _world.RunAsync(Snapshot("a", "b", "c"));
        _world.AlipayHk.Fault = _ => null;
        _world.AlipayHk.Calls.Clear();
        _world.Time.Advance(TimeSpan.FromHours(1));

        var run = await _world.RunAsync(Source);

        Assert.Equal(new RunCounts { Planned = 1, Sent = 1 }, run.Counts);
        Assert.Equal("a", Assert.Single(_world.AlipayHk.Calls));
    }

    [Fact]
    public async Task Always_runs_although_the_ledger_was_handled_before()
    {
        await _world.RunAsync(Snapshot("a"));
        await _world.RunAsync(Source);

        Assert.Equal(ResyncRunState.Completed, (await _world.RunAsync(Source)).State);
    }

    [Theory]
    [InlineData(SyncState.Pending, null, false, true, false, false)]
    [InlineData(SyncState.Pending, null, true, true, false, true)]
    [InlineData(SyncState.Parked, ParkReason.AttemptsExhausted, true, false, true, true)]
    [InlineData(SyncState.Parked, ParkReason.Rejected, true, false, false, false)]
    [InlineData(SyncState.Synchronized, null, true, false, false, false)]
    public void Distinguishes_pending_failed_and_unknown(
        SyncState state, ParkReason? reason, bool attempted, bool pending, bool failed, bool unknown)
    {
        var record = new SyncRecord
        {
            ContentId = "a",
            ContentType = "SKU",
            ContentStatus = ContentStatus.Valid,
            Order = VersionOrder.First(new ChangeVersion(1, null, DateTimeOffset.UnixEpoch), null, DateTimeOffset.UnixEpoch),
            Hash = default,
            RequestId = "r",
            Body = default,
            State = state,
            ParkReason = reason,
            AcceptedAt = DateTimeOffset.UnixEpoch,
            DueAt = DateTimeOffset.UnixEpoch,
            LastAttempt = attempted ? new SyncAttempt(DateTimeOffset.UnixEpoch, "r", "TIMEOUT", "none", null) : null,
        };

        Assert.Equal(pending, new ResendFilter { Pending = true }.Matches(record, DateTimeOffset.UnixEpoch));
        Assert.Equal(failed, new ResendFilter { Failed = true }.Matches(record, DateTimeOffset.UnixEpoch));
        Assert.Equal(unknown, new ResendFilter { UnknownOutcome = true }.Matches(record, DateTimeOffset.UnixEpoch));
    }

    private static TestSnapshot Snapshot(params string[] ids) => TestSnapshot.Of(ids.Select(id => (id, "1")));
}
