using System.Globalization;
using System.Runtime.CompilerServices;
using Sylvan.Data.Csv;

namespace ContentSync.Mapping.Feeds;

/// <summary>
/// Reads RFC 4180 with any separator. A quote inside a cell that does not start with one is text (<c>12" pizza</c>). A quote that is not
/// closed, or that closes before the end of its cell, ends the reading: the lines behind it cannot be distinguished.
/// </summary>
internal sealed class CsvFeedReader(FeedShape shape)
{
    /// <summary>Reads only these columns; null for all.</summary>
    public IReadOnlySet<string>? Wanted { get; init; }

    /// <summary>Receives the header before the first record.</summary>
    public Action<FeedHeader>? OnHeader { get; init; }

    public async IAsyncEnumerable<FeedRecord> ReadAsync(Stream feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var text = new StreamReader(feed, shape.Encoding, detectEncodingFromByteOrderMarks: true, bufferSize: 64 * 1024, leaveOpen: true);
        var lines = new LineCount();
        var csv = await GuardAsync(lines, () => new ValueTask<CsvDataReader>(CsvDataReader.CreateAsync(text, Options(), cancellationToken)))
            .ConfigureAwait(false);
        await using (csv.ConfigureAwait(false))
        {
            if (!await NextAsync(csv, lines, cancellationToken).ConfigureAwait(false)) yield break;
            var header = new FeedHeader(Cells(csv));
            if (header.Names.Count > FeedLimits.MaxFields)
                throw FeedFault.At(lines.Start, $"The header has {header.Names.Count:N0} columns; {FeedLimits.MaxFields:N0} are allowed");
            OnHeader?.Invoke(header);
            var wanted = WantedColumns(header);
            while (await NextAsync(csv, lines, cancellationToken).ConfigureAwait(false))
                yield return Read(csv, header, wanted, lines.Start);
        }
    }

    private CsvDataReaderOptions Options() => new()
    {
        Delimiter = shape.Separator,
        HasHeaders = false,
        CsvStyle = CsvStyle.Standard,
        // A line that starts with # is data like any other.
        Comment = '\0',
        BufferSize = 64 * 1024,
        MaxBufferSize = 2 * FeedLimits.MaxRecordLength,
        OwnsReader = false,
    };

    private static async ValueTask<bool> NextAsync(CsvDataReader csv, LineCount lines, CancellationToken cancellationToken)
    {
        while (await GuardAsync(lines, () => new ValueTask<bool>(csv.ReadAsync(cancellationToken))).ConfigureAwait(false))
        {
            lines.Add(csv.GetRawRecordSpan());
            if (csv.RowFieldCount > 1 || (csv.RowFieldCount == 1 && !csv.GetFieldSpan(0).IsWhiteSpace())) return true;
        }

        return false;
    }

    private static async ValueTask<T> GuardAsync<T>(LineCount lines, Func<ValueTask<T>> read)
    {
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (CsvRecordTooLargeException e)
        {
            throw FeedFault.At(
                lines.Next,
                $"The record is longer than {FeedLimits.MaxRecordLength:N0} characters; a quote that opens a cell is probably not closed",
                e);
        }
        catch (CsvFormatException e)
        {
            throw FeedFault.At(
                lines.Next,
                "A quoted cell does not end with a quote and a separator; close it, and write a quote inside it twice, as in \"12\"\" pizza\"",
                e);
        }
        catch (InvalidDataException e)
        {
            throw FeedFault.At(lines.Next, "The gzip data is damaged or ends too early; compress the file again", e);
        }
    }

    private static IEnumerable<string> Cells(CsvDataReader csv)
    {
        for (var i = 0; i < csv.RowFieldCount; i++) yield return csv.GetString(i).Trim();
    }

    private int[] WantedColumns(FeedHeader header)
    {
        if (Wanted is null) return [.. Enumerable.Range(0, header.Names.Count)];
        var columns = new SortedSet<int>();
        foreach (var name in Wanted)
        {
            if (header.TryFind(name, out var column)) columns.Add(column);
        }

        return [.. columns];
    }

    private static FeedRecord Read(CsvDataReader csv, FeedHeader header, int[] wanted, long line)
    {
        var columns = header.Names.Count;
        var count = csv.RowFieldCount;
        if (count < columns || HasSurplus(csv, columns))
        {
            var fault = string.Create(
                CultureInfo.InvariantCulture,
                $"The line has {count} cells and the header {columns} columns; check its separators, quotes and line breaks.");
            return new FeedRecord(line, null, null, fault);
        }

        var cells = new string?[columns];
        foreach (var column in wanted) cells[column] = csv.GetString(column);
        return new FeedRecord(line, null, new CsvFields(header, cells), null);
    }

    // Spreadsheets write separators behind the last column.
    private static bool HasSurplus(CsvDataReader csv, int columns)
    {
        for (var i = columns; i < csv.RowFieldCount; i++)
        {
            if (!csv.GetFieldSpan(i).IsWhiteSpace()) return true;
        }

        return false;
    }

    /// <summary>Counts lines, because a record may have several.</summary>
    private sealed class LineCount
    {
        /// <summary>Where the current record starts, from 1.</summary>
        public long Start { get; private set; }

        /// <summary>Where the next record starts.</summary>
        public long Next { get; private set; } = 1;

        public void Add(ReadOnlySpan<char> record)
        {
            Start = Next;
            var breaks = record.Count('\n');
            Next += breaks > 0 ? breaks : record.Count('\r');
        }
    }
}
