using ContentSync.AlipayHk;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Http.Board;

/// <summary>Figures of a read of the whole ledger.</summary>
/// <param name="At">When the read began.</param>
internal sealed record LedgerFigures(DateTimeOffset At)
{
    public Dictionary<string, long> States { get; } = ZeroCounts<SyncState>();

    public Dictionary<string, long> ParkReasons { get; } = ZeroCounts<ParkReason>();

    /// <summary>Items by template status, as AlipayHK spells it; MOVIE only.</summary>
    public SortedDictionary<string, long> TemplateStatuses { get; } = new(StringComparer.Ordinal);

    public SyncRecord? OldestPending { get; set; }

    /// <summary>Items that AlipayHK acknowledged in the minute before <see cref="At"/>.</summary>
    public long SynchronizedInTheLastMinute { get; set; }

    /// <summary>Newest first.</summary>
    public required IReadOnlyList<SyncRecord> NewestFailures { get; init; }

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

    private readonly List<SyncRecord> _examples = [];

    public long Count { get; private set; }

    /// <summary>End of the earliest of these last attempts.</summary>
    public DateTimeOffset Since { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>The items that failed last, newest first.</summary>
    public IReadOnlyList<SyncRecord> Examples => _examples;

    public void Add(SyncRecord record, DateTimeOffset at)
    {
        Count++;
        if (at < Since) Since = at;
        var place = _examples.FindIndex(example => example.LastAttempt!.At < at);
        if (place < 0) place = _examples.Count;
        if (place == MaxExamples) return;
        _examples.Insert(place, record);
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

    private const int MaxFailures = 8;
    private const int MaxCauses = 200;
    private const int MaxCausesShown = 20;
    private const int MaxTemplateStatuses = 20;
    private const int MaxTemplateStatusLength = 32;

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
            _last = await CountAsync(ledger.ListAsync(new SyncRecordFilter(), cancellationToken), time.GetUtcNow()).ConfigureAwait(false);
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

    internal static async Task<LedgerFigures> CountAsync(IAsyncEnumerable<SyncRecord> records, DateTimeOffset now)
    {
        var failures = new PriorityQueue<SyncRecord, DateTimeOffset>();
        var figures = new LedgerFigures(now) { NewestFailures = [], Causes = [] };
        var causes = new Dictionary<(ParkReason?, string), FailureCause>();
        await foreach (var record in records.ConfigureAwait(false))
        {
            figures.States[EnumText.Of(record.State)]++;
            if (record.ParkReason is { } reason) figures.ParkReasons[EnumText.Of(reason)]++;
            CountTemplateStatus(figures.TemplateStatuses, record.TemplateStatus);
            if (record.SynchronizedAt is { } at && now - at <= TimeSpan.FromMinutes(1)) figures.SynchronizedInTheLastMinute++;
            if (record.State == SyncState.Pending && (figures.OldestPending is not { } oldest || record.AcceptedAt < oldest.AcceptedAt))
                figures.OldestPending = record;
            if (record.State == SyncState.Synchronized || record.LastAttempt is not { } attempt || attempt.Code == ResultCodes.Success) continue;
            // Bounded, because AlipayHK chooses the codes.
            var cause = (record.ParkReason, causes.Count < MaxCauses || causes.ContainsKey((record.ParkReason, attempt.Code)) ? attempt.Code : "");
            if (!causes.TryGetValue(cause, out var group)) causes[cause] = group = new FailureCause(cause.ParkReason, cause.Item2);
            group.Add(record, attempt.At);
            failures.Enqueue(record, attempt.At);
            if (failures.Count > MaxFailures) failures.Dequeue();
        }

        var newestFirst = failures.UnorderedItems.OrderByDescending(entry => entry.Priority).Select(entry => entry.Element);
        return figures with
        {
            NewestFailures = [.. newestFirst],
            Causes = [.. causes.Values.OrderByDescending(cause => cause.Count).ThenByDescending(cause => cause.Since).Take(MaxCausesShown)],
        };
    }

    // Bounded, because AlipayHK chooses the texts.
    private static void CountTemplateStatus(SortedDictionary<string, long> counts, string? status)
    {
        if (status is not { Length: <= MaxTemplateStatusLength }) return;
        if (counts.Count < MaxTemplateStatuses || counts.ContainsKey(status)) counts[status] = counts.GetValueOrDefault(status) + 1;
    }
}
