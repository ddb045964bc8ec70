using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Text.Json;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;

namespace ContentSync.Content;

/// <summary>
/// Reads the items that CloudEvents 1.0 events carry as their data, by the same rules for every input. An event's <c>time</c> is the
/// occurredAt of an item that has neither revision nor occurredAt. Thread-safe; never throws because of what a sender sends.
/// </summary>
/// <param name="reader">Reads the data.</param>
/// <param name="time">Clock for the warning about a time that is ahead of it.</param>
public sealed class EventReader(ContentReader reader, TimeProvider time)
{
    /// <summary>Media type of one event.</summary>
    public const string MediaType = "application/cloudevents+json";

    /// <summary>Media type of a JSON array of events.</summary>
    public const string BatchMediaType = "application/cloudevents-batch+json";

    /// <summary>Name of the attribute with the version of CloudEvents.</summary>
    public const string SpecVersion = "specversion";

    // Parsers disagree on duplicate names, but an event must have one meaning. Nesting is the content reader's to refuse.
    private static readonly JsonDocumentOptions OneMeaning = new() { AllowDuplicateProperties = false, MaxDepth = JsonArrayText.MaxDepth };

    private static readonly ContentType Json = new(MediaType);

    private readonly JsonEventFormatter _formatter = new(new JsonSerializerOptions(), OneMeaning);

    /// <summary>Reads an event in the JSON event format.</summary>
    /// <param name="text">The event, in UTF-8.</param>
    /// <param name="receivedAt">As in <see cref="ContentReader.Read"/>.</param>
    public EventReadResult ReadStructured(ReadOnlyMemory<byte> text, DateTimeOffset receivedAt = default)
    {
        CloudEvent cloudEvent;
        try
        {
            cloudEvent = _formatter.DecodeStructuredModeMessage(text, Json, null);
            cloudEvent.Validate();
            RequireJson(cloudEvent.DataContentType);
        }
        catch (JsonException e) when (e.LineNumber is not null && !e.Message.Contains("uplicate", StringComparison.Ordinal))
        {
            return new EventReadResult(default, $"The event is not valid JSON {JsonFault.Of(text.Span, e)}");
        }
        catch (Exception e) when (IsInvalidEvent(e))
        {
            return Fault(e);
        }

        var read = cloudEvent.Data switch
        {
            JsonElement data => reader.Read(JsonMarshal.GetRawUtf8Value(data), receivedAt),
            byte[] data => reader.Read(data, receivedAt),
            _ => Refused("", ViolationCodes.MissingData, "The event has no data; it must be one item, in the form that POST /api/content takes."),
        };
        return new EventReadResult(Dated(InData(read), cloudEvent.Time, receivedAt), null);
    }

    /// <summary>Reads an event in binary mode, where the attributes are outside the data.</summary>
    /// <param name="attributes">Names without prefix and values; <see cref="SpecVersion"/> is one of them.</param>
    /// <param name="contentType">Media type of the data; null or empty means JSON.</param>
    /// <param name="data">The item, in UTF-8.</param>
    /// <param name="receivedAt">As in <see cref="ContentReader.Read"/>.</param>
    /// <param name="latestTime">
    /// If the attributes are not authenticated: the time of receipt. An event's time after it is ignored, so that a forged time cannot make
    /// a change newer than it is. Null if the time is authentic.
    /// </param>
    public EventReadResult ReadBinary(
        IEnumerable<KeyValuePair<string, string>> attributes,
        string? contentType,
        ReadOnlyMemory<byte> data,
        DateTimeOffset receivedAt = default,
        DateTimeOffset? latestTime = null)
    {
        DateTimeOffset? eventTime;
        try
        {
            RequireJson(contentType);
            var given = attributes.ToList();
            var versionId = given.Find(attribute => attribute.Key == SpecVersion).Value;
            var version = CloudEventsSpecVersion.FromVersionId(versionId)
                ?? throw new FormatException($"{SpecVersion} is '{versionId}'; it must be 1.0.");
            var cloudEvent = new CloudEvent(version);
            foreach (var (name, value) in given)
            {
                if (name != SpecVersion) cloudEvent.SetAttributeFromString(name, value);
            }

            cloudEvent.Validate();
            eventTime = cloudEvent.Time;
        }
        catch (Exception e) when (IsInvalidEvent(e))
        {
            return Fault(e);
        }

        if (eventTime > latestTime) eventTime = null;
        return new EventReadResult(Dated(reader.Read(data.Span, receivedAt), eventTime, receivedAt), null);
    }

    private ContentReadResult Dated(ContentReadResult read, DateTimeOffset? eventTime, DateTimeOffset receivedAt)
    {
        if (!read.HasNoVersion || eventTime is not { } at) return read;
        var now = time.GetUtcNow();
        if (now < receivedAt) now = receivedAt;
        read = read.Item is { } item ? read with { Item = item with { OccurredAt = at } } : read with { RefusedOccurredAt = at };
        return ItemParser.AheadOf(now, "/time", at) is { } warning ? read with { Warnings = [.. read.Warnings, warning] } : read;
    }

    // The library throws these for an invalid event.
    private static bool IsInvalidEvent(Exception e) =>
        e is ArgumentException or InvalidOperationException or FormatException or JsonException or OverflowException;

    private static EventReadResult Fault(Exception e) => new(default, e.Message);

    private static void RequireJson(string? contentType)
    {
        if (!IsJson(contentType)) throw new FormatException($"The data's media type is '{contentType}'; it must be JSON.");
    }

    // The default is JSON.
    private static bool IsJson(string? contentType)
    {
        var text = contentType.AsSpan();
        var parameters = text.IndexOf(';');
        var mediaType = (parameters < 0 ? text : text[..parameters]).Trim();
        return mediaType.IsEmpty
            || mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || mediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    private static ContentReadResult InData(ContentReadResult read) => read with
    {
        Violations = [.. read.Violations.Select(InData)],
        Warnings = [.. read.Warnings.Select(InData)],
    };

    private static ContentViolation InData(ContentViolation violation) => violation with { Pointer = "/data" + violation.Pointer };

    private static ContentReadResult Refused(string pointer, string code, string message) =>
        new(null, [new ContentViolation(pointer, code, message)], null);
}

/// <summary>The result of reading one event.</summary>
/// <param name="Item">The item, or what is wrong with it; pointers are into the event.</param>
/// <param name="Fault">Why this is not a valid event; null if it is one.</param>
public readonly record struct EventReadResult(ContentReadResult Item, string? Fault)
{
    /// <summary>The item; if there is a fault, it is a violation of the item.</summary>
    public ContentReadResult AsItem => Fault is null
        ? Item
        : new ContentReadResult(
            null,
            [new ContentViolation("", ViolationCodes.InvalidEvent, $"This is not a valid CloudEvents 1.0 event with one item as its data: {Fault}")],
            null);
}
