namespace ContentSync.Http.Webhooks;

/// <summary>Who sends a webhook, and so how it proves that it is authentic.</summary>
public enum WebhookSender
{
    /// <summary>Signs id, time and body according to Standard Webhooks; Svix does the same with headers named <c>svix-</c>.</summary>
    StandardWebhooks = 0,

    /// <summary>Signs the body alone.</summary>
    Shopify = 1,

    /// <summary>Signs the body alone.</summary>
    WooCommerce = 2,

    /// <summary>Sends a token of Microsoft Entra ID, and signs nothing.</summary>
    EventGrid = 3,
}

/// <summary>What is known about the sender of a message.</summary>
/// <param name="Sender">Who it claims to be.</param>
/// <param name="Verification">Whether it is.</param>
/// <param name="MessageId">
/// Tells the message from others: the signed id, or the sender and the SHA-256 of the body if no id is signed. Null unless it is authentic.
/// </param>
public readonly record struct WebhookAuthentication(WebhookSender Sender, WebhookVerification Verification, string? MessageId);
