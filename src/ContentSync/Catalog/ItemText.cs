using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>The text of one item in a catalog, not yet parsed.</summary>
/// <param name="Utf8">The text; valid until more of the catalog is read. Empty if the item is too large to be buffered.</param>
/// <param name="Line">The line it starts on, from 1.</param>
/// <param name="Index">Its index in the JSON array, from 0; null in a file with one item per line.</param>
/// <param name="TooLarge">Bytes of an item that exceeds the maximum; 0 for any other.</param>
/// <param name="Fault">Why there is no text: a record that could not be mapped; null for any other.</param>
internal readonly record struct ItemText(
    ReadOnlyMemory<byte> Utf8, long Line, long? Index = null, long TooLarge = 0, ContentReadResult? Fault = null);

/// <summary>A catalog that is not in our own form: <see cref="CatalogReader"/> takes its items instead of parsing its bytes.</summary>
internal interface IItemTextStream
{
    /// <summary>Reads to the end. Each list is valid until the next one is requested.</summary>
    /// <exception cref="CatalogFormatException">The catalog is broken.</exception>
    IAsyncEnumerable<IReadOnlyList<ItemText>> ReadItemsAsync(CancellationToken cancellationToken);

    /// <summary>The same catalog over other bytes.</summary>
    /// <param name="wrap">Returns a stream of the same bytes; disposing of it disposes of the given one.</param>
    Stream Over(Func<Stream, Stream> wrap);
}
