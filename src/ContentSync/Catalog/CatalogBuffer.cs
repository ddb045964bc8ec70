using System.Buffers;
using System.Globalization;

namespace ContentSync.Catalog;

/// <summary>A window on a catalog's text that moves forward, large enough for the largest item, with the place in the file.</summary>
internal sealed class CatalogBuffer : IDisposable
{
    // Beside the largest item, so that reads stay large while one is being gathered.
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

    /// <summary>What was read from the file and not yet consumed.</summary>
    public ReadOnlyMemory<byte> Unread => _bytes.AsMemory(_start, _end - _start);

    /// <summary>Nothing more can be read before something is consumed.</summary>
    public bool IsFull => _start == 0 && _end == _bytes.Length;

    /// <summary>The line that <see cref="Unread"/> begins in, from 1.</summary>
    public long Line { get; private set; } = 1;

    /// <summary>The place of <see cref="Unread"/> in the text, from 0.</summary>
    public long Offset { get; private set; }

    /// <summary>Reads on. Needs at least one byte of room: no caller keeps more than the largest item unread.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="CatalogFormatException">Damaged gzip.</exception>
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
        catch (InvalidDataException damaged)
        {
            throw Fault("The gzip data is damaged or ends too early; pack the file again.", damaged);
        }
    }

    /// <summary>Consumes bytes of which none is a line feed.</summary>
    public void Advance(int bytes)
    {
        _start += bytes;
        Offset += bytes;
    }

    /// <summary>Consumes a line of so many bytes, and the line feed after it where there is one.</summary>
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

    /// <summary>Consumes bytes and counts their line feeds.</summary>
    public void AdvanceOverLines(int bytes)
    {
        Line += Unread.Span[..bytes].Count((byte)'\n');
        Advance(bytes);
    }

    /// <summary>Consumes JSON white space; true where something else follows it.</summary>
    public bool SkipWhiteSpace()
    {
        var next = Unread.Span.IndexOfAnyExcept(" \t\r\n"u8);
        AdvanceOverLines(next < 0 ? Unread.Length : next);
        return next >= 0;
    }

    /// <summary>A fault at the place of <see cref="Unread"/>; the place is added to the sentence.</summary>
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
