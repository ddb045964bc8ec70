using System.Globalization;
using System.Text;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Mapping;

namespace ContentSync.Synchronization.Messages;

/// <summary>Decodes messages of the content queue (<see cref="MessageContract"/>). Never throws for an invalid message. Thread-safe.</summary>
public sealed class ContentMessageReader(ContentReader contentReader, EventReader events, MappedItemReader mapped)
{
    private readonly QueueEventReader _cloudEvents = new(events);

    /// <summary>Decodes the whole message.</summary>
    /// <exception cref="MappingException">The mapping that it names cannot be used until it is corrected.</exception>
    /// <exception cref="IOException">The mapping that it names cannot be read now.</exception>
    public ValueTask<ContentMessage> ReadAsync(QueueMessage message, CancellationToken cancellationToken)
    {
        if (message.Body is not { } body) return new(Read(message));
        if (message.Properties.ContainsKey(MessageContract.MappingFaultProperty)) return new(ReadUnmapped(message, body));
        return message.Properties.ContainsKey(MessageContract.MapProperty)
            ? ReadMappedAsync(message, body, cancellationToken)
            : new(Read(message));
    }

    private static ContentMessage.Items ReadUnmapped(QueueMessage message, ReadOnlyMemory<byte> body)
    {
        var violation = new ContentViolation("", ViolationCodes.Mapping, Text(message, MessageContract.MappingFaultProperty, ""));
        string? contentId = null;
        try
        {
            contentId = JsonSerializer.Deserialize(body.Span, ReferenceJson.Default.UnmappedRecord)?.ContentId;
        }
        catch (JsonException)
        {
            // Sent by another program; it is dead-lettered without a contentId.
        }

        return new ContentMessage.Items([new MessageItem(new ContentReadResult(null, [violation], contentId), body, message.ContentType)]);
    }

    private async ValueTask<ContentMessage> ReadMappedAsync(QueueMessage message, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var name = Text(message, MessageContract.MapProperty, "");
        var (items, fault) = await mapped.ReadAsync(name, body, message.EnqueuedAt, cancellationToken).ConfigureAwait(false);
        return fault is null
            ? new ContentMessage.Items(Examined([.. items.Select(item => new MessageItem(item.Result, item.Text, "application/json"))]))
            : new ContentMessage.Invalid($"The application property {MessageContract.MapProperty} is '{Shortened(name)}'. {fault}");
    }

    /// <summary>Decodes a message that names no mapping.</summary>
    internal ContentMessage Read(QueueMessage message)
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
            return new ContentMessage.Invalid($"The body is not valid JSON {JsonFault.Of(body.Span, e)}");
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
