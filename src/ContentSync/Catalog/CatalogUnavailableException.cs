namespace ContentSync.Catalog;

/// <summary>The storage of a catalog cannot be reached now. The catalog is not at fault, and the same call may succeed later.</summary>
public sealed class CatalogUnavailableException(string message, Exception? innerException = null) : IOException(message, innerException);
