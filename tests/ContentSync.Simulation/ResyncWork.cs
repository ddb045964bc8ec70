using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Simulation;

/// <summary>The part of a process that resyncs whole catalogs: it starts and executes runs, and sends the packs of its lanes.</summary>
internal sealed class ResyncWork : IResyncScheduler
{
    private static readonly TimeSpan ResumeInterval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan FaultDelay = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PackTimeout = TimeSpan.FromMinutes(1);

    private readonly SimulatedProcess _process;
    private readonly World _world;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly ResyncRunner _runner;
    private readonly PackSender _sender;
    private readonly ILaneProgressStore _progress;
    private readonly IResyncQueue _lanes;
    private readonly ResyncSources _sources;
    private readonly HashSet<string> _executing = new(StringComparer.Ordinal);

    private ResyncWork(SimulatedProcess process, World world, IServiceProvider services, CancellationToken stopping)
    {
        _process = process;
        _world = world;
        _time = services.StoreClock();
        _stopping = stopping;
        _runner = services.GetRequiredService<ResyncRunner>();
        _sender = services.GetRequiredService<PackSender>();
        _progress = services.GetRequiredService<ILaneProgressStore>();
        _lanes = services.GetRequiredService<IResyncQueue>();
        _sources = services.GetRequiredService<ResyncSources>();
    }

    /// <summary>Registers what a simulated process has instead of blobs, a broker and a loop of its own.</summary>
    public static void AddEdges(IServiceCollection services, SimulatedProcess process, World world, BulkPlan plan, CancellationToken stopping)
    {
        var store = new ResyncStorePort(process, world);
        services
            .AddSingleton<IResyncStore>(store)
            .AddSingleton<ILaneProgressStore>(store)
            .AddSingleton<IResyncQueue>(new SessionQueue(process, world))
            .AddSingleton(new ResyncSources(new CatalogPort(process, world)))
            .AddSingleton<ICatalogPlanner>(provider => new PlannerPort(
                world,
                process,
                provider.GetRequiredService<ILedgerScan>(),
                provider.GetRequiredService<CatalogReader>(),
                provider.GetRequiredKeyedService<TimeProvider>(Clocks.Store)))
            .AddSingleton(provider => new ResyncWork(process, world, provider, stopping))
            .AddSingleton<IResyncScheduler>(provider => provider.GetRequiredService<ResyncWork>());
        if (plan.IsThroughBroker) services.AddSingleton<IPackLanes, BrokerLanes>();
        else services.AddSingleton<IPackLanes, InProcessLanes>();
    }

    /// <summary>Periodically resumes runs that a dead process left.</summary>
    public async Task ResumeStalledRunsAsync(ResyncRuns runs)
    {
        try
        {
            while (true)
            {
                await _time.WaitAsync(ResumeInterval, _stopping).ConfigureAwait(false);
                await TryAsync(() => runs.ResumeStalledAsync(ResumeInterval, _stopping)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Shut down.
        }
    }

    /// <summary>Starts or cancels a run. Passes to <paramref name="completed"/> whether this succeeded.</summary>
    public async Task TriggerAsync(ResyncRuns runs, ResyncTrigger trigger, Action<bool> completed)
    {
        try
        {
            completed(await TryAsync(() => StartOrCancelAsync(runs, trigger)).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            completed(false);
        }
    }

    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        if (_executing.Add(run.Source)) _process.Watch(ExecuteAsync(run.Source));
        return ValueTask.CompletedTask;
    }

    /// <summary>Settles like the Functions host: abandons the message on an exception, and reschedules a deferred pack as a copy.</summary>
    public async Task HandleAsync(ResyncPack pack, int hop, long lockToken)
    {
        try
        {
            if (await SendAsync(pack).ConfigureAwait(false) is { } delay)
                await _lanes.EnqueueAsync([ResyncMessages.Pack(pack, hop + 1, delay)], _stopping).ConfigureAwait(false);
            await CallAsync("complete pack", () => _world.Lanes.Settle(lockToken, "is complete")).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QueueUnavailableException or IOException or OperationCanceledException)
        {
            await AbandonAsync(lockToken).ConfigureAwait(false);
        }
    }

    /// <returns>Delay until the pack must be sent again; null when it is finished.</returns>
    private async Task<TimeSpan?> SendAsync(ResyncPack pack)
    {
        try
        {
            var result = await _sender.SendAsync(pack, PackTimeout, _stopping).ConfigureAwait(false);
            if (result.Deferral is { } deferral) return deferral.Delay;
            await _progress.CountAsync(pack, result.Counts, _stopping).ConfigureAwait(false);
            return null;
        }
        catch (LedgerUnavailableException)
        {
            return FaultDelay;
        }
    }

    private async Task AbandonAsync(long lockToken)
    {
        try
        {
            await _process.CallAsync(
                "abandon pack",
                () => _world.Lanes.Unlock(lockToken, "is abandoned"),
                BrokerQueue.NextCall(_world),
                CancellationToken.None).ConfigureAwait(false);
        }
        catch (QueueUnavailableException)
        {
            // The lock expires.
        }
    }

    private async Task ExecuteAsync(string sourceName)
    {
        var source = _sources.FindByName(sourceName)!;
        try
        {
            while (true)
            {
                ResyncStepResult? step = null;
                await TryAsync(async () => step = await _runner.ContinueAsync(source, Budget, _stopping).ConfigureAwait(false))
                    .ConfigureAwait(false);
                if (step is { ContinueAfter: null }) return;
                await _time.WaitAsync(step?.ContinueAfter ?? FaultDelay, _stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Shut down.
        }
        finally
        {
            _executing.Remove(sourceName);
        }
    }

    // False when a service is down; the caller tries again.
    private static async Task<bool> TryAsync(Func<Task> act)
    {
        try
        {
            await act().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException or IOException)
        {
            return false;
        }
    }

    private async Task StartOrCancelAsync(ResyncRuns runs, ResyncTrigger trigger)
    {
        if (!trigger.IsCancel)
        {
            var source = trigger.IsLedger ? _sources.Ledger : _sources.Catalog!;
            await runs.StartAsync(source, trigger.Parameters, _stopping).ConfigureAwait(false);
            return;
        }

        var known = await runs.ListAsync(_stopping).ConfigureAwait(false);
        if (known.FirstOrDefault(run => run.IsInProgress) is { } run) await runs.CancelAsync(run.RunId, _stopping).ConfigureAwait(false);
    }

    private async Task CallAsync(string what, Func<bool> effect) =>
        await _process.CallAsync(what, effect, BrokerQueue.NextCall(_world), _stopping).ConfigureAwait(false);
}

/// <summary>The sessions of the broker, as seen by a process.</summary>
internal sealed class SessionQueue(SimulatedProcess process, World world) : IResyncQueue
{
    public async ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken) => await process.CallAsync(
        "enqueue packs",
        () =>
        {
            foreach (var message in messages) world.Lanes.Put(message);
            return true;
        },
        BrokerQueue.NextCall(world),
        cancellationToken).ConfigureAwait(false);
}
