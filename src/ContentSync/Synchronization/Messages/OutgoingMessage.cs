using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Content;

namespace ContentSync.Synchronization.Messages;

/// <summary>A message to one of the app's queues.</summary>
/// <param name="MessageId">
/// At most 128 characters. Must be unique, because a broker that detects duplicates drops a message with a known id.
/// </param>
/// <param name="Body">The bytes of the body.</param>
/// <param name="ContentType">Media type of the body.</param>
/// <param name="Properties">Application properties.</param>
/// <param name="Delay">How long to wait before the message is delivered.</param>
public sealed record OutgoingMessage(
    string MessageId,
    ReadOnlyMemory<byte> Body,
    string? ContentType,
    IReadOnlyDictionary<string, object> Properties,
    TimeSpan Delay)
{
    private const string Json = "application/json";

    /// <summary>Session (lane) of a resync message; null for a content message, whose queue has no sessions.</summary>
    public string? SessionId { get; init; }

    private static readonly Dictionary<string, object> ReferenceProperties = new()
    {
        [MessageContract.SchemaProperty] = MessageContract.ReferenceSchema,
        [MessageContract.SchemaVersionProperty] = MessageContract.SchemaVersion,
    };

    /// <summary>Creates a reference to an item in the ledger.</summary>
    public static OutgoingMessage Reference(SyncMessage message) => new(
        Id(message.ContentId, message.RequestId, message.Hop.ToString(CultureInfo.InvariantCulture)),
        JsonSerializer.SerializeToUtf8Bytes(
            new ContentReference(message.ContentId, message.RequestId, message.Hop), ReferenceJson.Default.ContentReference),
        Json,
        ReferenceProperties,
        message.Delay);

    /// <summary>Creates a message with one item of an array.</summary>
    internal static OutgoingMessage SplitOff(QueueMessage array, int index, ReadOnlyMemory<byte> item, string? contentType)
    {
        var original = OriginalId(array);
        return new OutgoingMessage(
            Id(original, "item", index.ToString(CultureInfo.InvariantCulture)),
            item,
            contentType,
            new Dictionary<string, object>
            {
                [MessageContract.SplitFromProperty] = original,
                [MessageContract.ReceivedAtProperty] = Text(array.ReceivedAt().AddTicks(index)),
            },
            TimeSpan.Zero);
    }

    /// <summary>Creates a message for a record of an array that could not be mapped, so that it is dead-lettered on its own.</summary>
    internal static OutgoingMessage Unmapped(QueueMessage array, int index, ContentReadResult read)
    {
        var faults = string.Join(' ', read.Violations.Select(violation => $"{violation.Pointer}: {violation.Message}"));
        if (faults.Length > MessageContract.MaxDescriptionLength) faults = faults[..(MessageContract.MaxDescriptionLength - 1)] + "…";
        var body = JsonSerializer.SerializeToUtf8Bytes(new UnmappedRecord(read.ContentId), ReferenceJson.Default.UnmappedRecord);
        var message = SplitOff(array, index, body, Json);
        return message with
        {
            Properties = new Dictionary<string, object>(message.Properties) { [MessageContract.MappingFaultProperty] = faults },
        };
    }

    /// <summary>Creates a delayed copy of a message.</summary>
    internal static OutgoingMessage Copy(QueueMessage message, TimeSpan delay)
    {
        var original = OriginalId(message);
        var hop = message.Hop() + 1;
        var properties = new Dictionary<string, object>(message.Properties)
        {
            [MessageContract.OriginalIdProperty] = original,
            [MessageContract.HopProperty] = hop,
            [MessageContract.ReceivedAtProperty] = Text(message.ReceivedAt()),
        };
        var id = Id(original, "copy", hop.ToString(CultureInfo.InvariantCulture));
        return new OutgoingMessage(id, message.Body ?? default, message.ContentType, properties, delay);
    }

    /// <summary>The sender's id of the message, whether it is an original or a copy; a hash of the body if the sender set none.</summary>
    internal static string OriginalId(QueueMessage message)
    {
        if (message.Properties.TryGetValue(MessageContract.OriginalIdProperty, out var value) && value is string { Length: > 0 } original)
            return original;
        return message.MessageId.Length > 0 ? message.MessageId : Convert.ToHexStringLower(SHA256.HashData((message.Body ?? default).Span));
    }

    // The caller's ids may be too long. A hash serves as well, because no code parses a MessageId.
    internal static string Id(string subject, string part, string number)
    {
        var id = $"{subject}/{part}/{number}";
        if (id.Length <= MessageContract.MaxMessageIdLength) return id;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)));
    }

    internal static string Text(DateTimeOffset time) => time.ToString("O", CultureInfo.InvariantCulture);
}

/// <summary>Body of a reference message.</summary>
internal sealed record ContentReference(string ContentId, string RequestId, int Hop);

/// <summary>Body of a message for a record that could not be mapped.</summary>
/// <param name="ContentId">Null if it could not be read.</param>
internal sealed record UnmappedRecord(string? ContentId);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ContentReference))]
[JsonSerializable(typeof(UnmappedRecord))]
internal sealed partial class ReferenceJson : JsonSerializerContext;

/// <summary>Reads the application properties that the app adds to copies.</summary>
internal static class CopyProperties
{
    /// <summary>Number of the copy; 0 for an original.</summary>
    public static int Hop(this QueueMessage message) =>
        message.Properties.TryGetValue(MessageContract.HopProperty, out var value) && value is int and >= 0 and < int.MaxValue ? (int)value : 0;

    /// <summary>When the broker received the original; never later than this message.</summary>
    public static DateTimeOffset ReceivedAt(this QueueMessage message) =>
        message.Properties.TryGetValue(MessageContract.ReceivedAtProperty, out var value)
        && DateTimeOffset.TryParseExact(value as string, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var original)
        && original < message.EnqueuedAt
            ? original
            : message.EnqueuedAt;
}
