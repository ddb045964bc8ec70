using System.Runtime.CompilerServices;
using System.Text.Unicode;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>A catalog with one item per line. Finds the lines without reading them; what is in them, the content reader judges.</summary>
internal sealed class NdjsonReader(ContentOptions options)
{
    // A carriage return may follow the item.
    private readonly int _longestLine = options.MaxItemBytes + 1;

    /// <summary>The items of all the lines that are at hand, then of the next ones. Each list is valid until the next one is asked for.</summary>
    public async IAsyncEnumerable<IReadOnlyList<ItemText>> ReadAsync(CatalogBuffer buffer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await RefuseSeveralLinesAsync(buffer, cancellationToken).ConfigureAwait(false);
        var items = new List<ItemText>();
        var isEnd = false;
        while (true)
        {
            TakeLines(buffer, isEnd, items);
            if (items.Count > 0) yield return items;
            items.Clear();
            if (isEnd) yield break;
            if (buffer.Unread.Length > _longestLine) items.Add(await SkipLineAsync(buffer, cancellationToken).ConfigureAwait(false));
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
            if (length > _longestLine) items.Add(new ItemText(default, buffer.Line, TooLarge: length));
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

    /// <summary>A first line that breaks off where a pretty-printed object would, and no other object after it, tell of a file that has one item over several lines.</summary>
    private async ValueTask RefuseSeveralLinesAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        var first = buffer.Line;
        var length = await FindAsync(buffer, 0, unread => unread.IndexOf((byte)'\n'), cancellationToken).ConfigureAwait(false);
        if (!BreaksOff(buffer.Unread[..length])) return;
        var next = await FindAsync(buffer, length, unread => unread.IndexOfAnyExcept(" \t\r\n"u8), cancellationToken).ConfigureAwait(false);
        var isEnd = next == buffer.Unread.Length;
        if (!isEnd && buffer.Unread.Span[next] == '{') return;
        buffer.AdvanceOverLines(isEnd ? next : buffer.Unread.Span[..next].LastIndexOf((byte)'\n') + 1);
        throw new CatalogFormatException(
            $"The file looks like one object over several lines (it begins at line {first}); put one item on one line, or put the items into a JSON array.",
            buffer.Line,
            buffer.Offset);
    }

    /// <returns>The place that was looked for; all that is unread where it is not in what the buffer can hold.</returns>
    private static async ValueTask<int> FindAsync(CatalogBuffer buffer, int from, Func<ReadOnlySpan<byte>, int> find, CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = find(buffer.Unread.Span[from..]);
            if (found >= 0) return from + found;
            from = buffer.Unread.Length;
            if (buffer.IsFull || !await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) return from;
        }
    }

    private bool BreaksOff(ReadOnlyMemory<byte> line)
    {
        var item = Trim(line).Span;
        return line.Length <= _longestLine && item.Length <= options.MaxItemBytes && item is [.., (byte)'{' or (byte)'[' or (byte)','] && Utf8.IsValid(item);
    }

    // White space around an item is no part of it; a carriage return before the line feed least of all.
    private static ReadOnlyMemory<byte> Trim(ReadOnlyMemory<byte> line)
    {
        var start = line.Span.IndexOfAnyExcept(" \t\r"u8);
        return start < 0 ? default : line[start..(line.Span.LastIndexOfAnyExcept(" \t\r"u8) + 1)];
    }
}
