using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Finds out who sent a webhook, by the header with its signature, and whether it is authentic. Never throws because of what a sender sends.
/// Thread-safe.
/// </summary>
public sealed class WebhookAuthenticator(WebhookOptions options, WebhookVerifier standard, EventGridTokens eventGrid)
{
    internal const string ShopifySignature = "X-Shopify-Hmac-SHA256";
    internal const string WooCommerceSignature = "X-WC-Webhook-Signature";

    private const string Svix = "svix";
    private const string StandardWebhooks = "webhook";

    private readonly BodySignature _shopify = new(options.ShopifySecrets);
    private readonly BodySignature _wooCommerce = new(options.WooCommerceSecrets);

    /// <summary>Whether there is a sender whose messages can be trusted.</summary>
    public bool IsConfigured => standard.IsConfigured || _shopify.IsConfigured || _wooCommerce.IsConfigured || eventGrid.IsConfigured;

    /// <summary>Who sends a message, by its headers.</summary>
    public WebhookSender SenderOf(HttpRequest request)
    {
        if (request.Headers.ContainsKey(ShopifySignature)) return WebhookSender.Shopify;
        if (request.Headers.ContainsKey(WooCommerceSignature)) return WebhookSender.WooCommerce;
        var isStandard = IsStandard(request, StandardWebhooks) || IsStandard(request, Svix);
        return eventGrid.IsConfigured && request.Headers.Authorization.Count > 0 && !isStandard
            ? WebhookSender.EventGrid
            : WebhookSender.StandardWebhooks;
    }

    /// <summary>
    /// Whether it may be the form with which WooCommerce tests an address when a webhook is saved. It is not signed and says nothing; any
    /// response but 200 keeps the webhook from being saved.
    /// </summary>
    public bool MayBePing(HttpRequest request) =>
        _wooCommerce.IsConfigured && request.HasFormContentType && !request.Headers.ContainsKey(WooCommerceSignature);

    /// <summary>Whether a body is that form: <c>webhook_id=7</c>.</summary>
    public static bool IsPing(ReadOnlySpan<byte> body) =>
        body.StartsWith("webhook_id="u8) && !body["webhook_id=".Length..].ContainsAnyExceptInRange((byte)'0', (byte)'9');

    /// <summary>Verifies one message.</summary>
    /// <param name="request">Its headers.</param>
    /// <param name="body">Its raw body.</param>
    /// <param name="cancellationToken">Stops the reading of keys.</param>
    public async ValueTask<WebhookAuthentication> AuthenticateAsync(
        HttpRequest request, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var sender = SenderOf(request);
        switch (sender)
        {
            case WebhookSender.Shopify:
                return OfBody(sender, _shopify.IsValid(Header(request, ShopifySignature), body.Span), body);
            case WebhookSender.WooCommerce:
                return OfBody(sender, _wooCommerce.IsValid(Header(request, WooCommerceSignature), body.Span), body);
            case WebhookSender.EventGrid:
                var token = await eventGrid.VerifyAsync(Header(request, "Authorization"), cancellationToken).ConfigureAwait(false);
                return token == WebhookVerification.Valid ? OfBody(sender, true, body) : new WebhookAuthentication(sender, token, null);
            default:
                var prefix = IsStandard(request, StandardWebhooks) || !IsStandard(request, Svix) ? StandardWebhooks : Svix;
                var id = Header(request, $"{prefix}-id");
                var verification = standard.Verify(
                    id, Header(request, $"{prefix}-timestamp"), Header(request, $"{prefix}-signature"), body.Span);
                return new WebhookAuthentication(sender, verification, verification == WebhookVerification.Valid ? id : null);
        }
    }

    private static WebhookAuthentication OfBody(WebhookSender sender, bool isValid, ReadOnlyMemory<byte> body) => isValid
        ? new WebhookAuthentication(sender, WebhookVerification.Valid, WebhookIdCache.IdOfBody(sender, SHA256.HashData(body.Span)))
        : new WebhookAuthentication(sender, WebhookVerification.InvalidSignature, null);

    private static bool IsStandard(HttpRequest request, string prefix) => request.Headers.ContainsKey($"{prefix}-signature");

    private static string? Header(HttpRequest request, string name) => request.Headers[name] is [{ } value] ? value : null;
}
