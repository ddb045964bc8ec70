using System.Globalization;
using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.Core;
using CloudNative.CloudEvents.Http;
using CloudNative.CloudEvents.SystemTextJson;
using ContentSync.Content;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Reads the items that CloudEvents carry as their data. An event's <c>time</c> is the revision of an item without one. Thread-safe; never
/// throws because of what a sender sends.
/// </summary>
public sealed class WebhookEventReader(ContentReader reader, ContentOptions options, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Max events per message.</summary>
    public const int MaxEvents = 5_000;

    // Parsers disagree on duplicate names, but a signed message must have one meaning.
    private static readonly JsonDocumentOptions NoDuplicates = new() { AllowDuplicateProperties = false };

    private readonly JsonEventFormatter _formatter = new(new JsonSerializerOptions(), NoDuplicates);

    /// <summary>Reads the item of each event, valid or not; or says what is wrong with the whole message.</summary>
    internal (IReadOnlyList<ContentReadResult> Items, string? Fault) Read(
        HttpRequest request, WebhookEventFormat format, ReadOnlyMemory<byte> body) => format switch
        {
            WebhookEventFormat.Batched => ReadBatch(body),
            WebhookEventFormat.Structured => ReadSingle(
                () => _formatter.DecodeStructuredModeMessage(body, MimeUtilities.CreateContentTypeOrNull(request.ContentType), null), "/data"),
            _ => ReadSingle(() => DecodeBinary(request, body), ""),
        };

    private (IReadOnlyList<ContentReadResult> Items, string? Fault) ReadSingle(Func<CloudEvent> decode, string pointer)
    {
        var (item, fault) = ReadItem(decode, pointer);
        return fault is null ? ([item], null) : ([], fault);
    }

    // Decodes event by event, so that one unreadable event does not spoil the others.
    private (IReadOnlyList<ContentReadResult> Items, string? Fault) ReadBatch(ReadOnlyMemory<byte> body)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(body);
        }
        catch (JsonException e)
        {
            return ([], e.Message);
        }

        using (document)
        {
            var array = document.RootElement;
            if (array.ValueKind != JsonValueKind.Array) return ([], "A batch must be a JSON array of events.");
            var count = array.GetArrayLength();
            if (count > MaxEvents)
                return ([], string.Create(CultureInfo.InvariantCulture, $"A batch may have at most {MaxEvents:N0} events; this one has {count:N0}."));
            var items = new List<ContentReadResult>(count);
            foreach (var element in array.EnumerateArray())
            {
                var pointer = string.Create(CultureInfo.InvariantCulture, $"/{items.Count}");
                var text = JsonMarshal.GetRawUtf8Value(element).ToArray();
                var (item, fault) = ReadItem(
                    () => _formatter.DecodeStructuredModeMessage(text, new ContentType("application/cloudevents+json"), null), pointer + "/data");
                items.Add(fault is null ? item : Invalid(pointer, "invalid-event", fault));
            }

            return (items, null);
        }
    }

    private static CloudEvent DecodeBinary(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        string? versionId = request.Headers[HttpUtilities.SpecVersionHttpHeader];
        var version = CloudEventsSpecVersion.FromVersionId(versionId)
            ?? throw new ArgumentException($"ce-specversion is '{versionId}'; it must be 1.0.");
        var cloudEvent = new CloudEvent(version);
        foreach (var (name, values) in request.Headers)
        {
            if (HttpUtilities.GetAttributeNameFromHeaderName(name) is not { } attribute) continue;
            if (attribute == CloudEventsSpecVersion.SpecVersionAttribute.Name) continue;
            if (values.Count != 1) throw new ArgumentException($"The header '{name}' is given {values.Count} times; give it once.");
            cloudEvent.SetAttributeFromString(attribute, HttpUtilities.DecodeHeaderValue(values[0]!));
        }

        cloudEvent.DataContentType = request.ContentType;
        // The data is the body, byte for byte: the content reader checks it, duplicate names included.
        cloudEvent.Data = body.ToArray();
        return cloudEvent;
    }

    private (ContentReadResult Item, string? Fault) ReadItem(Func<CloudEvent> decode, string pointer)
    {
        CloudEvent cloudEvent;
        try
        {
            cloudEvent = decode();
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException or InvalidOperationException)
        {
            return (default, e.Message);
        }

        if (!cloudEvent.IsValid) return (default, "An event must have id, source, specversion and type.");
        var read = cloudEvent.Data switch
        {
            JsonElement data => reader.Read(JsonMarshal.GetRawUtf8Value(data)),
            byte[] data => reader.Read(data),
            string data => reader.Read(Encoding.UTF8.GetBytes(data)),
            _ => Invalid("", "missing-data", "The event has no data; the data must be one item, in the form that POST /api/content takes."),
        };
        return (read.Item is { } item ? WithRevision(item, cloudEvent.Time) : WithPointerPrefix(pointer, read), null);
    }

    private ContentReadResult WithRevision(ContentItem item, DateTimeOffset? eventTime)
    {
        if (item.Number is not null || item.OccurredAt is not null || eventTime is not { } at) return new ContentReadResult(item, [], item.ContentId);
        if (at <= time.GetUtcNow() + options.MaxOccurredAtAhead)
            return new ContentReadResult(item with { OccurredAt = at }, [], item.ContentId);
        var message = string.Create(
            CultureInfo.InvariantCulture,
            $"The event's time is more than {options.MaxOccurredAtAhead.TotalHours:N0} hours ahead of the clock; it would block later revisions.");
        return Invalid("/time", ViolationCodes.OccurredAtAhead, message) with { ContentId = item.ContentId };
    }

    private static ContentReadResult WithPointerPrefix(string prefix, ContentReadResult read) => prefix.Length == 0
        ? read
        : read with { Violations = [.. read.Violations.Select(violation => violation with { Pointer = prefix + violation.Pointer })] };

    private static ContentReadResult Invalid(string pointer, string code, string message) =>
        new(null, [new ContentViolation(pointer, code, message)], null);
}
