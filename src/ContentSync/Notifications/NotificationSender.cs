using System.Globalization;
using System.Net.Http.Headers;
using ContentSync.Signing;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Notifications;

/// <summary>The innermost handler, which connects to the receivers. The sender disposes of it.</summary>
public sealed record NotificationTransport(HttpMessageHandler Handler)
{
    /// <summary>Sockets that follow no redirect, which could lead to an address that is not configured, and keep no cookies.</summary>
    public static NotificationTransport Open() => new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        PooledConnectionLifetime = TimeSpan.FromMinutes(10),
        ActivityHeadersPropagator = null,
    });
}

/// <summary>Posts one notification to one receiver, signed according to Standard Webhooks. Thread-safe.</summary>
public sealed class NotificationSender(
    NotificationOptions options, NotificationTransport transport, [FromKeyedServices(Clocks.Wall)] TimeProvider time) : IDisposable
{
    /// <summary>How long a receiver may take to respond.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(10);

    private readonly HttpClient _client = new(transport.Handler) { Timeout = Timeout.InfiniteTimeSpan };

    /// <returns>Null if the receiver accepted it with a status from 200 to 299; otherwise why it did not, without secrets.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the receiver may have accepted it.</exception>
    public async ValueTask<string?> SendAsync(
        NotificationReceiverOptions receiver, Notification notification, CancellationToken cancellationToken)
    {
        var body = notification.ToBody(options.Source);
        var timestamp = time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var secret = WebhookSignature.ReadSecret(receiver.Secret) ?? throw new InvalidOperationException("The settings were not validated.");
        using var request = new HttpRequestMessage(HttpMethod.Post, receiver.Address) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(Notification.MediaType, "utf-8");
        request.Headers.Add(WebhookSignature.IdHeader, notification.Id);
        request.Headers.Add(WebhookSignature.TimestampHeader, timestamp);
        request.Headers.Add(WebhookSignature.SignatureHeader, WebhookSignature.HeaderValue(secret, notification.Id, timestamp, body.Span));
        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using var response = await _client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, linked.Token).ConfigureAwait(false);
            return response.IsSuccessStatusCode ? null : $"The receiver returned HTTP {(int)response.StatusCode}.";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"The receiver did not respond within {RequestTimeout.TotalSeconds:0} seconds.";
        }
        catch (HttpRequestException e)
        {
            return $"The receiver cannot be reached ({e.HttpRequestError}).";
        }
    }

    public void Dispose() => _client.Dispose();
}
