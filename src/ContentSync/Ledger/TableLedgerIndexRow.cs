using Azure.Data.Tables;
using ContentSync.Content;
using ContentSync.Diagnostics;

namespace ContentSync.Ledger;

/// <summary>
/// The index row of a record that is out of sync, in the record's partition, written and deleted in the record's own transactions. So
/// what is out of sync is found without reading what is in sync.
/// <para>
/// Its RowKey is <c>~n</c> and the record's. In a record's RowKey <c>~</c> is always followed by a hex digit, so all records precede
/// <c>~g</c> and all index rows are between <c>~n</c> and <c>~o</c>. A record's RowKey has up to 510 characters for every contentId
/// that the app accepts, and a key may have 512: the prefix can never be longer. The properties have names that records do not have,
/// because earlier versions select records by their properties without looking at the keys.
/// </para>
/// </summary>
internal static class TableLedgerIndexRow
{
    /// <summary>Every index row has a RowKey from here on, up to <see cref="End"/>.</summary>
    public const string Prefix = "~n";

    /// <summary>Follows every index row.</summary>
    public const string End = "~o";

    /// <summary>Follows every record.</summary>
    public const string EndOfRecords = "~g";

    private const string Version = "NVersion";
    private const string SynchronizedVersion = "NSynchronized";

    private static readonly ListedItem Unset = new()
    {
        ContentId = "",
        ContentType = "",
        ContentStatus = default,
        Version = default,
        RequestId = "",
        State = default,
        AcceptedAt = default,
        DueAt = default,
    };

    /// <summary>The properties that <see cref="Read"/> needs; leaves out the time stamp.</summary>
    public static IReadOnlyList<string> Columns { get; } =
    [
        "PartitionKey", "RowKey", "NState", "NReason", "NType", "NStatus", .. TableLedgerEntity.VersionColumns(Version), "NRequestId",
        "NAcceptedAt", "NDueAt", "NAttempts", "NHop", .. TableLedgerEntity.VersionColumns(SynchronizedVersion), "NSynchronizedAt", "NRefused",
        "NLastAt", "NLastRequestId", "NLastCode", "NLastMessage", "NLastTracerId", "NTemplateCode", "NTemplateStatus", "NFormat",
    ];

    /// <summary>Whether a record must have an index row: it is pending, parked or stale.</summary>
    public static bool IsNeededFor(SyncRecord record) => record.State is SyncState.Pending or SyncState.Parked || record.IsStale;

    /// <summary>
    /// Whether two states of a record have the same index row. A lease and its attempt are not in it, so granting one leaves it alone.
    /// </summary>
    public static bool IsSame(SyncRecord before, SyncRecord after) => IsSame(ListedItem.Of(before), ListedItem.Of(after));

    /// <inheritdoc cref="IsSame(SyncRecord, SyncRecord)"/>
    public static bool IsSame(ListedItem before, ListedItem after) =>
        before with { Attempts = 0, LeaseExpiresAt = null } == after with { Attempts = 0, LeaseExpiresAt = null };

    /// <summary>An entity with the keys of the index row and nothing else.</summary>
    public static TableEntity Keys(TableLedgerKey key) => new(key.Partition, Prefix + key.Row);

    public static TableEntity Of(ListedItem item, TableLedgerKey key)
    {
        var row = Keys(key);
        row["NFormat"] = StoredFormat.Current;
        row["NState"] = (int)item.State;
        row["NType"] = item.ContentType;
        row["NStatus"] = (int)item.ContentStatus;
        TableLedgerEntity.AddVersion(row, Version, item.Version);
        row["NRequestId"] = item.RequestId;
        row["NAcceptedAt"] = item.AcceptedAt;
        row["NDueAt"] = item.DueAt;
        row["NAttempts"] = item.Attempts;
        row["NHop"] = item.Hop;
        row["NAt"] = item.LatestAt;
        if (item.IsFailing) row["NFailing"] = true;
        if (item.ParkReason is { } reason) row["NReason"] = (int)reason;
        if (item.SynchronizedVersion is { } version) TableLedgerEntity.AddVersion(row, SynchronizedVersion, version);
        if (item.SynchronizedAt is { } at) row["NSynchronizedAt"] = at;
        if (item.TemplateCode is { } code) row["NTemplateCode"] = code;
        if (item.TemplateStatus is { } status) row["NTemplateStatus"] = status;
        if (item.Refused is { } refused)
        {
            row["NStale"] = true;
            row["NRefused"] = refused.ToText();
        }

        if (item.LastAttempt is not { } last) return row;
        row["NLastAt"] = last.At;
        row["NLastCode"] = last.Code;
        row["NLastMessage"] = last.Message;
        if (last.RequestId != item.RequestId) row["NLastRequestId"] = last.RequestId;
        if (last.TracerId is { } tracerId) row["NLastTracerId"] = tracerId;
        return row;
    }

