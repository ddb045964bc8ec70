namespace ContentSync.Catalog;

/// <summary>The text of one item in a catalog, not yet parsed.</summary>
/// <param name="Utf8">The text; valid until more of the catalog is read. Empty if the item is too large to be buffered.</param>
/// <param name="Line">The line it starts on, from 1.</param>
/// <param name="Index">Its index in the JSON array, from 0; null in a file with one item per line.</param>
/// <param name="TooLarge">Bytes of an item that exceeds the maximum; 0 for any other.</param>
internal readonly record struct ItemText(ReadOnlyMemory<byte> Utf8, long Line, long? Index = null, long TooLarge = 0);
