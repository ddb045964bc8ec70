using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Synchronization.Messages;

/// <summary>A message for one of the app's queues.</summary>
/// <param name="MessageId">At most 128 characters and used for no other message: a broker that detects duplicates drops one that repeats an id.</param>
/// <param name="Body">Its bytes.</param>
/// <param name="ContentType">Media type of the body.</param>
/// <param name="Properties">Application properties.</param>
/// <param name="Delay">Not to be delivered before this wait has passed.</param>
public sealed record OutgoingMessage(
    string MessageId,
    ReadOnlyMemory<byte> Body,
    string? ContentType,
    IReadOnlyDictionary<string, object> Properties,
    TimeSpan Delay)
{
    private const string Json = "application/json";

    /// <summary>The session of the resync queue that it goes on; null for one of the content queue, which has no sessions.</summary>
    public string? SessionId { get; init; }

    private static readonly Dictionary<string, object> ReferenceProperties = new()
    {
        [MessageContract.SchemaProperty] = MessageContract.ReferenceSchema,
        [MessageContract.SchemaVersionProperty] = MessageContract.SchemaVersion,
    };

    /// <summary>Wakes the synchronizer up for a content in the ledger.</summary>
    public static OutgoingMessage Reference(SyncMessage wake) => new(
        Id(wake.ContentId, wake.RequestId, wake.Hop.ToString(CultureInfo.InvariantCulture)),
        JsonSerializer.SerializeToUtf8Bytes(new ContentReference(wake.ContentId, wake.RequestId, wake.Hop), ReferenceJson.Default.ContentReference),
        Json,
        ReferenceProperties,
        wake.Delay);

    /// <summary>One item of an array, as a message of its own.</summary>
    internal static OutgoingMessage SplitOff(QueueMessage array, int index, ReadOnlyMemory<byte> item, string? contentType)
    {
        var original = OriginalId(array);
        return new OutgoingMessage(
            Id(original, "item", index.ToString(CultureInfo.InvariantCulture)),
            item,
            contentType,
            new Dictionary<string, object> { [MessageContract.SplitFromProperty] = original, [MessageContract.ReceivedAtProperty] = Text(array.ReceivedAt()) },
            TimeSpan.Zero);
    }

    /// <summary>The same message once more, later.</summary>
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
        return new OutgoingMessage(Id(original, "copy", hop.ToString(CultureInfo.InvariantCulture)), message.Body ?? default, message.ContentType, properties, delay);
    }

    private static string OriginalId(QueueMessage message)
    {
        if (message.Properties.TryGetValue(MessageContract.OriginalIdProperty, out var value) && value is string { Length: > 0 } original) return original;
        return message.MessageId.Length > 0 ? message.MessageId : Convert.ToHexStringLower(SHA256.HashData((message.Body ?? default).Span));
    }

    // Ids of the caller's may be long; their hash is as good, since nobody reads a MessageId back.
    private static string Id(string subject, string part, string number)
    {
        var id = $"{subject}/{part}/{number}";
        if (id.Length <= MessageContract.MaxMessageIdLength) return id;
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)));
    }

    private static string Text(DateTimeOffset time) => time.ToString("O", CultureInfo.InvariantCulture);
}

/// <summary>Body of a reference.</summary>
internal sealed record ContentReference(string ContentId, string RequestId, int Hop);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ContentReference))]
internal sealed partial class ReferenceJson : JsonSerializerContext;

/// <summary>What the app's own properties say of a message.</summary>
internal static class CopyProperties
{
    /// <summary>Copies made before this one.</summary>
    public static int Hop(this QueueMessage message) =>
        message.Properties.TryGetValue(MessageContract.HopProperty, out var value) && value is int and >= 0 and < int.MaxValue ? (int)value : 0;

    /// <summary>When the broker received the original; never later than this message itself.</summary>
    public static DateTimeOffset ReceivedAt(this QueueMessage message) =>
        message.Properties.TryGetValue(MessageContract.ReceivedAtProperty, out var value)
        && DateTimeOffset.TryParseExact(value as string, "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out var original)
        && original < message.EnqueuedAt
            ? original
            : message.EnqueuedAt;
}
