namespace ContentSync.Http.Webhooks;

/// <summary>Settings of the webhook. Section <c>Webhook</c>.</summary>
public sealed class WebhookOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Webhook";

    /// <summary>
    /// Secrets of Standard Webhooks: base64 of 24 to 64 bytes, with or without the prefix <c>whsec_</c>. Each of them is valid, so that an
    /// old and a new secret can coexist while senders switch. Without a secret the webhook is disabled.
    /// </summary>
    public IList<string> Secrets { get; init; } = [];

    /// <summary>
    /// Secrets of Shopify's webhooks, which sign the body alone (X-Shopify-Hmac-SHA256): the client secret of the app, or the one that the
    /// shop's settings show. Each of them is valid.
    /// </summary>
    public IList<string> ShopifySecrets { get; init; } = [];

    /// <summary>Secrets of WooCommerce's webhooks, which sign the body alone (X-WC-Webhook-Signature). Each of them is valid.</summary>
    public IList<string> WooCommerceSecrets { get; init; } = [];

    /// <summary>Deliveries of Azure Event Grid with tokens of Microsoft Entra ID.</summary>
    public EventGridOptions EventGrid { get; init; } = new();

    /// <summary>Max difference between a message's timestamp and the clock, in either direction.</summary>
    public TimeSpan Tolerance { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Origins that may register through the CloudEvents handshake; empty allows any. Their messages must be signed either way.</summary>
    public IList<string> AllowedOrigins { get; init; } = [];
}
