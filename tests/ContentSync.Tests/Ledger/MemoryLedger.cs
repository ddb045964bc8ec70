using System.Globalization;
using System.Runtime.CompilerServices;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>An in-memory ledger for tests, which can simulate an unavailable store.</summary>
internal sealed class MemoryLedger(TimeProvider time) : ISyncLedger, ILedgerImport
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SyncRecord> _records = new(StringComparer.Ordinal);
    private long _version;
    private long _lease;
    private DateTimeOffset? _horizon;

    /// <summary>If set, every call throws it.</summary>
    public LedgerUnavailableException? Unavailable { get; set; }

    /// <summary>Runs after each lease was written, before its caller hears of it.</summary>
    public Action? Leased { get; set; }

    public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken) =>
        Locked<IReadOnlyList<Acceptance>>(() => [.. submissions.Select(Accept)], cancellationToken);

    public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken) =>
        Locked(
            () =>
            {
                if (!_records.TryGetValue(contentId, out var current)) return new LeaseResult(LeaseStatus.NotFound, null);
                var leaseId = (++_lease).ToString(CultureInfo.InvariantCulture);
                var (next, status) = SyncTransitions.Lease(current, leaseId, time.GetUtcNow(), duration);
                var result = new LeaseResult(status, Write(next) ?? current);
                Leased?.Invoke();
                return result;
            },
            cancellationToken);

    public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken) =>
        Locked(
            () =>
            {
                if (!_records.TryGetValue(leased.ContentId, out var current)) return new RecordResult(RecordStatus.LeaseLost, leased);
                var (next, status) = SyncTransitions.Record(current, leased, outcome);
                return new RecordResult(status, Write(next) ?? current);
            },
            cancellationToken);

    public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
        Locked(
            () => _records.TryGetValue(contentId, out var current) ? Write(SyncTransitions.Replay(current, time.GetUtcNow(), delay)) : null,
            cancellationToken);

    public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
        Locked(
            () =>
            {
                if (!_records.TryGetValue(contentId, out var current)) return null;
                var (next, found) = SyncTransitions.Resend(current, time.GetUtcNow());
                return Write(next) ?? found;
            },
            cancellationToken);

    public ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
        Locked(
            () => _records.TryGetValue(contentId, out var current)
                ? Write(SyncTransitions.Refuse(current, version, code, message, time.GetUtcNow())) ?? current
                : null,
            cancellationToken);

    public ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        Locked(() => _records.GetValueOrDefault(contentId), cancellationToken);

    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var matches = await Locked<SyncRecord[]>(() => [.. _records.Values.Where(r => filter.Matches(ListedItem.Of(r)))], cancellationToken);
        foreach (var record in matches)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return record;
        }
    }

    public async ValueTask<LedgerCounts> CountAsync(CancellationToken cancellationToken)
    {
        var (counts, now) = (new LedgerCounts { SynchronizedInTheLastMinute = 0 }, time.GetUtcNow());
        await foreach (var record in ListAsync(new SyncRecordFilter(), cancellationToken))
        {
            counts.Add(ListedItem.Of(record));
            if (now - record.SynchronizedAt <= TimeSpan.FromMinutes(1)) counts.SynchronizedInTheLastMinute++;
        }

        return counts;
    }

    public ValueTask<DateTimeOffset?> HorizonAsync(CancellationToken cancellationToken) => Locked(() => _horizon, cancellationToken);

    public ValueTask<ImportCounts> ImportAsync(IReadOnlyList<SyncRecord> records, CancellationToken cancellationToken) =>
        Locked(
            () => records.Aggregate(default(ImportCounts), (counts, record) =>
            {
                var (next, own) = SyncTransitions.Import(_records.GetValueOrDefault(record.ContentId), record, time.GetUtcNow());
                Write(next);
                return counts.Plus(own);
            }),
            cancellationToken);

    public async ValueTask RaiseHorizonAsync(DateTimeOffset horizon, CancellationToken cancellationToken) =>
        await Locked(() => _horizon = _horizon >= horizon ? _horizon : horizon, cancellationToken);

    /// <summary>Forgets what is older than the horizon, and shortens histories.</summary>
    public ValueTask<MaintenanceResult> PruneAsync(DateTimeOffset horizon, DateTimeOffset oldest, CancellationToken cancellationToken) =>
        Locked(
            () =>
            {
                var forgettable = _records.Values.Where(record => RetentionRules.IsForgettable(record, horizon)).ToArray();
                foreach (var record in forgettable) _records.Remove(record.ContentId);
                if (forgettable.Length > 0 && !(_horizon >= horizon)) _horizon = horizon;
                var trimmed = _records.Values.Select(record => RetentionRules.Trim(record, oldest)).OfType<SyncRecord>().ToArray();
                foreach (var record in trimmed) Write(record);
                return new MaintenanceResult { Forgotten = forgettable.Length, Trimmed = trimmed.Length };
            },
            cancellationToken);

    private Acceptance Accept(Submission submission)
    {
        var current = _records.GetValueOrDefault(submission.Item.ContentId);
        var (next, acceptance) = SyncTransitions.Accept(current, submission, time.GetUtcNow(), _horizon);
        return next is null ? acceptance : acceptance with { Record = Write(next)! };
    }

    private SyncRecord? Write(SyncRecord? next)
    {
        if (next is null) return null;
        var written = next with { ETag = (++_version).ToString(CultureInfo.InvariantCulture) };
        _records[written.ContentId] = written;
        return written;
    }

    private ValueTask<T> Locked<T>(Func<T> act, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (Unavailable is { } fault) throw fault;
            return ValueTask.FromResult(act());
        }
    }
}

/// <summary>Forgets what a <see cref="MemoryLedger"/> need not keep any longer.</summary>
internal sealed class MemoryLedgerMaintenance(MemoryLedger ledger, RetentionOptions retention, TimeProvider time) : ILedgerMaintenance
{
    public async Task<MaintenanceResult> RunAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        return await ledger.PruneAsync(now.AddDays(-retention.DelistedDays), now.AddDays(-retention.HistoryDays), cancellationToken);
    }
}
