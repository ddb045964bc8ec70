namespace ContentSync.Catalog;

/// <summary>
/// A source does not exist or refuses access, which waiting does not change. The message says what is wrong and what would be right.
/// </summary>
public sealed class CatalogSourceException(string message, Exception? innerException = null) : IOException(message, innerException);
