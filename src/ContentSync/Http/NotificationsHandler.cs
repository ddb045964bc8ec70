using ContentSync.Notifications;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>GET /api/notifications: whether the receivers accept notifications.</summary>
public sealed class NotificationsHandler(NotificationOutbox outbox)
{
    /// <returns>200.</returns>
    public Task<IResult> HandleAsync() =>
        Task.FromResult(Results.Json(new NotificationsState(outbox.Receivers), ApiJson.Responses.NotificationsState));
}

/// <summary>How delivery of notifications goes, in the instance that responds.</summary>
/// <param name="Receivers">In the order of the settings; empty without receivers.</param>
public sealed record NotificationsState(IReadOnlyList<NotificationReceiverState> Receivers);
