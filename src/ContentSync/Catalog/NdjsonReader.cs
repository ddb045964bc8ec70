using System.Runtime.CompilerServices;
using System.Text.Unicode;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>A catalog with one item per line. Finds the lines without parsing them; the content reader validates the items.</summary>
internal sealed class NdjsonReader(ContentOptions options)
{
    // The item, and a carriage return after it.
    private readonly int _maxLineBytes = options.MaxItemBytes + 1;

    /// <summary>Returns the items of all buffered lines, then reads more. Each list is valid until the next one is requested.</summary>
    public async IAsyncEnumerable<IReadOnlyList<ItemText>> ReadAsync(
        CatalogBuffer buffer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await RefuseMultilineObjectAsync(buffer, cancellationToken).ConfigureAwait(false);
        var items = new List<ItemText>();
        var isEnd = false;
        while (true)
        {
            TakeLines(buffer, isEnd, items);
            if (items.Count > 0) yield return items;
            items.Clear();
            if (isEnd) yield break;
            if (buffer.Unread.Length > _maxLineBytes) items.Add(await SkipLineAsync(buffer, cancellationToken).ConfigureAwait(false));
            else isEnd = !await buffer.FillAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private void TakeLines(CatalogBuffer buffer, bool isEnd, List<ItemText> items)
    {
        while (true)
        {
            var unread = buffer.Unread;
            var length = unread.Span.IndexOf((byte)'\n');
            if (length < 0)
            {
                if (!isEnd || unread.IsEmpty) return;
                length = unread.Length;
            }

            var item = Trim(unread[..length]);
            if (length > _maxLineBytes) items.Add(new ItemText(default, buffer.Line, TooLarge: length));
            else if (!item.IsEmpty) items.Add(new ItemText(item, buffer.Line));
            buffer.AdvanceOverLine(length);
        }
    }

    private static async ValueTask<ItemText> SkipLineAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
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

        return new ItemText(default, line, TooLarge: bytes);
    }

    /// <summary>
    /// Refuses a file with one object over several lines: its first line ends where a pretty-printed object would break, and no other
    /// object follows it.
    /// </summary>
    private async ValueTask RefuseMultilineObjectAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        var first = buffer.Line;
        var length = await FindAsync(buffer, 0, unread => unread.IndexOf((byte)'\n'), cancellationToken).ConfigureAwait(false);
        if (!EndsInsideObject(buffer.Unread[..length])) return;
        var next = await FindAsync(buffer, length, unread => unread.IndexOfAnyExcept(" \t\r\n"u8), cancellationToken).ConfigureAwait(false);
        var isEnd = next == buffer.Unread.Length;
        if (!isEnd && buffer.Unread.Span[next] == '{') return;
        buffer.AdvanceOverLines(isEnd ? next : buffer.Unread.Span[..next].LastIndexOf((byte)'\n') + 1);
        throw new CatalogFormatException(
            $"The file looks like one object over several lines (it starts on line {first}); "
            + "put one item on one line, or put the items into a JSON array.",
            buffer.Line,
            buffer.Offset);
    }

    /// <returns>The position found; the length of the unread bytes if it is not within what the buffer can hold.</returns>
    private static async ValueTask<int> FindAsync(
        CatalogBuffer buffer, int from, Func<ReadOnlySpan<byte>, int> find, CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = find(buffer.Unread.Span[from..]);
            if (found >= 0) return from + found;
            from = buffer.Unread.Length;
            if (buffer.IsFull || !await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) return from;
        }
    }

    private bool EndsInsideObject(ReadOnlyMemory<byte> line)
    {
        var item = Trim(line).Span;
        return line.Length <= _maxLineBytes
            && item.Length <= options.MaxItemBytes
            && item is [.., (byte)'{' or (byte)'[' or (byte)',']
            && Utf8.IsValid(item);
    }

    // White space around an item, including a carriage return before the line feed, is not part of it.
    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> line)
    {
        var start = line.Span.IndexOfAnyExcept(" \t\r"u8);
        return start < 0 ? default : line[start..(line.Span.LastIndexOfAnyExcept(" \t\r"u8) + 1)];
    }
}
