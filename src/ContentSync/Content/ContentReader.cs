using System.Globalization;
using Microsoft.Extensions.ObjectPool;

namespace ContentSync.Content;

/// <summary>
/// Reads and checks one item as a caller sends it: a JSON object with contentId, contentType, contentStatus, contentInfo and
/// optionally revision or occurredAt. Thread-safe.
/// </summary>
public sealed class ContentReader
{
    private readonly ObjectPool<ItemParser> _readings;

    /// <param name="options">Types and limits. Not to be changed afterwards.</param>
    /// <param name="timeProvider">The clock that occurredAt is held against.</param>
    /// <param name="schemas">Checked last, and only where contentInfo is otherwise sound; null for none.</param>
    public ContentReader(ContentOptions options, TimeProvider timeProvider, ContentSchemas? schemas = null) =>
        _readings = new DefaultObjectPool<ItemParser>(new ReadingPolicy(options, timeProvider, schemas));

    /// <summary>
    /// Reads one item. Never throws for what is in <paramref name="utf8Item"/>: everything that is wrong with it is in the answer,
    /// save what stands behind malformed JSON.
    /// </summary>
    /// <param name="utf8Item">One JSON document in UTF-8, with or without byte order mark.</param>
    /// <param name="receivedAt">When somebody with a clock of his own received it, a broker for one: it is at least that late, whatever this machine's clock says.</param>
    public ContentReadResult Read(ReadOnlySpan<byte> utf8Item, DateTimeOffset receivedAt = default)
    {
        var reading = _readings.Get();
        try
        {
            return reading.Read(utf8Item, receivedAt);
        }
        finally
        {
            _readings.Return(reading);
        }
    }

    /// <summary>For who reads many items in a row; to be given back by <see cref="Return"/>.</summary>
    internal ItemParser Rent() => _readings.Get();

    internal void Return(ItemParser reading) => _readings.Return(reading);

    /// <summary>The answer to an item of more than <paramref name="limit"/> bytes, which is not looked into.</summary>
    internal static ContentReadResult TooLarge(long bytes, int limit) => new(
        null,
        [new ContentViolation("", ViolationCodes.ItemTooLarge, string.Create(CultureInfo.InvariantCulture, $"The item has {bytes:N0} bytes; the limit is {limit:N0} (MaxItemBytes)."))],
        null);

    private sealed class ReadingPolicy(ContentOptions options, TimeProvider timeProvider, ContentSchemas? schemas) : PooledObjectPolicy<ItemParser>
    {
        // One large item must not keep its buffers for good.
        private const int MostBytesKept = 1024 * 1024;

        public override ItemParser Create() => new(options, timeProvider, schemas);

        public override bool Return(ItemParser obj) => obj.BytesHeld <= MostBytesKept;
    }
}
