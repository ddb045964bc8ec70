namespace ContentSync.Http.Webhooks;

/// <summary>Settings of the webhook. Section <c>Webhook</c>.</summary>
public sealed class WebhookOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Webhook";

    /// <summary>
    /// Secrets of Standard Webhooks, base64 of 24 to 64 bytes with or without the prefix <c>whsec_</c>. Any of them will do, so a
    /// new one stands beside the old one while senders change over. Without one the webhook is closed.
    /// </summary>
    public IList<string> Secrets { get; init; } = [];

    /// <summary>How far a message's timestamp may lie from the clock, either way.</summary>
    public TimeSpan Tolerance { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Origins that may register by the handshake of CloudEvents; empty for any. What they then send must be signed all the same.</summary>
    public IList<string> AllowedOrigins { get; init; } = [];
}
