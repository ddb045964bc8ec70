using ContentSync.Catalog;
using ContentSync.Mapping.Feeds;

namespace ContentSync.Mapping.Expressions;

/// <summary>A small table from a CSV file, by its key column. Kept in memory.</summary>
internal sealed class LookupTable
{
    /// <summary>Max lines.</summary>
    public const int MaxLines = 100_000;

    private readonly Dictionary<string, FeedObject> _lines;

    private LookupTable(IReadOnlyList<string> columns, Dictionary<string, FeedObject> lines)
    {
        Columns = columns;
        _lines = lines;
    }

    public IReadOnlyList<string> Columns { get; }

    /// <summary>Reads a table.</summary>
    /// <returns>The table, or the fault for which it cannot be used.</returns>
    public static async Task<(LookupTable? Table, string? Fault)> ReadAsync(Stream csv, string key, CancellationToken cancellationToken)
    {
        FeedHeader? header = null;
        var lines = new Dictionary<string, FeedObject>(StringComparer.OrdinalIgnoreCase);
        var reader = new FeedReader(new FeedLayout { Format = FeedFormat.Csv }) { OnHeader = found => header = found };
        try
        {
            await foreach (var line in reader.ReadAsync(csv, cancellationToken).ConfigureAwait(false))
            {
                if (line.Fault is { } fault) return (null, $"line {line.Line}: {fault}");
                if (!header!.TryFind(key, out _)) break;
                if (lines.Count == MaxLines) return (null, $"it has more than {MaxLines} lines");
                lines.TryAdd(line.Fields!.Get(key).ToStringValue().Trim(), line.Fields);
            }
        }
        catch (CatalogFormatException e)
        {
            return (null, e.Message);
        }

        if (header is null) return (null, "it is empty; its first line must name the columns");
        return header.TryFind(key, out _)
            ? (new LookupTable(header.Names, lines), null)
            : (null, $"it has no column '{key}'; its columns are {string.Join(", ", header.Names)}");
    }

    public FeedObject? Find(string key) => _lines.GetValueOrDefault(key.Trim());
}
