using ContentSync.Catalog;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Simulation;

/// <summary>
/// The part of a process that starts and cancels resyncs of whole catalogs. It executes those that neither go through the broker's queue nor
/// are the local host's.
/// </summary>
internal sealed class ResyncWork : IResyncScheduler
{
    private static readonly TimeSpan ResumeInterval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan FaultDelay = TimeSpan.FromMinutes(1);

    private readonly SimulatedProcess _process;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly ResyncRunner _runner;
    private readonly ResyncSources _sources;
    private readonly HashSet<string> _executing = new(StringComparer.Ordinal);

    private ResyncWork(SimulatedProcess process, IServiceProvider services, CancellationToken stopping)
    {
        _process = process;
        _time = services.StoreClock();
        _stopping = stopping;
        _runner = services.GetRequiredService<ResyncRunner>();
        _sources = services.GetRequiredService<ResyncSources>();
    }

    /// <summary>Registers what a simulated process has instead of blobs, a broker and a loop of its own.</summary>
    public static void AddEdges(IServiceCollection services, SimulatedProcess process, World world, BulkPlan plan, CancellationToken stopping)
    {
        services
            .AddSingleton(new ResyncSources(new CatalogPort(process, world)))
            .AddSingleton<ICatalogPlanner>(provider => new PlannerPort(
                world,
                process,
                provider.GetRequiredService<ILedgerScan>(),
                provider.GetRequiredService<CatalogReader>(),
                provider.GetRequiredKeyedService<TimeProvider>(Clocks.Store)))
            .AddSingleton(provider => new ResyncWork(process, provider, stopping));
        if (world.Local is not null)
        {
            services
                .AddSingleton<IResyncStore>(new LocalResyncStore(process, world))
                .AddSingleton<IPackLanes, InProcessLanes>()
                .AddSingleton<ILogger<LocalResync>>(new LocalResyncLog(process, world))
                .AddSingleton(provider => ActivatorUtilities.CreateInstance<LocalResync>(provider, TaskCreationOptions.None))
                .AddSingleton<IResyncScheduler>(provider => provider.GetRequiredService<LocalResync>());
            return;
        }

        var store = new ResyncStorePort(process, world);
        services.AddSingleton<IResyncStore>(store).AddSingleton<ILaneProgressStore>(store);
        if (plan.IsThroughBroker)
        {
            services.AddBrokerLanes().AddSingleton<ProcessResyncPack>();
            return;
        }

        services
            .AddSingleton<IPackLanes, InProcessLanes>()
            .AddSingleton<IResyncScheduler>(provider => provider.GetRequiredService<ResyncWork>());
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

    private async Task ExecuteAsync(string sourceName)
    {
        var source = _sources.FindByName(sourceName)!;
        _process.LaneRate.Enter();
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
}
