using System.Runtime.CompilerServices;
using ContentSync.Content;

namespace ContentSync.Resync;

/// <summary>A catalog with one item per line.</summary>
internal sealed class CatalogLines(ContentReader contentReader, ContentOptions options)
{
    public async IAsyncEnumerable<CatalogEntry> ReadAsync(CatalogBuffer buffer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // A first line that breaks off where a pretty-printed object would is held until the next line tells which it is.
        CatalogEntry? held = null;
        var isFirst = true;
        var longestLine = options.MaxItemBytes + 1; // a carriage return may follow the item
        while (await GatherLineAsync(buffer, longestLine, cancellationToken).ConfigureAwait(false) is { } length)
        {
            if (length > longestLine)
            {
                if (held is { } before) yield return before;
                held = null;
                isFirst = false;
                yield return await SkipLineAsync(buffer, cancellationToken).ConfigureAwait(false);
                continue;
            }

            var line = Trim(buffer.Unread[..length]);
            if (!line.IsEmpty)
            {
                if (held is { } heldEntry)
                {
                    if (line.Span[0] != '{') throw SeveralLines(buffer, heldEntry);
                    held = null;
                    yield return heldEntry;
                }

                var entry = new CatalogEntry(buffer.Line, null, contentReader.Read(line.Span));
                if (isFirst && IsMalformed(entry) && line.Span[^1] is (byte)'{' or (byte)'[' or (byte)',') held = entry;
                else yield return entry;
                isFirst = false;
            }

            buffer.AdvanceOverLines(Math.Min(length + 1, buffer.Unread.Length));
        }

        if (held is { } only) throw SeveralLines(buffer, only);
    }

    /// <summary>Reads until the line that begins now is in the buffer, or more of it than is read.</summary>
    /// <returns>Its length without line feed; null at the end of the file.</returns>
    private static async ValueTask<int?> GatherLineAsync(CatalogBuffer buffer, int longestLine, CancellationToken cancellationToken)
    {
        var searched = 0;
        while (true)
        {
            var end = buffer.Unread.Span[searched..].IndexOf((byte)'\n');
            if (end >= 0) return searched + end;
            searched = buffer.Unread.Length;
            if (searched > longestLine) return searched;
            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) return searched > 0 ? searched : null;
        }
    }

    private async ValueTask<CatalogEntry> SkipLineAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        var line = buffer.Line;
        var bytes = 0L;
        while (true)
        {
            var end = buffer.Unread.Span.IndexOf((byte)'\n');
            bytes += end < 0 ? buffer.Unread.Length : end;
            buffer.AdvanceOverLines(end < 0 ? buffer.Unread.Length : end + 1);
            if (end >= 0 || !await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) break;
        }

        return new CatalogEntry(line, null, ContentReader.TooLarge(bytes, options.MaxItemBytes));
    }

    // White space around an item is no part of it; a carriage return before the line feed least of all.
    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> line)
    {
        var start = line.Span.IndexOfAnyExcept(" \t\r"u8);
        return start < 0 ? default : line[start..(line.Span.LastIndexOfAnyExcept(" \t\r"u8) + 1)];
    }

    private static bool IsMalformed(CatalogEntry entry) => entry.Result.Violations is [.., { Code: ViolationCodes.MalformedJson }];

    private static CatalogFormatException SeveralLines(CatalogBuffer buffer, CatalogEntry first) => new(
        $"The file looks like one object over several lines (it begins at line {first.Line}); put one item on one line, or put the items into a JSON array.",
        buffer.Line,
        buffer.Offset);
}
