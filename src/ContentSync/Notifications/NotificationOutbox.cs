using ContentSync.AlipayHk;
using ContentSync.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Notifications;

/// <summary>
/// The notifications of this process that are not delivered yet, and how delivery goes. Each receiver has its own attempts, so that one which is
/// down delays no other. In memory and bounded. Thread-safe; one per process.
/// </summary>
public sealed partial class NotificationOutbox(
    NotificationOptions options,
    NotificationSender sender,
    JitterSource jitter,
    [FromKeyedServices(Clocks.Wall)] TimeProvider time,
    ILogger<NotificationOutbox> logger)
{
    /// <summary>Attempts of one notification at one receiver; with the back-off, they take about two and a half hours.</summary>
    public const int MaxAttempts = 8;

    /// <summary>Notifications that wait for one receiver; beyond it, the oldest is given up.</summary>
    public const int MaxWaiting = 200;

    /// <summary>After this time a notification is given up, whatever its attempts.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(6);

    private const int MaxInFlight = 4;
    private const int BackOffFactor = 4;
    private static readonly TimeSpan FirstBackOff = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan MaxBackOff = TimeSpan.FromHours(1);

    private readonly Lock _lock = new();
    private readonly List<Delivery> _waiting = [];
    private readonly NotificationReceiverState[] _receivers =
    [
        .. options.Receivers.Select(receiver =>
            new NotificationReceiverState(receiver.Address!.GetLeftPart(UriPartial.Authority), 0, 0, 0, null, null, null)),
    ];

    /// <summary>How delivery to each receiver goes, in the order of the settings.</summary>
    public IReadOnlyList<NotificationReceiverState> Receivers
    {
        get
        {
            lock (_lock)
            {
                return
                [
                    .. _receivers.Select((status, i) => status with { Waiting = _waiting.Count(delivery => delivery.Receiver == i) }),
                ];
            }
        }
    }

    /// <summary>Adds a notification for every receiver.</summary>
    public void Add(Notification notification)
    {
        lock (_lock)
        {
            for (var i = 0; i < _receivers.Length; i++)
            {
                if (_waiting.Count(delivery => delivery.Receiver == i) >= MaxWaiting)
                    GiveUp(_waiting.First(delivery => delivery.Receiver == i), "Too many notifications wait for the receiver.");
                _waiting.Add(new Delivery(notification, i, time.GetTimestamp()));
            }
        }
    }

    /// <summary>Whether a notification was delivered to every receiver or given up.</summary>
    public bool IsDone(string id)
    {
        lock (_lock) return _waiting.TrueForAll(delivery => delivery.Notification.Id != id);
    }

    /// <summary>Makes one attempt for each notification that is due.</summary>
    public async Task DeliverDueAsync(CancellationToken cancellationToken)
    {
        Delivery[] due;
        lock (_lock) due = [.. _waiting.Where(delivery => time.GetElapsedTime(delivery.WaitsSince) >= delivery.Wait)];
        foreach (var part in due.Chunk(MaxInFlight))
            await Task.WhenAll(part.Select(delivery => DeliverAsync(delivery, cancellationToken))).ConfigureAwait(false);
    }

    private async Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken)
    {
        var fault = await sender.SendAsync(options.Receivers[delivery.Receiver], delivery.Notification, cancellationToken).ConfigureAwait(false);
        var (id, type) = (delivery.Notification.Id, delivery.Notification.Type);
        lock (_lock)
        {
            // It was given up meanwhile, because too many wait.
            if (!_waiting.Contains(delivery)) return;
            ref var status = ref _receivers[delivery.Receiver];
            if (fault is null)
            {
                _waiting.Remove(delivery);
                status = status with { Delivered = status.Delivered + 1, LastDeliveredAt = time.GetUtcNow() };
                Count(type, "delivered");
                LogDelivered(id, status.Address);
                return;
            }

            status = status with { LastFault = fault, LastFaultAt = time.GetUtcNow() };
            Count(type, "failed");
            delivery.Attempts++;
            if (delivery.Attempts >= MaxAttempts || time.GetElapsedTime(delivery.AddedAt) >= MaxAge)
            {
                GiveUp(delivery, fault);
                return;
            }

            delivery.Wait = BackOff(delivery.Attempts);
            delivery.WaitsSince = time.GetTimestamp();
            LogFailed(id, status.Address, delivery.Attempts, delivery.Wait, fault);
        }
    }

    private void GiveUp(Delivery delivery, string fault)
    {
        _waiting.Remove(delivery);
        ref var status = ref _receivers[delivery.Receiver];
        status = status with { GivenUp = status.GivenUp + 1, LastFault = fault, LastFaultAt = time.GetUtcNow() };
        Count(delivery.Notification.Type, "givenUp");
        LogGivenUp(delivery.Notification.Id, delivery.Notification.Type, status.Address, delivery.Attempts, fault);
    }

    // From half of the back-off to the whole, so that receivers and instances do not repeat at the same time.
    private TimeSpan BackOff(int attempts)
    {
        var wait = Math.Min(FirstBackOff.TotalSeconds * Math.Pow(BackOffFactor, attempts - 1), MaxBackOff.TotalSeconds);
        return TimeSpan.FromSeconds(wait * (1 + jitter.Draw()) / 2);
    }

    private static void Count(string type, string result) => Telemetry.Notifications.Add(1, new("type", type), new("result", result));

    [LoggerMessage(EventId = 2501, Level = LogLevel.Debug, Message = "Delivered notification {Id} to {Receiver}")]
    private partial void LogDelivered(string id, string receiver);

    [LoggerMessage(
        EventId = 2502,
        Level = LogLevel.Warning,
        Message = "Notification {Id} was not delivered to {Receiver}, attempt {Attempt}; the next follows in {Delay}: {Reason}")]
    private partial void LogFailed(string id, string receiver, int attempt, TimeSpan delay, string reason);

    [LoggerMessage(
        EventId = 2503,
        Level = LogLevel.Error,
        Message = "Notification {Id} ({Type}) to {Receiver} is given up after {Attempts} attempts: {Reason}")]
    private partial void LogGivenUp(string id, string type, string receiver, int attempts, string reason);

    /// <summary>A notification on its way to one receiver.</summary>
    private sealed class Delivery(Notification notification, int receiver, long addedAt)
    {
        public Notification Notification { get; } = notification;

        public int Receiver { get; } = receiver;

        public long AddedAt { get; } = addedAt;

        public int Attempts { get; set; }

        public long WaitsSince { get; set; } = addedAt;

        public TimeSpan Wait { get; set; }
    }
}

/// <summary>How delivery to one receiver goes, since the instance started.</summary>
/// <param name="Address">Scheme, host and port.</param>
/// <param name="Waiting">Notifications that are not delivered yet.</param>
/// <param name="Delivered">Notifications that it accepted.</param>
/// <param name="GivenUp">Notifications that it never accepted.</param>
/// <param name="LastDeliveredAt">When it accepted one last.</param>
/// <param name="LastFault">Why an attempt failed last.</param>
/// <param name="LastFaultAt">When.</param>
public sealed record NotificationReceiverState(
    string Address,
    int Waiting,
    long Delivered,
    long GivenUp,
    DateTimeOffset? LastDeliveredAt,
    string? LastFault,
    DateTimeOffset? LastFaultAt);
