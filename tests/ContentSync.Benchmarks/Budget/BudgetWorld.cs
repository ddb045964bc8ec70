using ContentSync.AlipayHk;
using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Budget;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Benchmarks.Budget;

/// <summary>Many processes that share one budget, in virtual time and on one thread, so that a seed always gives the same run.</summary>
internal sealed class BudgetWorld
{
    public const double ReservedShare = 0.2;

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(15);

    private readonly List<BudgetInstance> _instances = [];
    private int _started;

    public BudgetWorld(int seed, double perSecond, StoreFaults? faults = null)
    {
        Random = new Random(seed);
        PerSecond = perSecond;
        Store = new SimulatedSendState(Time, Random, faults ?? new StoreFaults());
    }

    public VirtualTime Time { get; } = new();

    public Random Random { get; }

    public double PerSecond { get; }

    public SimulatedSendState Store { get; }

    /// <summary>When requests left, over all processes, in order.</summary>
    public List<TimeSpan> Left { get; } = [];

    /// <summary>How long each single change of a <see cref="BudgetInstance.SendSinglesAsync"/> waited.</summary>
    public List<TimeSpan> SingleWaits { get; } = [];

    public IReadOnlyList<BudgetInstance> Instances => _instances;

    public BudgetInstance Start(int bulkWorkers, int singleWorkers)
    {
        var clock = new InstanceClock(Time);
        var budget = new SendBudget(
            new SendBudgetOptions(PerSecond, ReservedShare),
            Store.For(clock),
            clock,
            $"i{++_started}",
            Random.NextDouble,
            NullLogger<SendBudget>.Instance);
        var instance = new BudgetInstance(this, clock, budget, new SendRateLimiter(budget, RequestTimeout / 2, clock));
        _instances.Add(instance);
        OnThisThread(() => instance.StartWorkers(bulkWorkers, singleWorkers));
        return instance;
    }

    /// <summary>Lets time pass.</summary>
    public void Run(TimeSpan duration) => OnThisThread(() => Time.Run(Time.Elapsed + duration, () => true));

    public void Crash(BudgetInstance instance)
    {
        instance.Clock.Kill();
        _instances.Remove(instance);
    }

    public void Stop(BudgetInstance instance)
    {
        _instances.Remove(instance);
        OnThisThread(instance.Stop);
    }

    /// <summary>A test's synchronization context would resume the code on other threads.</summary>
    private static void OnThisThread(Action action)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            action();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    /// <summary>Requests that left since then, per second, over the budget.</summary>
    public double ShareUsed(TimeSpan since) => Left.Count(at => at >= since) / ((Time.Elapsed - since).TotalSeconds * PerSecond);

    /// <summary>The most requests in any window of one second, or of the time for one request of a slower budget.</summary>
    public int FullestWindow()
    {
        var window = BudgetRule.Window(PerSecond);
        var (fullest, first) = (0, 0);
        for (var last = 0; last < Left.Count; last++)
        {
            while (Left[last] - Left[first] >= window) first++;
            fullest = Math.Max(fullest, last - first + 1);
        }

        return fullest;
    }
}

/// <summary>One process: the app's own rate limiters, and workers that always have something to send while they are busy.</summary>
internal sealed class BudgetInstance(BudgetWorld world, InstanceClock clock, SendBudget budget, SendRateLimiter limiter)
{
    private static readonly TimeSpan Signing = TimeSpan.FromMilliseconds(5);

    private readonly BulkRateLimiter _bulk = new(new ResyncOptions { ReservedShare = BudgetWorld.ReservedShare }, budget, clock);
    private bool _isStopped;

    public InstanceClock Clock => clock;

    public SendBudget Budget => budget;

    public bool IsBusy { get; set; } = true;

    /// <summary>Requests that left.</summary>
    public int Sent { get; private set; }

    public void StartWorkers(int bulkWorkers, int singleWorkers)
    {
        for (var i = 0; i < bulkWorkers; i++) _ = WorkAsync(isBulk: true);
        for (var i = 0; i < singleWorkers; i++) _ = WorkAsync(isBulk: false);
    }

    public void Stop()
    {
        _isStopped = true;
        _ = budget.DisposeAsync().AsTask();
    }

    /// <summary>Sends single changes at random times.</summary>
    public async Task SendSinglesAsync(double perSecond, TimeSpan until)
    {
        while (world.Time.Elapsed < until)
        {
            await clock.WaitAsync(TimeSpan.FromSeconds(-Math.Log(1 - world.Random.NextDouble()) / perSecond), CancellationToken.None).ConfigureAwait(false);
            _ = SendSingleAsync();
        }
    }

    private async Task SendSingleAsync()
    {
        var began = world.Time.Elapsed;
        while (!await TrySendAsync().ConfigureAwait(false)) { }
        world.SingleWaits.Add(world.Time.Elapsed - began - Signing);
    }

    private async Task WorkAsync(bool isBulk)
    {
        while (!_isStopped)
        {
            if (!IsBusy)
            {
                await clock.WaitAsync(TimeSpan.FromMilliseconds(200), CancellationToken.None).ConfigureAwait(false);
                continue;
            }

            if (isBulk && !await _bulk.AcquireAsync(TimeSpan.FromSeconds(60), CancellationToken.None).ConfigureAwait(false)) continue;
            if (!await TrySendAsync().ConfigureAwait(false)) continue;
            await clock.WaitAsync(TimeSpan.FromMilliseconds(20 + (60 * world.Random.NextDouble())), CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async ValueTask<bool> TrySendAsync()
    {
        try
        {
            await limiter.WaitToSignAsync(CancellationToken.None).ConfigureAwait(false);
            await clock.WaitAsync(Signing * (0.5 + world.Random.NextDouble()), CancellationToken.None).ConfigureAwait(false);
            await limiter.WaitToSendAsync(CancellationToken.None).ConfigureAwait(false);
            world.Left.Add(world.Time.Elapsed);
            Sent++;
            return true;
        }
        catch (SendBudgetExhaustedException)
        {
            await clock.WaitAsync(TimeSpan.FromSeconds(1 + world.Random.NextDouble()), CancellationToken.None).ConfigureAwait(false);
            return false;
        }
    }
}
