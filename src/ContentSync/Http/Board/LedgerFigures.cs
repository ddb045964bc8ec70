using ContentSync.AlipayHk;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Board;

/// <summary>What the board shows of the ledger.</summary>
/// <param name="At">When the oldest of the counts began.</param>
internal sealed record LedgerFigures(DateTimeOffset At)
{
    /// <inheritdoc cref="LedgerCounts.IsComplete"/>
    public bool IsComplete { get; init; } = true;

    public Dictionary<string, long> States { get; } = ZeroCounts<SyncState>();

    public Dictionary<string, long> ParkReasons { get; } = ZeroCounts<ParkReason>();

    /// <summary>Items by contentType.</summary>
    public IReadOnlyDictionary<string, long> Types { get; init; } = new Dictionary<string, long>();

    /// <summary>Items by template status, as AlipayHK spells it; MOVIE only.</summary>
    public SortedDictionary<string, long> TemplateStatuses { get; } = new(StringComparer.Ordinal);

    /// <summary>Items of which AlipayHK holds an older version, because a newer one was refused.</summary>
    public long Stale { get; set; }

    /// <summary>The stale item whose newer version was refused first.</summary>
    public ListedItem? OldestStale { get; set; }

    public ListedItem? OldestPending { get; set; }

    /// <summary>Items that AlipayHK acknowledged in the last minute; null if the ledger does not know.</summary>
    public long? SynchronizedInTheLastMinute { get; set; }

    /// <summary>Newest first.</summary>
    public required IReadOnlyList<ListedItem> NewestFailures { get; init; }

    /// <summary>What keeps items from being in sync, by park reason and result code; the most frequent first.</summary>
    public required IReadOnlyList<FailureCause> Causes { get; init; }

    // Lists every name, even with a count of zero: a missing figure looks like an unknown one.
    private static Dictionary<string, long> ZeroCounts<T>()
        where T : struct, Enum => Enum.GetValues<T>().ToDictionary(EnumText.Of, _ => 0L, StringComparer.Ordinal);
}

/// <summary>Items that are not in sync for the same reason.</summary>
/// <param name="ParkReason">Null for pending items, which are retried automatically.</param>
/// <param name="Code">Code of each item's last attempt.</param>
internal sealed record FailureCause(ParkReason? ParkReason, string Code)
{
    private const int MaxExamples = 3;

    private readonly List<ListedItem> _examples = [];

    public long Count { get; private set; }

    /// <summary>End of the earliest of these last attempts.</summary>
    public DateTimeOffset Since { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>The items that failed last, newest first.</summary>
    public IReadOnlyList<ListedItem> Examples => _examples;

    public void Add(ListedItem item, DateTimeOffset at)
    {
        Count++;
        if (at < Since) Since = at;
        var place = _examples.FindIndex(example => example.LastAttempt!.At < at);
        if (place < 0) place = _examples.Count;
        if (place == MaxExamples) return;
        _examples.Insert(place, item);
        if (_examples.Count > MaxExamples) _examples.RemoveAt(MaxExamples);
    }
}

/// <summary>
/// Reads the ledger for the board: once for all viewers, at most once per <see cref="Interval"/>, and so rarely that reading takes at most
/// about a tenth of the time, however large the ledger grows. Thread-safe.
/// </summary>
public sealed class LedgerFiguresReader(ISyncLedger ledger, [FromKeyedServices(Clocks.Store)] TimeProvider time) : IDisposable
{
    /// <summary>Minimum time between two reads.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Items that are out of sync and are read one by one. If there are more, as during a resync of a whole catalog, their numbers are
    /// those of the ledger's last count, and only items that failed are read.
    /// </summary>
    public const int MaxExact = 10_000;

    private const int MaxFailures = 8;
    private const int MaxCauses = 200;
    private const int MaxCausesShown = 20;
    private const int MaxTemplateStatuses = 20;
    private const int MaxTemplateStatusLength = 32;

    // A tombstone has no type: no item with its id was ever accepted.
    private const string WithoutType = "(tombstone)";

    // Figures are kept for this many times as long as it took to read them.
    private const int KeepFactor = 10;

    private readonly SemaphoreSlim _lock = new(1, 1);
    private LedgerFigures? _last;
    private long _readAt;
    private TimeSpan _keep;

