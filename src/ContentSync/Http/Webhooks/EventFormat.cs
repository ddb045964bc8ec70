using CloudNative.CloudEvents.Core;
using CloudNative.CloudEvents.Http;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Http.Webhooks;

/// <summary>The ways in which the HTTP binding of CloudEvents carries events.</summary>
public enum EventFormatKind
{
    /// <summary>One event, all of it in the body.</summary>
    Structured,

    /// <summary>Its attributes in headers, its data as the body.</summary>
    Binary,

    /// <summary>A JSON array of events.</summary>
    Batched,
}

/// <param name="Kind">How the request carries events.</param>
public readonly record struct EventFormat(EventFormatKind Kind)
{
    /// <summary>By media type and headers; null where it carries none, or not as JSON in UTF-8.</summary>
    internal static EventFormat? Of(HttpRequest request)
    {
        if (!MediaTypes.IsJson(request.ContentType)) return null;
        if (MimeUtilities.IsCloudEventsBatchContentType(request.ContentType)) return new EventFormat(EventFormatKind.Batched);
        if (MimeUtilities.IsCloudEventsContentType(request.ContentType)) return new EventFormat(EventFormatKind.Structured);
        return request.Headers.ContainsKey(HttpUtilities.SpecVersionHttpHeader) ? new EventFormat(EventFormatKind.Binary) : null;
    }
}
