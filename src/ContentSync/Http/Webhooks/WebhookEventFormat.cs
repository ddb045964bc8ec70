using CloudNative.CloudEvents.Core;
using CloudNative.CloudEvents.Http;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>The ways in which the HTTP binding of CloudEvents carries events.</summary>
public enum WebhookEventFormat
{
    /// <summary>One event, all of it in the body.</summary>
    Structured,

    /// <summary>Its attributes in headers, its data as the body.</summary>
    Binary,

    /// <summary>A JSON array of events.</summary>
    Batched,
}

internal static class WebhookEventFormats
{
    /// <summary>By media type and headers; null where the request carries no event, or not as JSON in UTF-8.</summary>
    public static WebhookEventFormat? Of(HttpRequest request)
    {
        if (!MediaTypes.IsJson(request.ContentType)) return null;
        if (MimeUtilities.IsCloudEventsBatchContentType(request.ContentType)) return WebhookEventFormat.Batched;
        if (MimeUtilities.IsCloudEventsContentType(request.ContentType)) return WebhookEventFormat.Structured;
        return request.Headers.ContainsKey(HttpUtilities.SpecVersionHttpHeader) ? WebhookEventFormat.Binary : null;
    }
}
