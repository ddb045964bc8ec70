namespace ContentSync.Catalog;

/// <summary>Packed data is damaged, truncated, or followed by other bytes. The message says what is wrong, where, and what would be right.</summary>
internal sealed class GzipFormatException(string message, Exception? innerException = null) : IOException(message, innerException);
