using System.Buffers;
using System.Globalization;

namespace ContentSync.Catalog;

/// <summary>A forward-only window on a catalog's text, large enough for the largest item. Tracks line and byte offset.</summary>
internal sealed class CatalogBuffer : IDisposable
{
    // On top of the largest item, so that reads stay large while an item is incomplete.
    private const int ReadAhead = 64 * 1024;

    private readonly Stream _text;
    private byte[] _bytes;
    private int _start;
    private int _end;

    public CatalogBuffer(Stream text, int largestItem)
    {
        _text = text;
        _bytes = ArrayPool<byte>.Shared.Rent(largestItem + ReadAhead);
    }

    /// <summary>Bytes read from the file and not yet consumed.</summary>
    public ReadOnlyMemory<byte> Unread => _bytes.AsMemory(_start, _end - _start);

    /// <summary>True when something must be consumed before more can be read.</summary>
    public bool IsFull => _start == 0 && _end == _bytes.Length;

    /// <summary>The line in which <see cref="Unread"/> starts, from 1.</summary>
    public long Line { get; private set; } = 1;

    /// <summary>The offset of <see cref="Unread"/> in the text, from 0.</summary>
    public long Offset { get; private set; }

    /// <summary>Reads more. Needs at least one byte of room: no caller leaves more than the largest item unread.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="CatalogFormatException">Damaged gzip, or bytes after it.</exception>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_start > 0 && _bytes.Length - _end < ReadAhead)
        {
            _bytes.AsSpan(_start, _end - _start).CopyTo(_bytes);
            _end -= _start;
            _start = 0;
        }

        try
        {
            var read = await _text.ReadAsync(_bytes.AsMemory(_end), cancellationToken).ConfigureAwait(false);
            _end += read;
            return read > 0;
        }
        catch (GzipFormatException damaged)
        {
            throw Fault(damaged.Message, damaged);
        }
    }

    /// <summary>Consumes bytes that contain no line feed.</summary>
    public void Advance(int bytes)
    {
        _start += bytes;
        Offset += bytes;
    }

    /// <summary>Consumes a line of the given length and the line feed after it, if there is one.</summary>
    public void AdvanceOverLine(int bytes)
    {
        if (bytes == Unread.Length)
        {
            Advance(bytes);
            return;
        }

        Advance(bytes + 1);
        Line++;
    }

    /// <summary>Consumes bytes and counts the line feeds among them.</summary>
    public void AdvanceOverLines(int bytes)
    {
        Line += Unread.Span[..bytes].Count((byte)'\n');
        Advance(bytes);
    }

    /// <summary>Consumes JSON white space. Returns true if something else follows it.</summary>
    public bool SkipWhiteSpace()
    {
        var next = Unread.Span.IndexOfAnyExcept(" \t\r\n"u8);
        AdvanceOverLines(next < 0 ? Unread.Length : next);
        return next >= 0;
    }

    /// <summary>An exception for a fault at the start of <see cref="Unread"/>; appends line and offset to the sentence.</summary>
    public CatalogFormatException Fault(string sentence, Exception? innerException = null) => new(
        string.Create(CultureInfo.InvariantCulture, $"{sentence.TrimEnd('.')} (line {Line:N0}, byte {Offset:N0})."),
        Line,
        Offset,
        innerException);

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }
}
