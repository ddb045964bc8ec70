using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Ledger;

/// <summary>How many items a ledger holds, by what distinguishes them. A ledger that counts on a timer returns its last count.</summary>
public sealed record LedgerCounts
{
    /// <summary>
    /// Distinct types, codes and template statuses that are counted; AlipayHK and callers choose them. Others count as <see cref="Other"/>.
    /// </summary>
    public const int MaxNames = 100;

    /// <summary>The name of what exceeds <see cref="MaxNames"/>.</summary>
    public const string Other = "(other)";

    /// <summary>When the count of what is out of sync began; null if it is exact now.</summary>
    public DateTimeOffset? OutOfSyncAt { get; init; }

    /// <summary>When the count of everything else began; null if it is exact now.</summary>
    public DateTimeOffset? InSyncAt { get; init; }

    /// <summary>False until a ledger that counts on a timer has counted everything once; its counts are too low until then.</summary>
    public bool IsComplete { get; init; } = true;

    public Dictionary<SyncState, long> States { get; init; } = [];

    public Dictionary<ParkReason, long> ParkReasons { get; init; } = [];

    public long Stale { get; set; }

    /// <summary>Items by contentType; empty if the ledger does not count them.</summary>
    public SortedDictionary<string, long> Types { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Items that are out of sync by the code of their last attempt; empty if the ledger does not count them.</summary>
    public SortedDictionary<string, long> Codes { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Items by template status, as AlipayHK spells it; MOVIE only.</summary>
    public SortedDictionary<string, long> TemplateStatuses { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Items that AlipayHK acknowledged in the last minute; null if the ledger does not know.</summary>
    public long? SynchronizedInTheLastMinute { get; set; }

    /// <summary>Items that are pending or parked.</summary>
    [JsonIgnore]
    public long PendingAndParked => States.GetValueOrDefault(SyncState.Pending) + States.GetValueOrDefault(SyncState.Parked);

    public void Add(ListedItem item)
    {
        States[item.State] = States.GetValueOrDefault(item.State) + 1;
        if (item.ParkReason is { } reason) ParkReasons[reason] = ParkReasons.GetValueOrDefault(reason) + 1;
        if (item.IsStale) Stale++;
        Count(Types, item.ContentType, 1);
        if (item.IsOutOfSync && item.LastAttempt is { } last) Count(Codes, last.Code, 1);
        if (item.TemplateStatus is { } status) Count(TemplateStatuses, status, 1);
    }

    public void Add(LedgerCounts other)
    {
        foreach (var (state, count) in other.States) { States[state] = States.GetValueOrDefault(state) + count; }
        foreach (var (reason, count) in other.ParkReasons) { ParkReasons[reason] = ParkReasons.GetValueOrDefault(reason) + count; }
        Stale += other.Stale;
        foreach (var (type, count) in other.Types) { Count(Types, type, count); }
        foreach (var (code, count) in other.Codes) { Count(Codes, code, count); }
        foreach (var (status, count) in other.TemplateStatuses) { Count(TemplateStatuses, status, count); }
    }

    internal string ToText() => JsonSerializer.Serialize(this, LedgerCountsJson.Default.LedgerCounts);

    internal static LedgerCounts? Of(string? text) => text is null ? null : JsonSerializer.Deserialize(text, LedgerCountsJson.Default.LedgerCounts);

    private static void Count(SortedDictionary<string, long> counts, string name, long count)
    {
        if (name.Length > 64 || (counts.Count >= MaxNames && !counts.ContainsKey(name))) name = Other;
        counts[name] = counts.GetValueOrDefault(name) + count;
    }
}

[JsonSerializable(typeof(LedgerCounts))]
internal sealed partial class LedgerCountsJson : JsonSerializerContext;
