using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Http.Board;

/// <summary>What a reading of the whole ledger came to.</summary>
/// <param name="At">When it began.</param>
internal sealed record LedgerFigures(DateTimeOffset At)
{
    public Dictionary<string, long> States { get; } = Spelled<SyncState>();

    public Dictionary<string, long> ParkReasons { get; } = Spelled<ParkReason>();

    /// <summary>As AlipayHK wrote it; MOVIE only.</summary>
    public SortedDictionary<string, long> TemplateStatuses { get; } = new(StringComparer.Ordinal);

    public SyncRecord? OldestPending { get; set; }

    /// <summary>Acknowledged in the minute before <see cref="At"/>.</summary>
    public long SynchronizedInTheLastMinute { get; set; }

    /// <summary>Newest first.</summary>
    public required IReadOnlyList<SyncRecord> NewestFailures { get; init; }

    // Every name is there, also with none in it: a figure that is missing looks like one that is not known.
    private static Dictionary<string, long> Spelled<T>()
        where T : struct, Enum => Enum.GetValues<T>().ToDictionary(EnumText.Of, _ => 0L, StringComparer.Ordinal);
}

/// <summary>
/// Reads the ledger for the board: once for all who look, no more often than <see cref="Interval"/>, and so seldom that it takes a
/// small share of the ledger's time however large that has grown. Thread-safe.
/// </summary>
public sealed class LedgerFiguresReader(ISyncLedger ledger, TimeProvider time) : IDisposable
{
    /// <summary>Least time between two readings.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private const int MostFailures = 8;
    private const int ShareOfTime = 10;
    private const int MostTemplateStatuses = 20;

    private readonly SemaphoreSlim _one = new(1, 1);
    private LedgerFigures? _last;
    private long _readAt;
    private TimeSpan _keep;

    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    internal async ValueTask<LedgerFigures> ReadAsync(CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_last is not null && time.GetElapsedTime(_readAt) < _keep) return _last;
            var begun = time.GetTimestamp();
            _last = await CountAsync(ledger.ListAsync(new SyncRecordFilter(), cancellationToken), time.GetUtcNow()).ConfigureAwait(false);
            _readAt = time.GetTimestamp();
            _keep = ShareOfTime * time.GetElapsedTime(begun, _readAt);
            if (_keep < Interval) _keep = Interval;
            return _last;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    /// <summary>Counts records.</summary>
    internal static async Task<LedgerFigures> CountAsync(IAsyncEnumerable<SyncRecord> records, DateTimeOffset now)
    {
        var failures = new PriorityQueue<SyncRecord, DateTimeOffset>();
        var figures = new LedgerFigures(now) { NewestFailures = [] };
        await foreach (var record in records.ConfigureAwait(false))
        {
            figures.States[EnumText.Of(record.State)]++;
            if (record.ParkReason is { } reason) figures.ParkReasons[EnumText.Of(reason)]++;
            if (record.TemplateStatus is { Length: <= 32 } status && (figures.TemplateStatuses.Count < MostTemplateStatuses || figures.TemplateStatuses.ContainsKey(status)))
                figures.TemplateStatuses[status] = figures.TemplateStatuses.GetValueOrDefault(status) + 1;
            if (record.SynchronizedAt is { } at && now - at <= TimeSpan.FromMinutes(1)) figures.SynchronizedInTheLastMinute++;
            if (record.State == SyncState.Pending && (figures.OldestPending is null || record.AcceptedAt < figures.OldestPending.AcceptedAt)) figures.OldestPending = record;
            if (record.State == SyncState.Synchronized || record.LastAttempt is not { } attempt || attempt.Code == ResultCodes.Success) continue;
            failures.Enqueue(record, attempt.At);
            if (failures.Count > MostFailures) failures.Dequeue();
        }

        return figures with { NewestFailures = [.. failures.UnorderedItems.OrderByDescending(entry => entry.Priority).Select(entry => entry.Element)] };
    }
}
