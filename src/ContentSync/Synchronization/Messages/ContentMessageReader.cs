using System.Globalization;
using System.Text;
using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.Synchronization.Messages;

/// <summary>Decodes messages of the content queue (<see cref="MessageContract"/>). Never throws for an invalid message. Thread-safe.</summary>
public sealed class ContentMessageReader(ContentReader contentReader, EventReader events)
{
    private readonly QueueEventReader _cloudEvents = new(events);

    /// <summary>Decodes the whole message.</summary>
    public ContentMessage Read(QueueMessage message)
    {
        if (message.Body is not { } body)
        {
            return new ContentMessage.Invalid(
                "The body is an AMQP value or sequence; send the JSON text as the message's data section (plain bytes).");
        }

        if (body.Span.StartsWith(Encoding.UTF8.Preamble)) body = body[Encoding.UTF8.Preamble.Length..];
        if (body.IsEmpty)
            return new ContentMessage.Invalid("The body is empty; it must hold one item, a JSON array of items or a CloudEvents 1.0 event.");
        if (VersionFault(message) is { } fault) return new ContentMessage.Invalid(fault);
        return Text(message, MessageContract.SchemaProperty, MessageContract.ContentSchema) switch
        {
            MessageContract.ContentSchema => ReadContent(message, body),
            MessageContract.ReferenceSchema => ReadReference(body),
            var other => new ContentMessage.Invalid(
                $"The application property {MessageContract.SchemaProperty} is '{Shortened(other)}'; "
                + $"it must be {MessageContract.ContentSchema} or absent."),
        };
    }

    private ContentMessage ReadContent(QueueMessage message, ReadOnlyMemory<byte> body)
    {
        if (QueueEventReader.IsBatch(message)) return ReadArray(body, item => _cloudEvents.ReadStructured(item, message.EnqueuedAt));
        if (QueueEventReader.IsStructured(message)) return new ContentMessage.Items([_cloudEvents.ReadStructured(body, message.EnqueuedAt)]);
        if (QueueEventReader.IsBinary(message)) return new ContentMessage.Items([_cloudEvents.ReadBinary(message, body)]);

        var isArray = body.Span.TrimStart(" \t\r\n"u8) is [(byte)'[', ..] && !message.Properties.ContainsKey(MessageContract.SplitFromProperty);
        return isArray
            ? ReadArray(body, item => ReadItem(item, message))
            : new ContentMessage.Items([ReadItem(body, message)]);
    }

    private MessageItem ReadItem(ReadOnlyMemory<byte> item, QueueMessage message) =>
        new(contentReader.Read(item.Span, message.EnqueuedAt), item, message.ContentType);

    private static ContentMessage ReadArray(ReadOnlyMemory<byte> body, Func<ReadOnlyMemory<byte>, MessageItem> read)
    {
        try
        {
            return JsonArrayText.Split(body) switch
            {
                null => new ContentMessage.Invalid("The body is not a JSON array; a batch of CloudEvents must be one."),
                { Count: 0 } => new ContentMessage.Invalid("The array is empty; it must hold at least one item."),
                var elements => new ContentMessage.Items(Examined([.. elements.Select(read)])),
            };
        }
        catch (JsonException e)
        {
            return new ContentMessage.Invalid(string.Create(CultureInfo.InvariantCulture, $"The body is not valid JSON: {e.Message}"));
        }
    }

    private static MessageItem[] Examined(MessageItem[] items)
    {
        var ids = new SimilarContentIds();
        for (var i = 0; i < items.Length; i++) items[i] = items[i] with { Result = ids.Examine(items[i].Result) };
        return items;
    }

    private static ContentMessage ReadReference(ReadOnlyMemory<byte> body)
    {
        try
        {
            var reference = JsonSerializer.Deserialize(body.Span, ReferenceJson.Default.ContentReference);
            if (reference is { ContentId.Length: > 0, Hop: >= 0 and < int.MaxValue })
                return new ContentMessage.ItemReference(new SyncMessage(reference.ContentId, reference.RequestId, reference.Hop, TimeSpan.Zero));
        }
        catch (JsonException)
        {
            // Reported below.
        }

        return new ContentMessage.Invalid(
            $"The body of a {MessageContract.ReferenceSchema} must be a JSON object with contentId, requestId and hop.");
    }

    private static string? VersionFault(QueueMessage message)
    {
        if (!message.Properties.TryGetValue(MessageContract.SchemaVersionProperty, out var value)) return null;
        var text = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version == MessageContract.SchemaVersion
            ? null
            : $"The application property {MessageContract.SchemaVersionProperty} is '{Shortened(text)}'; "
                + $"this app reads version {MessageContract.SchemaVersion}.";
    }

    private static string Text(QueueMessage message, string property, string absent) =>
        message.Properties.TryGetValue(property, out var value) ? Convert.ToString(value, CultureInfo.InvariantCulture) ?? "" : absent;

    private static string Shortened(string text) => text.Length <= 64 ? text : text[..64] + "…";
}
