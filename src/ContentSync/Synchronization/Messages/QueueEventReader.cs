using System.Globalization;
using System.Net.Mime;
using System.Runtime.InteropServices;
using System.Text.Json;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using ContentSync.Content;

namespace ContentSync.Synchronization.Messages;

/// <summary>
/// Reads items from CloudEvents 1.0 events, in the JSON event format and in the binary mode of the AMQP protocol binding, where
/// attributes are application properties with the prefix <c>cloudEvents_</c> or, in older senders, <c>cloudEvents:</c>.
/// </summary>
internal sealed class QueueEventReader(ContentReader contentReader)
{
    private const string EventMediaType = "application/cloudevents+json";
    private const string BatchMediaType = "application/cloudevents-batch+json";
    private const string UnderscorePrefix = "cloudEvents_";
    private const string ColonPrefix = "cloudEvents:";
    private const string SpecVersion = "specversion";

    private static readonly ContentType Json = new(EventMediaType);

    private readonly JsonEventFormatter _formatter = new();

    public static bool IsStructured(QueueMessage message) => HasMediaType(message, EventMediaType);

    public static bool IsBatch(QueueMessage message) => HasMediaType(message, BatchMediaType);

    public static bool IsBinary(QueueMessage message) =>
        message.Properties.ContainsKey(UnderscorePrefix + SpecVersion) || message.Properties.ContainsKey(ColonPrefix + SpecVersion);

    public MessageItem ReadStructured(ReadOnlyMemory<byte> text, DateTimeOffset receivedAt) => new(
        Read(() => Data(_formatter.DecodeStructuredModeMessage(text, Json, null)), receivedAt), text, EventMediaType);

    /// <summary>Reads the item from the body. The attributes are only validated.</summary>
    public MessageItem ReadBinary(QueueMessage message, ReadOnlyMemory<byte> body) => new(
        Read(() =>
        {
            Require(IsJson(message.ContentType), $"the Content-Type of its data is '{message.ContentType}', not JSON");
            Attributes(message).Validate();
            return body;
        }, message.EnqueuedAt),
        body,
        message.ContentType);

    private ContentReadResult Read(Func<ReadOnlyMemory<byte>> data, DateTimeOffset receivedAt)
    {
        try
        {
            return contentReader.Read(data().Span, receivedAt);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or FormatException or JsonException or OverflowException)
        {
            // The library throws these for an invalid event.
            var violation = new ContentViolation(
                "", "cloud-event", $"This is not a valid CloudEvents 1.0 event with one item as its data: {e.Message}");
            return new ContentReadResult(null, [violation], null);
        }
    }

    private static ReadOnlyMemory<byte> Data(CloudEvent cloudEvent)
    {
        Require(IsJson(cloudEvent.DataContentType), $"datacontenttype is '{cloudEvent.DataContentType}', not JSON");
        return cloudEvent.Data switch
        {
            JsonElement json => JsonMarshal.GetRawUtf8Value(json).ToArray(),
            byte[] bytes => bytes,
            _ => throw new FormatException("it has no data"),
        };
    }

    private static CloudEvent Attributes(QueueMessage message)
    {
        var prefix = message.Properties.ContainsKey(UnderscorePrefix + SpecVersion) ? UnderscorePrefix : ColonPrefix;
        var version = CloudEventsSpecVersion.FromVersionId(message.Properties[prefix + SpecVersion] as string);
        Require(version is not null, $"{prefix}{SpecVersion} is '{message.Properties[prefix + SpecVersion]}', not 1.0");
        var cloudEvent = new CloudEvent(version!);
        foreach (var (name, value) in message.Properties)
        {
            if (!name.StartsWith(prefix, StringComparison.Ordinal) || name.AsSpan(prefix.Length).SequenceEqual(SpecVersion)) continue;
            cloudEvent.SetAttributeFromString(name[prefix.Length..], AttributeText(value));
        }

        return cloudEvent;
    }

    // AMQP has typed values, so a timestamp need not be text.
    private static string AttributeText(object? value) => value switch
    {
        DateTimeOffset time => time.ToString("O", CultureInfo.InvariantCulture),
        DateTime time => DateTime.SpecifyKind(time, DateTimeKind.Utc).ToString("O", CultureInfo.InvariantCulture),
        bool flag => flag ? "true" : "false",
        byte[] bytes => Convert.ToBase64String(bytes),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    private static bool HasMediaType(QueueMessage message, string mediaType) =>
        MediaType(message.ContentType).Equals(mediaType, StringComparison.OrdinalIgnoreCase);

    // The default is JSON, in both modes.
    private static bool IsJson(string? contentType)
    {
        var mediaType = MediaType(contentType);
        return mediaType.IsEmpty
            || mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || mediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
    }

    private static ReadOnlySpan<char> MediaType(string? contentType)
    {
        var text = contentType.AsSpan();
        var parameters = text.IndexOf(';');
        return (parameters < 0 ? text : text[..parameters]).Trim();
    }

    private static void Require(bool condition, string fault)
    {
        if (!condition) throw new FormatException(fault);
    }
}
