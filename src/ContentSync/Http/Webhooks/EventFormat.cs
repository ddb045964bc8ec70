using CloudNative.CloudEvents.Core;
using CloudNative.CloudEvents.Http;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>The ways in which the HTTP binding of CloudEvents carries events.</summary>
public enum EventFormat
{
    /// <summary>One event, all of it in the body.</summary>
    Structured,

    /// <summary>Its attributes in headers, its data as the body.</summary>
    Binary,

    /// <summary>A JSON array of events.</summary>
    Batched,
}

internal static class EventFormats
{
    /// <summary>By media type and headers; null where the request carries no event, or not as JSON in UTF-8.</summary>
    public static EventFormat? Of(HttpRequest request)
    {
        if (!MediaTypes.IsJson(request.ContentType)) return null;
        if (MimeUtilities.IsCloudEventsBatchContentType(request.ContentType)) return EventFormat.Batched;
        if (MimeUtilities.IsCloudEventsContentType(request.ContentType)) return EventFormat.Structured;
        return request.Headers.ContainsKey(HttpUtilities.SpecVersionHttpHeader) ? EventFormat.Binary : null;
    }
}
