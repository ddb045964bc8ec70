namespace ContentSync.Catalog;

/// <summary>A catalog file cannot be read, or not to its end. The message is one sentence: what is wrong, where, and what would be right.</summary>
public sealed class CatalogFormatException(string message, long line, long byteOffset, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>The line, from 1.</summary>
    public long Line { get; } = line;

    /// <summary>The offset in the uncompressed file in bytes, from 0.</summary>
    public long ByteOffset { get; } = byteOffset;
}
