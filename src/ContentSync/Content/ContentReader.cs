using System.Globalization;
using Microsoft.Extensions.ObjectPool;

namespace ContentSync.Content;

/// <summary>
/// Reads and validates items as callers send them: JSON objects with contentId, contentType, contentStatus, contentInfo and optionally
/// revision or occurredAt. Thread-safe.
/// </summary>
public sealed class ContentReader
{
    private readonly ObjectPool<ItemParser> _parsers;

    /// <param name="options">Content types and limits. Must not change afterwards.</param>
    /// <param name="timeProvider">Clock for the warning about an occurredAt that is ahead of it.</param>
    /// <param name="schemas">Checked last, and only if contentInfo is otherwise valid; null for none.</param>
    public ContentReader(ContentOptions options, TimeProvider timeProvider, ContentSchemas? schemas = null) =>
        _parsers = new DefaultObjectPool<ItemParser>(new ParserPolicy(options, timeProvider, schemas));

    /// <summary>
    /// Reads one item. Never throws on bad input: the result reports every violation, up to the first malformed JSON.
    /// </summary>
    /// <param name="utf8Item">One JSON document in UTF-8, with or without byte order mark.</param>
    /// <param name="receivedAt">
    /// When another system, such as a broker, received the item by its own clock. The warning about occurredAt uses the later of this and
    /// the local clock.
    /// </param>
    public ContentReadResult Read(ReadOnlySpan<byte> utf8Item, DateTimeOffset receivedAt = default)
    {
        var parser = _parsers.Get();
        try
        {
            return parser.Read(utf8Item, receivedAt);
        }
        finally
        {
            _parsers.Return(parser);
        }
    }

    /// <summary>Rents a parser for many items in a row. Pass it to <see cref="Return"/> afterwards.</summary>
    internal ItemParser Rent() => _parsers.Get();

    internal void Return(ItemParser parser) => _parsers.Return(parser);

    /// <summary>The result for an item of more than <paramref name="limit"/> bytes, which is not parsed.</summary>
    internal static ContentReadResult TooLarge(long bytes, int limit)
    {
        var message = string.Create(CultureInfo.InvariantCulture, $"The item has {bytes:N0} bytes; the limit is {limit:N0} (MaxItemBytes).");
        return new ContentReadResult(null, [new ContentViolation("", ViolationCodes.ItemTooLarge, message)], null);
    }

    private sealed class ParserPolicy(ContentOptions options, TimeProvider timeProvider, ContentSchemas? schemas)
        : PooledObjectPolicy<ItemParser>
    {
        // Keeps the buffers of one large item from staying in memory permanently.
        private const int MaxPooledBytes = 1024 * 1024;

        public override ItemParser Create() => new(options, timeProvider, schemas);

        public override bool Return(ItemParser obj) => obj.BufferBytes <= MaxPooledBytes;
    }
}
