using System.Net.Mime;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;

namespace ContentSync.Notifications;

/// <summary>The types of the events. Public: receivers compare them.</summary>
public static class NotificationTypes
{
    /// <summary>A resync sent everything that differed.</summary>
    public const string ResyncFinished = "contentsync.resync.finished";

    /// <summary>A resync sent nothing, because its catalog cannot be used or would delist too many items.</summary>
    public const string ResyncRefused = "contentsync.resync.refused";

    /// <summary>No resync of the catalog has succeeded for too long.</summary>
    public const string ResyncOverdue = "contentsync.resync.overdue";

    /// <summary>The circuit breaker is open: at once for a configuration fault, after five minutes for an outage.</summary>
    public const string SendingStopped = "contentsync.sending.stopped";

    /// <summary>An operator paused sending.</summary>
    public const string SendingPaused = "contentsync.sending.paused";

    /// <summary>A reported stop or a pause ended.</summary>
    public const string SendingResumed = "contentsync.sending.resumed";

    /// <summary>Items were parked in the last minute.</summary>
    public const string ItemsParked = "contentsync.items.parked";

    /// <summary>AlipayHK reported templates of acknowledged items as frozen or expired in the last minute.</summary>
    public const string TemplatesInactive = "contentsync.templates.inactive";
}

/// <summary>An event for the receivers.</summary>
/// <param name="Id">
/// The same whichever process reports the event, and on every delivery, so that a receiver can drop a repetition. Printable ASCII without a period.
/// </param>
/// <param name="Type">One of <see cref="NotificationTypes"/>.</param>
/// <param name="At">When it happened.</param>
/// <param name="Subject">What it is about: a run, a content type; null for the app.</param>
/// <param name="Data">The event's data.</param>
public sealed record Notification(string Id, string Type, DateTimeOffset At, string? Subject, NotificationData Data)
{
    /// <summary>Media type of the body.</summary>
    public const string MediaType = "application/cloudevents+json";

    private static readonly JsonEventFormatter Formatter = new();

    /// <summary>The body: a CloudEvents 1.0 event in structured JSON.</summary>
    /// <param name="source">The event's source.</param>
    public ReadOnlyMemory<byte> ToBody(string source)
    {
        var cloudEvent = new CloudEvent
        {
            Id = Id,
            Source = new Uri(source, UriKind.RelativeOrAbsolute),
            Type = Type,
            Time = At,
            Subject = Subject,
            DataContentType = MediaTypeNames.Application.Json,
            Data = JsonSerializer.SerializeToElement(Data, NotificationJson.Default.NotificationData),
        };
        return Formatter.EncodeStructuredModeMessage(cloudEvent, out _);
    }
}

/// <summary>The data of an event: a sentence for a person, and the facts in it. A member that does not apply is absent.</summary>
/// <param name="Summary">What happened, in one or two sentences.</param>
public sealed record NotificationData(string Summary)
{
    /// <summary>When what is reported began.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Why the circuit breaker tripped: ConfigurationFault, or Breaker for an outage.</summary>
    public string? Cause { get; init; }

    /// <summary>Code of the result that tripped it.</summary>
    public string? Code { get; init; }

    /// <summary>The content type that is paused; absent for all.</summary>
    public string? ContentType { get; init; }

    /// <summary>Who paused sending.</summary>
    public string? By { get; init; }

    /// <summary>Why.</summary>
    public string? Reason { get; init; }

    /// <summary>The resync.</summary>
    public NotificationRun? Run { get; init; }

    /// <summary>Items of one minute and one instance by cause, the largest first.</summary>
    public IReadOnlyList<NotificationItems>? Items { get; init; }
}

/// <summary>A resync in an event.</summary>
/// <param name="RunId">For GET /api/resyncs/{runId}.</param>
/// <param name="Source">The catalog's name, or <c>ledger</c>.</param>
/// <param name="State">Completed, Refused or Stopped.</param>
/// <param name="Planned">Items to send.</param>
/// <param name="Sent">Acknowledged by AlipayHK.</param>
/// <param name="Failed">Retried with their own back-off when the run ended.</param>
/// <param name="Parked">Wait for a person.</param>
/// <param name="Invalid">Items of the catalog that are not valid.</param>
public sealed record NotificationRun(
    string RunId, string Source, string State, long Planned, long Sent, long Failed, long Parked, long Invalid);

/// <summary>Items that share a cause.</summary>
/// <param name="Reason">The park reason, or the template's status.</param>
/// <param name="Code">Code of the last attempt.</param>
/// <param name="Count">How many times it happened.</param>
/// <param name="ContentIds">The first items.</param>
public sealed record NotificationItems(string Reason, string? Code, long Count, IReadOnlyList<string> ContentIds);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NotificationData))]
internal sealed partial class NotificationJson : JsonSerializerContext;