    /// <exception cref="LedgerUnavailableException">A newer version of this program wrote the row.</exception>
    public static ListedItem Read(TableEntity row)
    {
        var fault = StoredFormat.Fault("An index row of the ledger's table", row.GetInt32("NFormat"));
        if (fault is not null) throw new LedgerUnavailableException(fault);
        var requestId = row.GetString("NRequestId");
        var synchronizedAt = row.GetDateTimeOffset("NSynchronizedAt");
        var (templateCode, templateStatus) = (row.GetString("NTemplateCode"), row.GetString("NTemplateStatus"));
        return Unset with
        {
            ContentId = TableLedgerKey.ContentIdOf(row.RowKey[Prefix.Length..]),
            ContentType = row.GetString("NType"),
            ContentStatus = (ContentStatus)row.GetInt32("NStatus")!.Value,
            Version = TableLedgerEntity.VersionOf(row, Version),
            RequestId = requestId,
            State = (SyncState)row.GetInt32("NState")!.Value,
            AcceptedAt = row.GetDateTimeOffset("NAcceptedAt")!.Value,
            DueAt = row.GetDateTimeOffset("NDueAt")!.Value,
            Attempts = row.GetInt32("NAttempts")!.Value,
            Hop = row.GetInt32("NHop")!.Value,
            SynchronizedVersion = row.ContainsKey(SynchronizedVersion + nameof(VersionKind))
                ? TableLedgerEntity.VersionOf(row, SynchronizedVersion)
                : null,
            SynchronizedAt = synchronizedAt,
            ParkReason = row.GetInt32("NReason") is { } reason ? (ParkReason)reason : null,
            Refused = SyncRefusal.Of(row.GetString("NRefused")),
            TemplateCode = templateCode,
            TemplateStatus = templateStatus,
            LastAttempt = row.GetDateTimeOffset("NLastAt") is { } at
                ? new SyncAttempt(
                        at,
                        row.GetString("NLastRequestId") ?? requestId,
                        row.GetString("NLastCode"),
                        row.GetString("NLastMessage"),
                        row.GetString("NLastTracerId"))
                    .InRecord(synchronizedAt, templateCode, templateStatus)
                : null,
        };
    }

    /// <summary>The conditions of a filter as the service compares them, for the rows between two RowKeys.</summary>
    // CreateQueryFilter quotes every interpolation, so the names must be literal.
    public static string Query(SyncRecordFilter filter, int partition, string? after)
    {
        var (first, end) = Range(filter.IdPrefix);
        var conditions = new List<string>(8)
        {
            after is null
                ? TableClient.CreateQueryFilter($"PartitionKey eq {TableLedgerKey.PartitionKeyOf(partition)} and RowKey ge {Prefix + first}")
                : TableClient.CreateQueryFilter($"PartitionKey eq {TableLedgerKey.PartitionKeyOf(partition)} and RowKey gt {Prefix + after}"),
            TableClient.CreateQueryFilter($"RowKey lt {(end is null ? End : Prefix + end)}"),
        };
        if (filter.State is { } state) conditions.Add(TableClient.CreateQueryFilter($"NState eq {(int)state}"));
        if (filter.DueBy is { } dueBy) conditions.Add(TableClient.CreateQueryFilter($"NState eq {(int)SyncState.Pending} and NDueAt le {dueBy}"));
        if (filter.ContentType is { } type) conditions.Add(TableClient.CreateQueryFilter($"NType eq {type}"));
        if (filter.ResultCode is { } code) conditions.Add(TableClient.CreateQueryFilter($"NLastCode eq {code}"));
        if (filter.ParkReason is { } reason) conditions.Add(TableClient.CreateQueryFilter($"NReason eq {(int)reason}"));
        if (filter.From is { } from) conditions.Add(TableClient.CreateQueryFilter($"NAt ge {from}"));
        if (filter.To is { } to) conditions.Add(TableClient.CreateQueryFilter($"NAt le {to}"));
        if (filter.IsStale) conditions.Add(TableClient.CreateQueryFilter($"NStale eq {true}"));
        if (filter.IsFailing) conditions.Add(TableClient.CreateQueryFilter($"NFailing eq {true}"));
        return string.Join(" and ", conditions);
    }

    /// <summary>The RowKeys of the contentIds with a prefix: from the first, up to the second; null for no limit.</summary>
    public static (string First, string? End) Range(string? idPrefix)
    {
        if (string.IsNullOrEmpty(idPrefix)) return ("", null);
        var first = TableLedgerKey.Encode(idPrefix);
        return (first, first[..^1] + (char)(first[^1] + 1));
    }
}
