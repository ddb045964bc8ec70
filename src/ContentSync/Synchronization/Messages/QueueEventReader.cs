using System.Globalization;
using ContentSync.Content;

namespace ContentSync.Synchronization.Messages;

/// <summary>
/// Finds the CloudEvents 1.0 events in messages: in the JSON event format, and in the binary mode of the AMQP protocol binding, where
/// attributes are application properties with the prefix <c>cloudEvents_</c> or, in older senders, <c>cloudEvents:</c>.
/// </summary>
internal sealed class QueueEventReader(EventReader events)
{
    private const string UnderscorePrefix = "cloudEvents_";
    private const string ColonPrefix = "cloudEvents:";

    public static bool IsStructured(QueueMessage message) => HasMediaType(message, EventReader.MediaType);

    public static bool IsBatch(QueueMessage message) => HasMediaType(message, EventReader.BatchMediaType);

    public static bool IsBinary(QueueMessage message) => Prefix(message) is not null;

    public MessageItem ReadStructured(ReadOnlyMemory<byte> text, DateTimeOffset receivedAt) =>
        new(events.ReadStructured(text, receivedAt).AsItem, text, EventReader.MediaType);

    /// <summary>Reads the item from the body of a message for which <see cref="IsBinary"/> is true.</summary>
    public MessageItem ReadBinary(QueueMessage message, ReadOnlyMemory<byte> body) =>
        new(events.ReadBinary(Attributes(message), message.ContentType, body, message.EnqueuedAt).AsItem, body, message.ContentType);

    private static IEnumerable<KeyValuePair<string, string>> Attributes(QueueMessage message)
    {
        var prefix = Prefix(message)!;
        return from property in message.Properties
               where property.Key.StartsWith(prefix, StringComparison.Ordinal)
               select KeyValuePair.Create(property.Key[prefix.Length..], AttributeText(property.Value));
    }

    private static string? Prefix(QueueMessage message)
    {
        if (message.Properties.ContainsKey(UnderscorePrefix + EventReader.SpecVersion)) return UnderscorePrefix;
        return message.Properties.ContainsKey(ColonPrefix + EventReader.SpecVersion) ? ColonPrefix : null;
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

    private static bool HasMediaType(QueueMessage message, string mediaType)
    {
        var text = message.ContentType.AsSpan();
        var parameters = text.IndexOf(';');
        return (parameters < 0 ? text : text[..parameters]).Trim().Equals(mediaType, StringComparison.OrdinalIgnoreCase);
    }
}
