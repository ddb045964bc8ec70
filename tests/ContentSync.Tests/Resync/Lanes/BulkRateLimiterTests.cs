using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Budget;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Tests.Budget;
using Microsoft.Extensions.Logging.Abstractions;
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
    public void A_page_that_waits_for_longer_than_demand_is_remembered_keeps_its_part_of_the_budget()
    {
        // All on this thread, so that virtual time passes only when everything waits.
        SynchronizationContext.SetSynchronizationContext(null);
        var time = new VirtualTime();
        using var budget = new SendBudget(
            new SendBudgetOptions(12, ReservedShare: 0.2), new MemorySendStateStore(time), time, "a", () => 0.5, NullLogger<SendBudget>.Instance);
        var limiter = new BulkRateLimiter(new ResyncOptions(), budget, time);
        var started = 0;
        using var stop = new CancellationTokenSource();
        for (var i = 0; i < 500; i++) _ = StartAsync();

        time.Run(TimeSpan.FromSeconds(30), () => true);
        stop.Cancel();

        // Nine of twelve units from the start on, although no item asks after the first moment.
        Assert.InRange(started, (int)(0.95 * 9 * 30), (9 * 30) + 3);

        async Task StartAsync()
        {
            try
            {
                if (await limiter.AcquireAsync(Timeout.InfiniteTimeSpan, stop.Token).ConfigureAwait(false)) started++;
            }
            catch (OperationCanceledException)
            {
                // The end of the test.
            }
        }
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
