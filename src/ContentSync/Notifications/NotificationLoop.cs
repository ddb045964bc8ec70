using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Resync;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Notifications;

/// <summary>
/// Looks for events and delivers them, beside the pipeline: whatever fails here, items are sent. Events that all processes can see are claimed in
/// the shared document before they are delivered; those about items belong to the process that handled the items. One per process.
/// </summary>
public sealed partial class NotificationLoop(
    NotificationOptions options,
    NotificationOutbox outbox,
    SendSwitch sendSwitch,
    IResyncStore resyncs,
    ResyncSources sources,
    ItemAlerts items,
    RequestIdSource ids,
    [FromKeyedServices(Clocks.Wall)] TimeProvider time,
    ILogger<NotificationLoop> logger)
{
    /// <summary>Causes that a sentence names; the event's data has all of them.</summary>
    private const int MaxNamedCauses = 5;

    /// <summary>How often to look for events and for deliveries that are due.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>How often to read the runs, and to report items.</summary>
    public static readonly TimeSpan LongInterval = TimeSpan.FromMinutes(1);

    /// <summary>How long the last delivery may take when the process stops.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly string _process = ids.Create();
    private readonly HashSet<string> _claimed = new(StringComparer.Ordinal);
    private IReadOnlyList<ResyncHistory> _histories = [];
    private long? _longAt;
    private int _batches;

    /// <summary>Whether there is a receiver. Without one there is nothing to run.</summary>
    public bool HasReceivers => options.Receivers.Count > 0;

    /// <summary>Runs until it is cancelled, and then reports the items that are collected. Never throws.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        if (!HasReceivers) return;
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            do await TryTickAsync(stopping).ConfigureAwait(false);
            while (await timer.WaitForNextTickAsync(stopping).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            await StopAsync().ConfigureAwait(false);
        }
    }

    private async Task TryTickAsync(CancellationToken stopping)
    {
        try
        {
            await TickAsync(stopping).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
        {
            LogFault(e);
        }
    }

    /// <summary>Looks once, and makes one attempt for each delivery that is due.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    internal async Task TickAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_longAt is not { } then || time.GetElapsedTime(then) >= LongInterval)
            {
                _longAt = time.GetTimestamp();
                ReportItems();
                _histories = await resyncs.ListAsync(cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false);
            }

            await ClaimAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            LogNotRead(e.Message);
        }

        await outbox.DeliverDueAsync(cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask ClaimAsync(CancellationToken cancellationToken)
    {
        if (!sendSwitch.IsShared) return;
        await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false);
        if (sendSwitch.IsOutdated) return;
        var (known, storeTime) = sendSwitch.KnownWithTime;
        if (!IsNews(known, storeTime)) return;
        IReadOnlyList<Notification> won = [];
        HashSet<string> done = [];
        await sendSwitch.ChangeAsync(
            (read, _) =>
            {
                done = [.. _claimed.Where(outbox.IsDone)];
                var facts = Facts(read.State, read.Time);
                var settled = NotificationClaims.Settle(read.State, done, _process, _claimed, read.Time);
                var (next, wonIds) = NotificationClaims.Claim(settled, [.. facts.Keys], _process, _claimed, read.Time);
                won = [.. wonIds.Select(id => facts[id])];
                return next;
            },
            cancellationToken).ConfigureAwait(false);
        _claimed.ExceptWith(done);
        foreach (var notification in won)
        {
            _claimed.Add(notification.Id);
            outbox.Add(notification);
        }
    }

    /// <summary>Whether the document should be read and changed: most of the time nothing happened, and what is known suffices.</summary>
    private bool IsNews(SharedSendState state, DateTimeOffset now)
    {
        var settled = NotificationClaims.Settle(state, [.. _claimed.Where(outbox.IsDone)], _process, _claimed, now);
        return !ReferenceEquals(NotificationClaims.Claim(settled, [.. Facts(state, now).Keys], _process, _claimed, now).State, state);
    }

    private Dictionary<string, Notification> Facts(SharedSendState state, DateTimeOffset now) =>
        NotificationFacts.OfSending(state, now)
            .Concat(NotificationFacts.OfResyncs(_histories, sources.Catalog?.Name, options.ResyncOverdueHours, now))
            .DistinctBy(notification => notification.Id)
            .ToDictionary(notification => notification.Id, StringComparer.Ordinal);

    private void ReportItems()
    {
        var alerts = items.Take();
        Report(ItemAlertKind.Parked, NotificationTypes.ItemsParked, "items-parked", "parked");
        Report(ItemAlertKind.InactiveTemplate, NotificationTypes.TemplatesInactive, "templates-inactive", "acknowledged with an inactive template");

        void Report(ItemAlertKind kind, string type, string prefix, string verb)
        {
            NotificationItems[] causes =
            [
                .. alerts
                    .Where(alert => alert.Kind == kind)
                    .Select(alert => new NotificationItems(alert.Reason, alert.Code, alert.Count, alert.ContentIds)),
            ];
            if (causes.Length == 0) return;
            var count = causes.Sum(cause => cause.Count);
            var named = causes.Take(MaxNamedCauses).Select(cause => string.Create(
                CultureInfo.InvariantCulture,
                $"{cause.Count:N0} {(kind == ItemAlertKind.Parked ? $"with {cause.Code ?? cause.Reason}" : cause.Reason)}"));
            var rest = causes.Skip(MaxNamedCauses).Sum(cause => cause.Count);
            var others = rest == 0 ? "" : $", {Wording.Count(rest, "other", "others")}";
            var summary = $"{Wording.Count(count, "item was", "items were")} {verb}: {string.Join(", ", named)}{others}.";
            var id = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{_process}-{_batches++}");
            outbox.Add(new Notification(id, type, time.GetUtcNow(), null, new NotificationData(summary) { Items = causes }));
        }
    }

    private async Task StopAsync()
    {
        using var timeout = new CancellationTokenSource(StopTimeout, time);
        try
        {
            ReportItems();
            await outbox.DeliverDueAsync(timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            LogStopped();
        }
    }

    [LoggerMessage(EventId = 2504, Level = LogLevel.Warning, Message = "Whether there is something to report cannot be found out now: {Reason}")]
    private partial void LogNotRead(string reason);

    [LoggerMessage(EventId = 2506, Level = LogLevel.Error, Message = "Notifications failed, which is a fault of the program; the next look follows")]
    private partial void LogFault(Exception fault);

    [LoggerMessage(EventId = 2505, Level = LogLevel.Warning, Message = "The process stopped before every notification was delivered")]
    private partial void LogStopped();
}
