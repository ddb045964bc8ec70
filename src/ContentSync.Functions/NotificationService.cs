using ContentSync.Notifications;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Functions;

/// <summary>
/// Runs notifications as long as the worker runs. While the app is scaled to zero nothing happens that could be reported but an overdue resync,
/// which is reported when a timer starts the app next.
/// </summary>
internal sealed class NotificationService(NotificationLoop loop) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => loop.RunAsync(stoppingToken);
}
