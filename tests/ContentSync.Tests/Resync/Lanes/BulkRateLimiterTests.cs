using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Budget;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Resync.Lanes;

public sealed class BulkRateLimiterTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task All_lanes_together_leave_the_reserved_share_for_single_changes()
    {
        var time = new VirtualTime();
        var options = new ResyncOptions { SendsPerSecond = 200, ReservedShare = 0.2, Lanes = 16 };
        var limiter = Limiter(options, time);
        var sent = 0;
        using var stop = new CancellationTokenSource();
        var lanes = Enumerable.Range(0, 16)
            .Select(_ => SendAsync(limiter, () => Interlocked.Increment(ref sent), stop.Token))
            .ToArray();

        time.Run(TimeSpan.FromSeconds(10), () => time.Armed == 1);

        Assert.InRange(sent, 1_584, 1_616);
        await stop.CancelAsync();
        await Task.WhenAll(lanes);
    }

    [Fact]
    public async Task Makes_up_for_a_quarter_of_a_second_and_not_for_more()
    {
        var rateLimiter = Limiter(new ResyncOptions { ReservedShare = 0 }, _time, perSecond: 10);
        await rateLimiter.AcquireAsync(Timeout.InfiniteTimeSpan, default);
        _time.Advance(TimeSpan.FromSeconds(10));

        for (var i = 0; i < 3; i++) await rateLimiter.AcquireAsync(Timeout.InfiniteTimeSpan, default);
        var next = rateLimiter.AcquireAsync(Timeout.InfiniteTimeSpan, default).AsTask();

        Assert.False(next.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await next;
    }

    [Fact]
    public async Task A_rate_of_zero_means_no_limit()
    {
        var rateLimiter = Limiter(new ResyncOptions { SendsPerSecond = 0 }, _time);
        for (var i = 0; i < 1_000; i++) await rateLimiter.AcquireAsync(Timeout.InfiniteTimeSpan, default);
    }

    private static BulkRateLimiter Limiter(ResyncOptions options, TimeProvider time, double? perSecond = null) =>
        new(options, SendBudget.Whole(new SendBudgetOptions(perSecond), time), time);

    private static async Task SendAsync(BulkRateLimiter rateLimiter, Action send, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await rateLimiter.AcquireAsync(Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
                send();
            }
        }
        catch (OperationCanceledException)
        {
            // The end of the test.
        }
    }
}
