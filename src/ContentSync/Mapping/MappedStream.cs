using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping.Expressions;
using ContentSync.Mapping.Feeds;
using Fluid.Values;

namespace ContentSync.Mapping;

/// <summary>
/// A feed as a catalog: its records are read in order, mapped in batches on all processors, and returned in order. Holds a few batches at a
/// time, however large the feed is.
/// </summary>
internal sealed class MappedStream(Stream feed, CatalogMapping mapping, MappingTally tally) : Stream, IItemTextStream
{
    private const int BatchRecords = 256;

    /// <summary>Max records of one group; a shop system allows 2,048 variants of a product.</summary>
    private const int MaxGroup = 2_048;

    /// <summary>Max characters of the columns that a fault lists.</summary>
    private const int MaxShownColumns = 400;

    private readonly int _maxAhead = Math.Min(Environment.ProcessorCount, 16) + 1;
    private readonly ConcurrentBag<RecordMapper> _idle = [];
    private long _records;

    public override bool CanRead => feed.CanRead;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => feed.Length;

    public override long Position { get => feed.Position; set => throw new NotSupportedException(); }

    public async IAsyncEnumerable<IReadOnlyList<ItemText>> ReadItemsAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        tally.Clear();
        var ahead = new Queue<Task<MappedBatch>>();
        try
        {
            CatalogFormatException? broken = null;
            var records = RecordsAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (records.ConfigureAwait(false))
            {
                var batch = new List<SourceRecord>(BatchRecords);
                while (true)
                {
                    var (more, fault) = await NextAsync(records).ConfigureAwait(false);
                    if (more) batch.Add(records.Current);
                    if (!more || batch.Count == BatchRecords)
                    {
                        var full = batch;
                        ahead.Enqueue(Task.Run(() => Map(full), cancellationToken));
                        batch = new List<SourceRecord>(BatchRecords);
                    }

                    if (ahead.Count == _maxAhead) yield return await TakeAsync(ahead).ConfigureAwait(false);
                    broken = fault;
                    if (!more) break;
                }
            }

            while (ahead.Count > 0) yield return await TakeAsync(ahead).ConfigureAwait(false);

            // The items before the broken place come first.
            if (broken is not null) throw broken;
            (feed as DeclaredStream)?.Complete(_records, declaredByLines: false);
        }
        finally
        {
            await ((Task)Task.WhenAll(ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Stream Over(Func<Stream, Stream> wrap) => new MappedStream(wrap(feed), mapping, tally);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        feed.ReadAsync(buffer, cancellationToken);

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        feed.ReadAsync(buffer, offset, count, cancellationToken);

    public override int Read(byte[] buffer, int offset, int count) => feed.Read(buffer, offset, count);

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing) feed.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The records before they are mapped: completed, split and grouped.</summary>
    public IAsyncEnumerable<SourceRecord> RecordsAsync(CancellationToken cancellationToken) => Grouped(Completed(cancellationToken));

    private static async ValueTask<(bool More, CatalogFormatException? Fault)> NextAsync(IAsyncEnumerator<SourceRecord> records)
    {
        try
        {
            return (await records.MoveNextAsync().ConfigureAwait(false), null);
        }
        catch (CatalogFormatException e)
        {
            return (false, e);
        }
    }

    private MappedBatch Map(List<SourceRecord> records)
    {
        if (!_idle.TryTake(out var mapper)) mapper = new RecordMapper(mapping);
        var batch = new MappedBatch();
        foreach (var record in records) mapper.Map(record, batch);
        _idle.Add(mapper);
        return batch.Complete();
    }

    private async Task<IReadOnlyList<ItemText>> TakeAsync(Queue<Task<MappedBatch>> ahead)
    {
        using var batch = await ahead.Dequeue().ConfigureAwait(false);
        tally.Add(batch);
        return batch.Items;
    }

    /// <summary>The records of the feed, with empty cells completed and lists split.</summary>
    private async IAsyncEnumerable<FeedRecord> Completed([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        FeedHeader? header = null;
        var reader = new FeedReader(mapping.Layout)
        {
            Wanted = mapping.Wanted(),
            OnShape = shape => tally.Shape = shape.ToString(),
            OnHeader = found => header = Checked(found),
        };
        CsvFields? above = null;
        _records = 0;
        await foreach (var record in reader.ReadAsync(feed, cancellationToken).ConfigureAwait(false))
        {
            _records++;
            if (mapping.Fill is { } fill && record.Fields is CsvFields line)
            {
                Complete(fill, header!, line, above);
                above = line;
            }

            if (mapping.Split is { } split && record.Fields?.Get(split) is ArrayValue parts)
            {
                foreach (var part in parts.Values) yield return record with { Fields = new SplitFields(part as FeedObject, record.Fields) };
                continue;
            }

            yield return record;
        }
    }

    private static void Complete(FillRule fill, FeedHeader header, CsvFields line, CsvFields? above)
    {
        if (above is null || !header.TryFind(fill.By, out var by) || line.Cell(by) != above.Cell(by)) return;
        foreach (var name in fill.Fields)
        {
            if (header.TryFind(name, out var column)) line.Complete(column, above);
        }
    }

    // A renamed column would otherwise leave a field empty in every item.
    private FeedHeader Checked(FeedHeader header)
    {
        string[] known = [CatalogExpression.Record, CatalogExpression.Variants, "true", "false", "blank", "empty", "nil", "product", ""];
        foreach (var name in mapping.Wanted() ?? new HashSet<string>())
        {
            if (header.TryFind(name, out _) || known.Contains(name, StringComparer.Ordinal)) continue;
            var columns = Excerpt.Of(string.Join(", ", header.Names), MaxShownColumns);
            throw FeedFault.At(1, $"The mapping reads the column '{name}', which the feed does not have; its columns are {columns}");
        }

        return header;
    }

    private async IAsyncEnumerable<SourceRecord> Grouped(IAsyncEnumerable<FeedRecord> records)
    {
        if (mapping.GroupBy is not { } by)
        {
            await foreach (var record in records.ConfigureAwait(false)) yield return new SourceRecord(record, null, 1);
            yield break;
        }

        var scope = new ExpressionScope(mapping.Filters);
        var group = new List<FeedObject>();
        var (first, key) = (default(FeedRecord), "");
        await foreach (var record in records.ConfigureAwait(false))
        {
            var next = record.Fields is null ? null : KeyOf(by, scope, record.Fields);
            if (group.Count > 0 && (next is null || next != key || group.Count == MaxGroup))
            {
                yield return new SourceRecord(first, group, group.Count);
                group = [];
            }

            if (next is null)
            {
                yield return new SourceRecord(record, null, 1);
                continue;
            }

            if (group.Count == 0) (first, key) = (record, next);
            group.Add(record.Fields!);
        }

        if (group.Count > 0) yield return new SourceRecord(first, group, group.Count);
    }

    private static string? KeyOf(CatalogExpression by, ExpressionScope scope, FeedObject fields)
    {
        try
        {
            scope.MoveTo(fields, null);
            return by.Evaluate(scope).ToStringValue();
        }
        catch (ExpressionException)
        {
            // Alone, it is mapped like any other record, and reports its fault then.
            return null;
        }
    }

    /// <summary>An element of a record's list; what it lacks is taken from the record, which is also its <c>product</c>.</summary>
    private sealed class SplitFields(FeedObject? element, FeedObject record) : FeedObject
    {
        public override IEnumerable<string> Names => (element?.Names ?? []).Append("product");

        public override FluidValue Get(string name)
        {
            if (name == "product") return record;
            return element?.Get(name) is { } value && !value.IsNil() ? value : record.Get(name);
        }
    }
}
