using ContentSync.Ledger;

namespace ContentSync.Resync;

/// <summary>Items of the ledger whose newest version AlipayHK does not hold: pending or parked.</summary>
public sealed record OpenItems
{
    /// <summary>Max ids that are kept with a run, to find out later what has become of them.</summary>
    internal const int MaxIds = 1_000;

    /// <summary>Max items that are named with their reason.</summary>
    internal const int MaxNamed = 20;

    /// <summary>No item is open.</summary>
    public static OpenItems None { get; } = new();

    /// <summary>Accepted and not acknowledged yet; retried automatically.</summary>
    public long Pending { get; init; }

    /// <summary>Rejected by AlipayHK, or out of attempts; wait for a person.</summary>
    public long Parked { get; init; }

    /// <summary>The first of them, parked ones first.</summary>
    public IReadOnlyList<OpenItem> First { get => field ?? []; init; }

    /// <summary>The ids of all of them, up to <see cref="MaxIds"/>.</summary>
    public IReadOnlyList<string> Ids { get => field ?? []; init; }

    /// <summary>Reads them.</summary>
    /// <param name="list">Lists the ledger's items that match.</param>
    /// <param name="found">Receives every item; null for none.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public static async Task<OpenItems> ReadAsync(
        Func<SyncRecordFilter, CancellationToken, IAsyncEnumerable<ListedItem>> list, Action<ListedItem>? found, CancellationToken cancellationToken)
    {
        var (parked, pending) = (new Found(), new Found());
        // Both at once: reading what is out of sync costs a table 257 requests, whatever is found.
        await foreach (var item in list(new SyncRecordFilter { IsOutOfSync = true }, cancellationToken).ConfigureAwait(false))
        {
            // The others are stale, but AlipayHK acknowledged their newest accepted version.
            if (item.State is not (SyncState.Pending or SyncState.Parked)) continue;
            (item.State == SyncState.Parked ? parked : pending).Add(item);
            found?.Invoke(item);
        }

        return new OpenItems
        {
            Pending = pending.Count,
            Parked = parked.Count,
            First = [.. parked.First.Concat(pending.First).Take(MaxNamed)],
            Ids = [.. parked.Ids.Concat(pending.Ids).Take(MaxIds)],
        };
    }

    /// <summary>What to say about them; null if there are none.</summary>
    internal string? Sentence() => (Parked, Pending) switch
    {
        (0, 0) => null,
        (_, 0) => ParkedSentence,
        (0, _) => $"{Wording.Count(Pending, "item is pending and is", "items are pending and are")} retried automatically.",
        _ => $"{ParkedSentence} {Wording.Count(Pending, "more is pending and is", "more are pending and are")} retried automatically.",
    };

    private string ParkedSentence =>
        $"{Wording.Count(Parked, "item is", "items are")} parked: AlipayHK does not hold the newest version, and a person must act.";

    /// <summary>The items of one state.</summary>
    private sealed class Found
    {
        public long Count { get; private set; }

        public List<string> Ids { get; } = [];

        public List<OpenItem> First { get; } = [];

        public void Add(ListedItem item)
        {
            Count++;
            if (Ids.Count < MaxIds) Ids.Add(item.ContentId);
            if (First.Count < MaxNamed) First.Add(OpenItem.Of(item));
        }
    }
}

/// <param name="ContentId">The item's contentId.</param>
/// <param name="State">Pending or parked.</param>
/// <param name="Code">Code of its last attempt; null before the first one.</param>
/// <param name="Message">Message of its last attempt.</param>
public sealed record OpenItem(string ContentId, SyncState State, string? Code, string? Message)
{
    internal static OpenItem Of(ListedItem record) =>
        new(record.ContentId, record.State, record.LastAttempt?.Code, record.LastAttempt?.Message);
}
