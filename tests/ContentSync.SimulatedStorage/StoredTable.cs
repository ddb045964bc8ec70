using System.Globalization;
using System.Text.Json;

namespace ContentSync.SimulatedStorage;

/// <summary>The entities of a table, ordered by their keys as the service orders them.</summary>
internal sealed class StoredTable
{
    private const int MaxPageSize = 1_000;
    private const int MaxKeyLength = 512;
    private const int MaxEntityBytes = 1024 * 1024;
    private const int MaxProperties = 252;

    private readonly SortedDictionary<string, SortedSet<StoredEntity>> _partitions = new(StringComparer.Ordinal);

    public int Count => _partitions.Values.Sum(partition => partition.Count);

    public TableResult Read(string partition, string row, string? select)
    {
        if (Find(partition, row) is not { } entity)
            return TableResult.Error(404, "ResourceNotFound", "The specified resource does not exist.");
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream)) { entity.Write(json, partition, Names(select)); }
        return new TableResult(200, stream.ToArray()) { ETag = entity.ETag };
    }

    public TableResult Query(Received request, Random? shortPages, int maxInspected)
    {
        var filter = TableFilter.Parse(request.Query("$filter"));
        var select = Names(request.Query("$select"));
        var size = request.Query("$top") is { } top ? Math.Min(MaxPageSize, int.Parse(top, CultureInfo.InvariantCulture)) : MaxPageSize;
        var from = Continuation.Read(request.Query("NextPartitionKey")) is { } partition
            ? (partition, Continuation.Read(request.Query("NextRowKey")) ?? "")
            : ((string, string)?)null;
        if (shortPages is not null && shortPages.Next(3) == 0) (size, maxInspected) = (Math.Min(size, shortPages.Next(1, 20)), shortPages.Next(1, 30));
        using var stream = new MemoryStream();
        (string, string)? next = null;
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteStartArray("value");
            var (found, inspected) = (0, 0);
            foreach (var (key, entity) in From(filter.Bounds, from))
            {
                if (found == size || inspected == maxInspected)
                {
                    next = (key, entity.Row);
                    break;
                }

                inspected++;
                if (!filter.Matches(key, entity)) continue;
                entity.Write(json, key, select);
                found++;
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return new TableResult(200, stream.ToArray()) { Next = next };
    }

    /// <summary>Checks the writes of a request; returns no changes if one of them fails, with the result of that one.</summary>
    public (TableResult Result, IReadOnlyList<Change>? Changes) Prepare(IReadOnlyList<TableWrite> writes, Func<DateTimeOffset> stamp)
    {
        var changes = new List<Change>(writes.Count);
        for (var i = 0; i < writes.Count; i++)
        {
            var (fault, change) = Prepare(writes[i], stamp());
            if (fault is not null) return (writes.Count == 1 && !writes[0].IsInTransaction ? fault : fault.At(i), null);
            changes.Add(change!);
        }

        return (TableResult.NoContent(changes[^1].ETag), changes);
    }

    public void Commit(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes)
        {
            if (!_partitions.TryGetValue(change.Partition, out var partition))
                _partitions[change.Partition] = partition = new SortedSet<StoredEntity>(StoredEntity.ByRow);
            partition.Remove(StoredEntity.Key(change.Row));
            if (change.Entity is { } entity) partition.Add(entity);
        }
    }

    private (TableResult? Fault, Change? Change) Prepare(TableWrite write, DateTimeOffset stamp)
    {
        if (write.Row.Length > MaxKeyLength || write.Partition.Length > MaxKeyLength)
            return (TableResult.Error(400, "KeyValueTooLarge", "A key exceeds 1 KiB."), null);
        var stored = Find(write.Partition, write.Row);
        if (write.Kind == TableWriteKind.Insert && stored is not null)
            return (TableResult.Error(409, "EntityAlreadyExists", "The specified entity already exists."), null);
        if (write.IfMatch is { } etag)
        {
            if (stored is null) return (TableResult.Error(404, "ResourceNotFound", "The specified resource does not exist."), null);
            if (etag != "*" && etag != stored.ETag)
            {
                return (TableResult.Error(
                    412, "UpdateConditionNotSatisfied", "The update condition specified in the request was not satisfied."), null);
            }
        }

        if (write.Kind == TableWriteKind.Delete) return (null, new Change(write.Partition, write.Row, null));
        var properties = write.Properties!;
        if (write.Kind == TableWriteKind.Merge && stored is not null)
        {
            var merged = EntityJson.Parse(stored.Json);
            merged.Merge(properties);
            properties = merged;
        }

        if (properties.Count > MaxProperties)
            return (TableResult.Error(400, "TooManyProperties", "The entity contains more properties than allowed."), null);
        var json = properties.ToBytes();
        // Base64 and names weigh more on the wire than in the store.
        return json.Length > MaxEntityBytes * 4 / 3
            ? (TableResult.Error(400, "EntityTooLarge", "The entity is larger than the maximum allowed size (1MB)."), null)
            : (null, new Change(write.Partition, write.Row, new StoredEntity(write.Row, stamp, json)));
    }

    private StoredEntity? Find(string partition, string row) =>
        _partitions.TryGetValue(partition, out var rows) && rows.TryGetValue(StoredEntity.Key(row), out var entity) ? entity : null;

    private IEnumerable<(string Partition, StoredEntity Entity)> From(KeyBounds bounds, (string Partition, string Row)? from)
    {
        foreach (var (key, rows) in _partitions)
        {
            if (!bounds.ContainsPartition(key) || (from is { } start && string.CompareOrdinal(key, start.Partition) < 0)) continue;
            var first = bounds.FirstRow;
            if (from is { } resumed && resumed.Partition == key && string.CompareOrdinal(resumed.Row, first) > 0) first = resumed.Row;
            if (rows.Count == 0 || string.CompareOrdinal(first, rows.Max!.Row) > 0) continue;
            foreach (var entity in rows.GetViewBetween(StoredEntity.Key(first), rows.Max))
            {
                if (bounds.IsAfterRows(entity.Row)) break;
                yield return (key, entity);
            }
        }
    }

    private static HashSet<string>? Names(string? select) =>
        string.IsNullOrEmpty(select) ? null : [.. select.Split(',', StringSplitOptions.TrimEntries)];

    /// <param name="Partition">PartitionKey of the entity.</param>
    /// <param name="Row">Its RowKey.</param>
    /// <param name="Entity">The new state; null if it is deleted.</param>
    public sealed record Change(string Partition, string Row, StoredEntity? Entity)
    {
        public string? ETag => Entity?.ETag;
    }
}

/// <summary>An entity with its properties as JSON.</summary>
internal sealed class StoredEntity(string row, DateTimeOffset stamp, byte[] json)
{
    public static IComparer<StoredEntity> ByRow { get; } = Comparer<StoredEntity>.Create((a, b) => string.CompareOrdinal(a.Row, b.Row));

    public string Row => row;

    public byte[] Json => json;

    public string ETag => $"W/\"datetime'{Uri.EscapeDataString(Stamp)}'\"";

    private string Stamp => stamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>An entity that only finds others by their key.</summary>
    public static StoredEntity Key(string row) => new(row, default, []);

    public void Write(Utf8JsonWriter output, string partition, HashSet<string>? select)
    {
        output.WriteStartObject();
        output.WriteString("odata.etag", ETag);
        if (select?.Contains("PartitionKey") != false) output.WriteString("PartitionKey", partition);
        if (select?.Contains("RowKey") != false) output.WriteString("RowKey", Row);
        if (select?.Contains("Timestamp") != false) output.WriteString("Timestamp", Stamp);
        EntityJson.Parse(Json).Write(output, select);
        output.WriteEndObject();
    }
}
