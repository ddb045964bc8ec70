using ContentSync.Ledger;
using ContentSync.Notifications;
using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Pipeline;

/// <summary>What the local host does by itself while it is open, and the order in which it stops.</summary>
internal sealed partial class LocalWork(
    LocalWorkOptions options,
    InProcessQueue queue,
    LocalResync resync,
    PendingSweep sweep,
    ILedgerMaintenance maintenance,
    ResyncRuns runs,
    RetentionOptions retention,
    NotificationLoop notifications,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    ILogger<LocalWork> logger) : IDisposable
{
    /// <summary>How long items in flight may take to finish when the host stops.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(10);

    /// <summary>When a host forgets for the first time what it need not keep any longer, after its start.</summary>
    private static readonly TimeSpan FirstMaintenance = TimeSpan.FromMinutes(10);

    /// <summary>How often it does so from then on.</summary>
    private static readonly TimeSpan MaintenanceInterval = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _notificationsStopping = new();
    private Task _sweeping = Task.CompletedTask;
    private Task _maintaining = Task.CompletedTask;
    private Task _notifying = Task.CompletedTask;

    /// <summary>
    /// Begins with the items that an earlier process left pending. Resyncs begin when <see cref="LocalResync.Start"/> is called, which only a host
    /// that serves does.
    /// </summary>
    public void Start()
    {
        var interval = options.SweepInterval;
        _sweeping = RepeatAsync(TimeSpan.Zero, interval, SweepAsync, reason => LogSweepFailed(reason, interval.TotalSeconds));
        _maintaining = RepeatAsync(FirstMaintenance, MaintenanceInterval, MaintainAsync, LogMaintenanceFailed);
        _notifying = notifications.RunAsync(_notificationsStopping.Token);
    }

    /// <summary>Lets items in flight finish; the others stay pending for the next start.</summary>
    public async Task StopAsync()
    {
        // CancelAsync would resume the waiting code on the thread pool (see TimedWait).
        _stopping.Cancel();
        await resync.StopAsync().ConfigureAwait(false);
        await _sweeping.ConfigureAwait(false);
        await _maintaining.ConfigureAwait(false);
        await queue.StopAsync(StopTimeout).ConfigureAwait(false);

        // Last, so that it reports what happened until now.
        _notificationsStopping.Cancel();
        await _notifying.ConfigureAwait(false);
    }

    public void Dispose()
    {
        _stopping.Dispose();
        _notificationsStopping.Dispose();
    }

    private async Task RepeatAsync(TimeSpan first, TimeSpan interval, Func<CancellationToken, Task> act, Action<string> logFailed)
    {
        try
        {
            for (var wait = first; ; wait = interval)
            {
                await time.WaitAsync(wait, _stopping.Token).ConfigureAwait(false);
                try
                {
                    await act(_stopping.Token).ConfigureAwait(false);
                }
                catch (Exception fault) when (fault is not OperationCanceledException || !_stopping.IsCancellationRequested)
                {
                    // The host keeps serving and tries again, whatever the fault.
                    logFailed(FaultText.Of(fault));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private Task SweepAsync(CancellationToken cancellationToken) => sweep.RunAsync(TimeSpan.Zero, cancellationToken);

    private async Task MaintainAsync(CancellationToken cancellationToken)
    {
        await maintenance.RunAsync(MaintenanceInterval, cancellationToken).ConfigureAwait(false);
        await runs.ForgetAsync(TimeSpan.FromDays(retention.RunsDays), cancellationToken).ConfigureAwait(false);
    }

    [LoggerMessage(EventId = 4201, Level = LogLevel.Warning, Message = "The ledger was not tidied up; the next try is in a day. {Reason}")]
    private partial void LogMaintenanceFailed(string reason);

    [LoggerMessage(EventId = 4202, Level = LogLevel.Error, Message = "Overdue items cannot be looked for; the next try is in {Seconds} s. {Reason}")]
    private partial void LogSweepFailed(string reason, double seconds);
}
