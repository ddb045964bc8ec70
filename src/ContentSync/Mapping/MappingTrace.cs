using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping.Feeds;

namespace ContentSync.Mapping;

/// <summary>Maps a feed record by record and keeps what each rule did; for a preview.</summary>
public static class MappingTrace
{
    /// <exception cref="CatalogFormatException">The feed is broken.</exception>
    public static async IAsyncEnumerable<TracedRecord> ReadAsync(
        Stream feed, CatalogMapping mapping, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var rules = new List<(string Target, string Rule, string Result)>();
        var mapper = new RecordMapper(mapping) { OnRule = (target, rule, result) => rules.Add((target, rule, result)) };
        var stream = new MappedStream(feed, mapping, new MappingTally());
        await foreach (var source in stream.RecordsAsync(cancellationToken).ConfigureAwait(false))
        {
            using var batch = new MappedBatch();
            rules.Clear();
            mapper.Map(source, batch);
            var items = batch.Complete().Items;
            var text = source.Record.Fields is { } fields ? FeedJson.Of(fields) : source.Record.Fault!;
            yield return new TracedRecord(source.Record.Line, text, [.. rules], items is [var item] ? item : null);
        }
    }
}

/// <summary>A record of a feed and what became of it.</summary>
public sealed class TracedRecord
{
    private readonly ItemText? _item;

    internal TracedRecord(long line, string source, IReadOnlyList<(string Target, string Rule, string Result)> rules, ItemText? item)
    {
        _item = item;
        Line = line;
        Source = source;
        Rules = rules;
    }

    /// <summary>From 1.</summary>
    public long Line { get; }

    /// <summary>The fields that the mapping reads, as JSON; or why the record cannot be read.</summary>
    public string Source { get; }

    /// <summary>The rules in the order of the mapping, with the JSON of their results or their faults.</summary>
    public IReadOnlyList<(string Target, string Rule, string Result)> Rules { get; }

    /// <summary>The selection left it out.</summary>
    public bool IsLeftOut => _item is null;

    /// <summary>The item, validated.</summary>
    public CatalogEntry Entry(ContentReader reader) => new(Line, _item!.Value.Index, _item.Value.Fault ?? reader.Read(_item.Value.Utf8.Span));
}
