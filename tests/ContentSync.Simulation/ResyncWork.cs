using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>The part of a process that reconciles whole catalogs: starts runs, carries them out, and sends the packs of the lanes it holds.</summary>
internal sealed class ResyncWork : IResyncScheduler
{
    private static readonly TimeSpan WakeInterval = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan FaultWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly SimulatedProcess _process;
    private readonly World _world;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly ResyncRunner _runner;
    private readonly ResyncRuns _resyncs;
    private readonly PackSender _sender;
    private readonly LaneRateLimiters _paces;
    private readonly ResyncStorePort _store;
    private readonly SessionQueue _lanes;
    private readonly ResyncSources _sources;
    private readonly HashSet<string> _carried = new(StringComparer.Ordinal);

    public ResyncWork(SimulatedProcess process, World world, BulkPlan plan, ISyncLedger ledger, ContentSynchronizer synchronizer, BrokerQueue queue, RequestIdSource ids, TimeProvider time, CancellationToken stopping)
    {
        _process = process;
        _world = world;
        _time = time;
        _stopping = stopping;
        var options = plan.Options(world.Plan);
        var contentOptions = new ContentOptions();
        var reader = new CatalogReader(new ContentReader(contentOptions, time), contentOptions);
        _sources = new ResyncSources(new CatalogPort(process, world));
        _store = new ResyncStorePort(process, world);
        _lanes = new SessionQueue(process, world);
        _sender = new PackSender(synchronizer, queue, options, time);
        _paces = new LaneRateLimiters(options, time);
        IPackLanes lanes = plan.IsThroughBroker ? new BrokerLanes(_lanes, _store, options) : new InProcessLanes(_sender, _paces);
        _runner = new ResyncRunner(
            new PlannerPort(world, process, new RecordScan(ledger), reader),
            new ResendPlanner(ledger, time),
            new ResyncPages(reader, synchronizer, ledger, time),
            lanes,
            _store,
            ids,
            options,
            time);
        _resyncs = new ResyncRuns(_runner, _store, lanes, this, time);
    }

    /// <summary>Finds, now and then, runs whose owner is gone.</summary>
    public async Task WakeAsync()
    {
        try
        {
            while (true)
            {
                await _time.WaitAsync(WakeInterval, _stopping).ConfigureAwait(false);
                await TryAsync(() => _resyncs.ResumeStalledAsync(WakeInterval, _stopping)).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Shut down.
        }
    }

    /// <summary>A timer or a person asks. Answers whether a run was written down.</summary>
    public async Task AskAsync(ResyncAsked asked, Action<bool> answered)
    {
        try
        {
            answered(await TryAsync(() => DoAsync(asked)).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            answered(false);
        }
    }

    public ValueTask ScheduleAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        if (_carried.Add(run.Source)) _process.Watch(CarryAsync(run.Source));
        return ValueTask.CompletedTask;
    }

    /// <summary>The same decisions as for a message: what throws is abandoned, what must wait comes again as a copy of its own.</summary>
    public async Task HandleAsync(ResyncPack pack, int hop, long lockToken)
    {
        try
        {
            var wait = await SendAsync(pack).ConfigureAwait(false);
            if (wait is { } delay) await _lanes.EnqueueAsync([ResyncMessages.Pack(pack, hop + 1, delay)], _stopping).ConfigureAwait(false);
            await CallAsync("complete pack", () => _world.Lanes.Settle(lockToken, "is complete")).ConfigureAwait(false);
        }
        catch (Exception e) when (e is QueueUnavailableException or IOException or OperationCanceledException)
        {
            await AbandonAsync(lockToken).ConfigureAwait(false);
        }
    }

    /// <returns>How long to stay away, where it is not done.</returns>
    private async Task<TimeSpan?> SendAsync(ResyncPack pack)
    {
        try
        {
            var result = await _sender.SendAsync(pack, _paces.Of(pack.Lane), Patience, _stopping).ConfigureAwait(false);
            if (result.Deferral is { } hold) return hold.Delay;
            await _store.CountAsync(pack, result.Counts, _stopping).ConfigureAwait(false);
            return null;
        }
        catch (LedgerUnavailableException)
        {
            return FaultWait;
        }
    }

    private async Task AbandonAsync(long lockToken)
    {
        try
        {
            await _process.CallAsync("abandon pack", () => _world.Lanes.Unlock(lockToken, "is abandoned"), BrokerQueue.Go(_world), CancellationToken.None).ConfigureAwait(false);
        }
        catch (QueueUnavailableException)
        {
            // The lock runs out.
        }
    }

    private async Task CarryAsync(string sourceName)
    {
        var source = _sources.FindByName(sourceName)!;
        try
        {
            while (true)
            {
                ResyncStepResult? step = null;
                await TryAsync(async () => step = await _runner.ContinueAsync(source, Budget, _stopping).ConfigureAwait(false)).ConfigureAwait(false);
                if (step is { ContinueAfter: null }) return;
                await _time.WaitAsync(step?.ContinueAfter ?? FaultWait, _stopping).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // Shut down.
        }
        finally
        {
            _carried.Remove(sourceName);
        }
    }

    // False where something is away; whoever was to be told tries again.
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

    private async Task DoAsync(ResyncAsked asked)
    {
        var source = asked.IsLedger ? _sources.Ledger : _sources.Catalog!;
        if (!asked.IsCancel) await _resyncs.StartAsync(source, asked.Wish, _stopping).ConfigureAwait(false);
        else if ((await _resyncs.ListAsync(_stopping).ConfigureAwait(false)).FirstOrDefault(run => run.IsInProgress) is { } run) await _resyncs.CancelAsync(run.RunId, _stopping).ConfigureAwait(false);
    }

    private async Task CallAsync(string what, Func<bool> effect) => await _process.CallAsync(what, effect, BrokerQueue.Go(_world), _stopping).ConfigureAwait(false);
}

/// <summary>The broker's sessions as a process sees them.</summary>
internal sealed class SessionQueue(SimulatedProcess process, World world) : IResyncQueue
{
    public async ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken) => await process.CallAsync(
        "enqueue packs",
        () =>
        {
            foreach (var message in messages) world.Lanes.Put(message);
            return true;
        },
        BrokerQueue.Go(world),
        cancellationToken).ConfigureAwait(false);
}
