using CloudNative.CloudEvents.Core;
using CloudNative.CloudEvents.Http;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>The content modes of the HTTP binding of CloudEvents.</summary>
public enum WebhookEventFormat
{
    /// <summary>One event, entirely in the body.</summary>
    Structured,

    /// <summary>One event: attributes in headers, data in the body.</summary>
    Binary,

    /// <summary>A JSON array of events.</summary>
    Batched,

    /// <summary>No event: the body is one item in our own form.</summary>
    Item,
}

internal static class WebhookEventFormats
{
    /// <summary>Detects the mode by media type and headers; null if the request carries no event as JSON in UTF-8.</summary>
    /// <param name="request">Its headers.</param>
    /// <param name="sender">Shops send no events, but their own JSON.</param>
    public static WebhookEventFormat? Of(HttpRequest request, WebhookSender sender)
    {
        if (!MediaTypes.IsJson(request.ContentType)) return null;
        if (MimeUtilities.IsCloudEventsBatchContentType(request.ContentType)) return WebhookEventFormat.Batched;
        if (MimeUtilities.IsCloudEventsContentType(request.ContentType)) return WebhookEventFormat.Structured;
        return request.Headers.ContainsKey(HttpUtilities.SpecVersionHttpHeader) ? WebhookEventFormat.Binary
            : sender is WebhookSender.Shopify or WebhookSender.WooCommerce ? WebhookEventFormat.Item
            : null;
    }
}
