using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Simulation;

/// <summary>The timer of the app: each time, the functions that have a schedule run in one of the processes.</summary>
internal sealed class AppTimer(World world)
{
    private SimulatedProcess? _running;
    private int _times;

    /// <summary>Begins to run them in every interval.</summary>
    public void Start() => world.Time.After(world.Plan.SweepInterval, Tick);

    private void Tick()
    {
        world.Time.After(world.Plan.SweepInterval, Tick);

        // A process that freezes or dies loses the lock that keeps the others from running the same function.
        if (_running is { IsAccepting: true }) return;
        var ready = world.Machines.Select(machine => machine.Process).OfType<SimulatedProcess>().Where(process => process.IsAccepting).ToList();
        if (ready.Count == 0) return;
        var isMaintenance = world.Plan.HasMaintenance && ++_times % 2 == 0;
        var process = _running = ready[world.Random.Next(ready.Count)];
        process.RunTimer(isMaintenance, () =>
        {
            if (_running == process) _running = null;
        });
    }
}

/// <summary>The functions of a process that have a schedule.</summary>
internal sealed class TimerFunctions(IServiceProvider services, ISyncLedger ledger)
{
    private readonly SweepPending _sweep = ActivatorUtilities.CreateInstance<SweepPending>(services);
    private readonly MaintainLedger _maintain = ActivatorUtilities.CreateInstance<MaintainLedger>(services, ledger);
    private readonly ScheduleResync _resync = ActivatorUtilities.CreateInstance<ScheduleResync>(services);

    /// <summary>Runs the sweep, and the maintenance of the ledger if it is due.</summary>
    public async Task RunAsync(bool isMaintenance, CancellationToken cancellationToken)
    {
        await TryAsync(_sweep.RunAsync).ConfigureAwait(false);
        if (isMaintenance) await TryAsync(_maintain.RunAsync).ConfigureAwait(false);

        // The host logs a failure, and the next time follows.
        async Task TryAsync(Func<TimerInfo, CancellationToken, Task> function)
        {
            try
            {
                await function(new TimerInfo(), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is LedgerUnavailableException or QueueUnavailableException or IOException or OperationCanceledException)
            {
                // The next time tries again.
            }
        }
    }

    /// <summary>Starts a resync of the catalog.</summary>
    public Task StartResyncAsync(CancellationToken cancellationToken) => _resync.RunAsync(new TimerInfo(), cancellationToken);
}
