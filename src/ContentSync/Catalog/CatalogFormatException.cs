namespace ContentSync.Catalog;

/// <summary>A catalog file cannot be read, or not be read on. The message is one sentence that says where and what would be right.</summary>
public sealed class CatalogFormatException(string message, long line, long byteOffset, Exception? innerException = null)
    : Exception(message, innerException)
{
    /// <summary>The line, from 1.</summary>
    public long Line { get; } = line;

    /// <summary>The byte of the file, after unpacking, from 0.</summary>
    public long ByteOffset { get; } = byteOffset;
}
