namespace ContentSync.SimulatedStorage;

internal enum TableWriteKind
{
    Insert,
    Merge,
    Replace,
    Delete,
}

/// <summary>One write. Without If-Match, Merge and Replace insert an entity that does not exist.</summary>
internal sealed record TableWrite(TableWriteKind Kind, string Table, string Partition, string Row, string? IfMatch, EntityJson? Properties)
{
    public bool IsInTransaction { get; init; }

    public static TableWrite Of(Received received)
    {
        var address = EntityAddress.Of(received.Target);
        var properties = received.Body.Length == 0 ? null : EntityJson.Parse(received.Body);
        var partition = address.Partition ?? properties!.Text("PartitionKey")!;
        var row = address.Row ?? properties!.Text("RowKey")!;
        foreach (var system in (string[])["PartitionKey", "RowKey", "Timestamp"]) { properties?.Remove(system); }
        var kind = received.Method switch
        {
            "POST" => TableWriteKind.Insert,
            "PUT" => TableWriteKind.Replace,
            "PATCH" or "MERGE" => TableWriteKind.Merge,
            "DELETE" => TableWriteKind.Delete,
            var other => throw new NotSupportedException($"The simulated table service does not know the method {other}."),
        };
        return new TableWrite(kind, address.Table, partition, row, received.IfMatch, properties);
    }
}
