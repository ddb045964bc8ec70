using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace ContentSync.Functions;

/// <summary>
/// Reports at start each secret that Azure did not resolve. Without it, the only signs would be refused webhooks and missing notifications.
/// </summary>
internal sealed partial class WebhookSecretCheck(HostSettings settings, ILogger<WebhookSecretCheck> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var setting in settings.UnresolvedWebhookSecrets) LogUnresolved(setting);
        foreach (var setting in settings.UnresolvedNotificationSecrets) LogReceiverLeftOut(setting);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    [LoggerMessage(
        EventId = 3301,
        Level = LogLevel.Error,
        Message = "Azure did not resolve the Key Vault reference in {Setting}. Webhooks signed with this secret are refused. "
            + "Check that the secret exists and that the app may read it, then restart the app")]
    private partial void LogUnresolved(string setting);

    [LoggerMessage(
        EventId = 3302,
        Level = LogLevel.Error,
        Message = "Azure did not resolve the Key Vault reference in {Setting}. This receiver gets no notifications. "
            + "Check that the secret exists and that the app may read it, then restart the app")]
    private partial void LogReceiverLeftOut(string setting);
}
