using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Resync.Lanes;

namespace ContentSync.Tests.Resync;

/// <summary>Which of two requests for the same source counts.</summary>
public sealed class ResyncRequestTests : IDisposable
{
    private static readonly TestSnapshot Catalog = new(TestSnapshot.Line("a", "1"));

    private readonly ResyncWorld _world = new();
    private readonly SessionBroker _broker;
    private readonly ResyncRuns _resyncs;

    public ResyncRequestTests()
    {
        _broker = new SessionBroker(_world.Time);
        _resyncs = _world.Runs(_broker);
    }

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_run_that_sends_takes_the_place_of_a_dry_run_under_way()
    {
        var dry = await _resyncs.StartAsync(Catalog, new ResyncParameters { DryRun = true }, default);
        var real = await _resyncs.StartAsync(Catalog, new ResyncParameters(), default);

        Assert.True(real.IsNew);
        Assert.False(real.Run.Parameters.DryRun);
        Assert.Equal([real.Run.RunId, dry.Run.RunId], (await _resyncs.ListAsync(default)).Select(run => run.RunId));
        Assert.Equal(ResyncRunState.Cancelled, (await _resyncs.FindAsync(dry.Run.RunId, default))!.State);
        while (_broker.Next() is { } message)
            await _broker.SettleAsync(message, await _world.ProcessAsync(Catalog, message, _broker, new KillSwitch(long.MaxValue)));
        Assert.Equal(ResyncRunState.Completed, (await _resyncs.FindAsync(real.Run.RunId, default))!.State);
        Assert.Equal(["a"], _world.AlipayHk.Items.Keys);
    }

    [Fact]
    public async Task Finished_runs_are_dropped_after_their_retention_except_the_newest_one()
    {
        for (var run = 0; run < 3; run++)
        {
            var started = await _resyncs.StartAsync(Catalog, new ResyncParameters { DryRun = true }, default);
            await _resyncs.CancelAsync(started.Run.RunId, default);
            _world.Time.Advance(TimeSpan.FromDays(10));
        }

        Assert.Equal(0, await _resyncs.ForgetAsync(TimeSpan.FromDays(40), default));
        Assert.Equal(1, await _resyncs.ForgetAsync(TimeSpan.FromDays(25), default));
        _world.Time.Advance(TimeSpan.FromDays(100));
        Assert.Equal(1, await _resyncs.ForgetAsync(TimeSpan.FromDays(25), default));
        Assert.Single(await _resyncs.ListAsync(default));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Any_other_request_joins_the_run_under_way(bool firstIsDry, bool secondIsDry)
    {
        var first = await _resyncs.StartAsync(Catalog, new ResyncParameters { DryRun = firstIsDry }, default);
        var second = await _resyncs.StartAsync(Catalog, new ResyncParameters { DryRun = secondIsDry }, default);
        Assert.False(second.IsNew);
        Assert.Equal(first.Run.RunId, second.Run.RunId);
        Assert.Equal(firstIsDry, (await _resyncs.FindAsync(first.Run.RunId, default))!.Parameters.DryRun);
    }
}
