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

namespace ContentSync.Http.Webhooks;

/// <summary>
/// Reads the contents that CloudEvents carry as their data. An event's <c>time</c> is the revision of a content that brings none of
/// its own. Thread-safe; never throws for what a sender sends.
/// </summary>
public sealed class WebhookEventReader(ContentReader reader, ContentOptions options, TimeProvider time)
{
    /// <summary>Most events of one message.</summary>
    public const int MaxEvents = 5_000;

    // A name that is there twice is read differently by different programs; what was signed must mean one thing.
    private static readonly JsonDocumentOptions NoDuplicates = new() { AllowDuplicateProperties = false };

    private readonly JsonEventFormatter _formatter = new(new JsonSerializerOptions(), NoDuplicates);

    /// <summary>The content of each event, sound or not; or what is wrong with the whole message.</summary>
    internal (IReadOnlyList<ContentReadResult> Contents, string? Fault) Read(HttpRequest request, WebhookEventFormat format, ReadOnlyMemory<byte> body) => format switch
    {
        WebhookEventFormat.Batched => ReadBatch(body),
        WebhookEventFormat.Structured => One(() => _formatter.DecodeStructuredModeMessage(body, MimeUtilities.CreateContentTypeOrNull(request.ContentType), null), "/data"),
        _ => One(() => ReadBinary(request, body), ""),
    };

    private (IReadOnlyList<ContentReadResult> Contents, string? Fault) One(Func<CloudEvent> decode, string pointer)
    {
        var (content, fault) = Content(decode, pointer);
        return fault is null ? ([content], null) : ([], fault);
    }

    // Event by event: one that cannot be read must not take its neighbours with it.
    private (IReadOnlyList<ContentReadResult> Contents, string? Fault) ReadBatch(ReadOnlyMemory<byte> body)
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
            if (array.ValueKind != JsonValueKind.Array) return ([], "A batch is a JSON array of events.");
            if (array.GetArrayLength() > MaxEvents) return ([], string.Create(CultureInfo.InvariantCulture, $"A batch has at most {MaxEvents:N0} events; this one has {array.GetArrayLength():N0}."));
            var contents = new List<ContentReadResult>(array.GetArrayLength());
            foreach (var element in array.EnumerateArray())
            {
                var pointer = string.Create(CultureInfo.InvariantCulture, $"/{contents.Count}");
                var text = JsonMarshal.GetRawUtf8Value(element).ToArray();
                var (content, fault) = Content(() => _formatter.DecodeStructuredModeMessage(text, new ContentType("application/cloudevents+json"), null), pointer + "/data");
                contents.Add(fault is null ? content : Refused(pointer, "invalid-event", fault));
            }

            return (contents, null);
        }
    }

    private static CloudEvent ReadBinary(HttpRequest request, ReadOnlyMemory<byte> body)
    {
        string? versionId = request.Headers[HttpUtilities.SpecVersionHttpHeader];
        var version = CloudEventsSpecVersion.FromVersionId(versionId) ?? throw new ArgumentException($"ce-specversion is '{versionId}'; 1.0 is expected.");
        var cloudEvent = new CloudEvent(version);
        foreach (var (name, values) in request.Headers)
        {
            if (HttpUtilities.GetAttributeNameFromHeaderName(name) is not { } attribute || attribute == CloudEventsSpecVersion.SpecVersionAttribute.Name) continue;
            if (values.Count != 1) throw new ArgumentException($"The header '{name}' is there {values.Count} times.");
            cloudEvent.SetAttributeFromString(attribute, HttpUtilities.DecodeHeaderValue(values[0]!));
        }

        cloudEvent.DataContentType = request.ContentType;
        // The data is the body, byte for byte: the content reader judges it, duplicate names included.
        cloudEvent.Data = body.ToArray();
        return cloudEvent;
    }

    private (ContentReadResult Content, string? Fault) Content(Func<CloudEvent> decode, string pointer)
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

        if (!cloudEvent.IsValid) return (default, "An event has at least id, source, specversion and type.");
        var read = cloudEvent.Data switch
        {
            JsonElement data => reader.Read(JsonMarshal.GetRawUtf8Value(data)),
            byte[] data => reader.Read(data),
            string data => reader.Read(Encoding.UTF8.GetBytes(data)),
            _ => new ContentReadResult(null, [new ContentViolation("", "missing-data", "The event has no data; its data is one content, as POST /api/content takes it.")], null),
        };
        return (read.Item is { } item ? At(cloudEvent.Time, item) : Behind(pointer, read), null);
    }

    private ContentReadResult At(DateTimeOffset? occurredAt, ContentItem item)
    {
        if (item.Revision is not null || occurredAt is not { } at) return new ContentReadResult(item, [], item.ContentId);
        return at > time.GetUtcNow() + options.MaxOccurredAtAhead
            ? Refused("/time", ViolationCodes.OccurredAtAhead, string.Create(CultureInfo.InvariantCulture, $"The event's time lies more than {options.MaxOccurredAtAhead.TotalHours:N0} hours ahead of the clock; it would shut out every later revision.")) with { ContentId = item.ContentId }
            : new ContentReadResult(item with { Revision = Revision.At(at) }, [], item.ContentId);
    }

    private static ContentReadResult Behind(string pointer, ContentReadResult read) =>
        pointer.Length == 0 ? read : read with { Violations = [.. read.Violations.Select(violation => violation with { Pointer = pointer + violation.Pointer })] };

    private static ContentReadResult Refused(string pointer, string code, string message) => new(null, [new ContentViolation(pointer, code, message)], null);
}
