using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using ContentSync.Http.Webhooks;
using ContentSync.Notifications;

namespace ContentSync.Tests.Notifications;

/// <summary>Receives notifications, verifies them as a webhook, and responds as a test wants.</summary>
internal sealed class Receiver(TimeProvider time) : HttpMessageHandler
{
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    public static readonly Uri Address = new("https://alerts.example/hook?key=geheim");

    private readonly WebhookVerifier _verifier = new(new WebhookOptions { Secrets = { Secret } }, time);

    public ConcurrentQueue<Received> All { get; } = new();

    /// <summary>The status of the next responses; the last one repeats.</summary>
    public Queue<HttpStatusCode> Statuses { get; } = new([HttpStatusCode.NoContent]);

    /// <summary>While set, no connection can be made.</summary>
    public bool IsDown { get; set; }

    /// <summary>While set, no response arrives.</summary>
    public bool Hangs { get; set; }

    public IEnumerable<string> Types => All.Select(received => received.Type);

    public static NotificationOptions Options(params Uri[] addresses) => new()
    {
        Receivers = [.. addresses.DefaultIfEmpty(Address).Select(address => new NotificationReceiverOptions { Address = address, Secret = Secret })],
    };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (IsDown) throw new HttpRequestException(HttpRequestError.ConnectionError, "No connection could be made to 10.0.0.1.");
        if (Hangs) await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
        var body = await request.Content!.ReadAsByteArrayAsync(cancellationToken);
        var verification = _verifier.Verify(Header("webhook-id"), Header("webhook-timestamp"), Header("webhook-signature"), body);
        All.Enqueue(new Received(
            request.RequestUri!, Header("webhook-id"), verification, request.Content.Headers.ContentType!.ToString(), Encoding.UTF8.GetString(body)));
        return new HttpResponseMessage(Statuses.Count > 1 ? Statuses.Dequeue() : Statuses.Peek());

        string Header(string name) => request.Headers.GetValues(name).Single();
    }
}

/// <summary>A notification that arrived.</summary>
internal sealed record Received(Uri Address, string Id, WebhookVerification Verification, string ContentType, string Body)
{
    public JsonElement Event => JsonDocument.Parse(Body).RootElement;

    public JsonElement Data => Event.GetProperty("data");

    public string Type => Event.GetProperty("type").GetString()!;
}
