namespace ContentSync.Catalog;

/// <summary>One item as it stands in a catalog, not yet read.</summary>
/// <param name="Utf8">Its text; valid until the catalog is read on. Empty where it is too large to be kept.</param>
/// <param name="Line">The line that it begins at, from 1.</param>
/// <param name="Index">Its place in a JSON array, from 0; null in a file with one item per line.</param>
/// <param name="TooLarge">Bytes of an item that is larger than may be; 0 for any other.</param>
internal readonly record struct ItemText(ReadOnlyMemory<byte> Utf8, long Line, long? Index = null, long TooLarge = 0);
