using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Resync.Lanes;

public sealed class LaneRateLimiterTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task All_lanes_together_leave_the_reserved_share_for_single_changes()
    {
        var time = new VirtualTime();
        var options = new ResyncOptions { SendsPerSecond = 200, ReservedShare = 0.2, Lanes = 16 };
        var sent = 0;
        using var stop = new CancellationTokenSource();
        var lanes = Enumerable.Range(0, 16)
            .Select(_ => SendAsync(new LaneRateLimiter(options, time), () => Interlocked.Increment(ref sent), stop.Token))
            .ToArray();

        time.Run(TimeSpan.FromSeconds(10), () => time.Armed == 16);

        Assert.InRange(sent, 1_584, 1_616);
        await stop.CancelAsync();
        await Task.WhenAll(lanes);
    }

    [Fact]
    public async Task An_idle_lane_does_not_catch_up_in_a_burst()
    {
        var rateLimiter = new LaneRateLimiter(new ResyncOptions { SendsPerSecond = 10, ReservedShare = 0, Lanes = 1 }, _time);
        await rateLimiter.AcquireAsync(default);
        _time.Advance(TimeSpan.FromSeconds(10));

        await rateLimiter.AcquireAsync(default);
        var second = rateLimiter.AcquireAsync(default).AsTask();

        Assert.False(second.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await second;
    }

    [Fact]
    public async Task A_rate_of_zero_means_no_limit()
    {
        var rateLimiter = new LaneRateLimiter(new ResyncOptions { SendsPerSecond = 0 }, _time);
        for (var i = 0; i < 1_000; i++) await rateLimiter.AcquireAsync(default);
    }

    private static async Task SendAsync(LaneRateLimiter rateLimiter, Action send, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await rateLimiter.AcquireAsync(cancellationToken).ConfigureAwait(false);
                send();
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the test.
        }
    }
}
