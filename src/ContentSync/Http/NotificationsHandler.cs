using ContentSync.Notifications;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/notifications: whether the receivers accept notifications.</summary>
public sealed class NotificationsHandler(NotificationOutbox outbox)
{
    /// <returns>200.</returns>
    public Task<IResult> HandleAsync() => Task.FromResult(Results.Json(
        new NotificationsState(
        [
            .. outbox.Receivers.Select(receiver => new NotificationReceiverState(
                receiver.Address,
                receiver.Waiting,
                receiver.Delivered,
                receiver.GivenUp,
                receiver.LastDeliveredAt,
                receiver.LastFault,
                receiver.LastFaultAt)),
        ]),
        ApiJson.Responses.NotificationsState));
}

/// <summary>How delivery of notifications goes, in the instance that responds.</summary>
/// <param name="Receivers">In the order of the settings; empty without receivers.</param>
public sealed record NotificationsState(IReadOnlyList<NotificationReceiverState> Receivers);

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