    /// <exception cref="LedgerUnavailableException">The ledger is unavailable.</exception>
    internal async ValueTask<LedgerFigures> ReadAsync(CancellationToken cancellationToken)
    {
        await _lock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_last is not null && time.GetElapsedTime(_readAt) < _keep) return _last;
            var start = time.GetTimestamp();
            _last = await ReadAsync(ledger.ListItemsAsync, ledger.CountAsync, time.GetUtcNow(), cancellationToken).ConfigureAwait(false);
            _readAt = time.GetTimestamp();
            _keep = KeepFactor * time.GetElapsedTime(start, _readAt);
            if (_keep < Interval) _keep = Interval;
            return _last;
        }
        finally
        {
            _lock.Release();
        }
    }

    public void Dispose() => _lock.Dispose();

    /// <param name="list">Lists the ledger's items that match.</param>
    /// <param name="count">Counts its items.</param>
    /// <param name="now">The time of the read.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    internal static async Task<LedgerFigures> ReadAsync(
        Func<SyncRecordFilter, CancellationToken, IAsyncEnumerable<ListedItem>> list,
        Func<CancellationToken, ValueTask<LedgerCounts>> count,
        DateTimeOffset now,
        CancellationToken cancellationToken)
    {
        var counts = await count(cancellationToken).ConfigureAwait(false);
        if (counts.PendingAndParked <= MaxExact)
        {
            var all = list(new SyncRecordFilter { IsOutOfSync = true }, cancellationToken);
            if (await CollectAsync(all, now).ConfigureAwait(false) is { IsCut: false } exact) return exact.With(counts);
        }

        var failing = await CollectAsync(list(new SyncRecordFilter { IsFailing = true }, cancellationToken), now).ConfigureAwait(false);
        return failing.WithCountsOf(counts);
    }

    private static async Task<Collected> CollectAsync(IAsyncEnumerable<ListedItem> items, DateTimeOffset now)
    {
        var collected = new Collected(now);
        await foreach (var item in items.ConfigureAwait(false))
        {
            if (collected.Read == MaxExact)
            {
                collected.IsCut = true;
                break;
            }

            collected.Add(item);
        }

        return collected;
    }

    /// <summary>What is out of sync, as far as it was read.</summary>
    private sealed class Collected(DateTimeOffset now)
    {
        private readonly LedgerFigures _figures = new(now) { NewestFailures = [], Causes = [] };
        private readonly PriorityQueue<ListedItem, DateTimeOffset> _failures = new();
        private readonly Dictionary<(ParkReason?, string), FailureCause> _causes = [];

        public int Read { get; private set; }

        public bool IsCut { get; set; }

        public void Add(ListedItem item)
        {
            Read++;
            if (item.State is SyncState.Pending or SyncState.Parked) _figures.States[EnumText.Of(item.State)]++;
            if (item.Refused is { } refusal)
            {
                _figures.Stale++;
                if (_figures.OldestStale?.Refused is not { } earliest || refusal.At < earliest.At) _figures.OldestStale = item;
            }

            if (item.ParkReason is { } reason) _figures.ParkReasons[EnumText.Of(reason)]++;
            if (item.State == SyncState.Pending && (_figures.OldestPending is not { } oldest || item.AcceptedAt < oldest.AcceptedAt))
                _figures.OldestPending = item;
            if (item.State == SyncState.Synchronized || item.LastAttempt is not { } attempt || attempt.Code == ResultCodes.Success) return;
            // Bounded, because AlipayHK chooses the codes.
            var code = _causes.Count < MaxCauses || _causes.ContainsKey((item.ParkReason, attempt.Code)) ? attempt.Code : "";
            if (!_causes.TryGetValue((item.ParkReason, code), out var group))
                _causes[(item.ParkReason, code)] = group = new FailureCause(item.ParkReason, code);
            group.Add(item, attempt.At);
            _failures.Enqueue(item, attempt.At);
            if (_failures.Count > MaxFailures) _failures.Dequeue();
        }

        /// <summary>The figures with exact numbers of what is out of sync.</summary>
        public LedgerFigures With(LedgerCounts counts)
        {
            foreach (var state in (SyncState[])[SyncState.Synchronized, SyncState.Tombstone])
                _figures.States[EnumText.Of(state)] = counts.States.GetValueOrDefault(state);
            return Complete(counts, counts.InSyncAt);
        }

        /// <summary>The figures with the numbers of a count.</summary>
        public LedgerFigures WithCountsOf(LedgerCounts counts)
        {
            foreach (var state in Enum.GetValues<SyncState>()) { _figures.States[EnumText.Of(state)] = counts.States.GetValueOrDefault(state); }
            foreach (var reason in Enum.GetValues<ParkReason>())
                _figures.ParkReasons[EnumText.Of(reason)] = counts.ParkReasons.GetValueOrDefault(reason);
            _figures.Stale = counts.Stale;
            // Items that wait for their first attempt were not read, and the oldest may be one of them.
            _figures.OldestPending = null;
            return Complete(counts, counts.OutOfSyncAt < counts.InSyncAt ? counts.OutOfSyncAt : counts.InSyncAt);
        }

        private LedgerFigures Complete(LedgerCounts counts, DateTimeOffset? countedAt)
        {
            foreach (var (status, number) in counts.TemplateStatuses.Where(s => s.Key.Length <= MaxTemplateStatusLength).Take(MaxTemplateStatuses))
                _figures.TemplateStatuses[status] = number;
            _figures.SynchronizedInTheLastMinute = counts.SynchronizedInTheLastMinute;
            return _figures with
            {
                At = countedAt ?? now,
                IsComplete = counts.IsComplete,
                Types = counts.Types.ToDictionary(
                    type => type.Key.Length == 0 ? WithoutType : type.Key, type => type.Value, StringComparer.Ordinal),
                NewestFailures = [.. _failures.UnorderedItems.OrderByDescending(entry => entry.Priority).Select(entry => entry.Element)],
                Causes = [.. _causes.Values.OrderByDescending(cause => cause.Count).ThenByDescending(cause => cause.Since).Take(MaxCausesShown)],
            };
        }
    }
}
