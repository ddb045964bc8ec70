using System.Globalization;
using System.Runtime.CompilerServices;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>
/// What the store of the ledger holds, in the order of its writes, as the checker sees it: one row per item. It is also the store of the fast
/// double of the ledger, guarded by ETags, with its own clock.
/// </summary>
internal sealed class SimulatedStore(World world)
{
    private readonly Dictionary<string, Row> _rows = new(StringComparer.Ordinal);
    private long _version;

    public int Pending { get; private set; }

    public IEnumerable<SyncRecord> Records => _rows.Values.Select(row => row.Record);

    /// <summary>The Date header: whole seconds.</summary>
    public DateTimeOffset Date => world.Time.Now.AddTicks(-(world.Time.Now.UtcTicks % TimeSpan.TicksPerSecond));

    public Row? Find(string contentId) => _rows.GetValueOrDefault(contentId);

    /// <returns>The new ETag; null when the row does not have the expected one.</returns>
    public string? Write(SyncRecord next, string? expectedETag, string writeId, string who, Change? change)
    {
        var old = Find(next.ContentId);
        if (old?.Record.ETag != expectedETag)
        {
            world.Faults.Add(Fault.StoreConflict);
            world.Trace.Write(who, $"write of {next.ContentId} conflicts");
            return null;
        }

        var etag = (++_version).ToString(CultureInfo.InvariantCulture);
        Put(next with { ETag = etag }, who, change is null ? [] : [change], writeId);
        return etag;
    }

    /// <summary>Takes a record as it was written, and shows it to the checker.</summary>
    public void Put(SyncRecord record, string who, IReadOnlyList<Change> changes, string writeId = "")
    {
        var old = Find(record.ContentId)?.Record;
        _rows[record.ContentId] = new Row(record, writeId);
        Pending += (record.State == SyncState.Pending ? 1 : 0) - (old?.State == SyncState.Pending ? 1 : 0);
        world.Trace.Write(who, $"writes {Text(record)}");
        if (changes.Count > 0) world.Invariants.Versions.Applied(changes, record);
        world.Invariants.Written(old, record, changes.Count);
    }

    /// <summary>Takes a record as a process finds it in the file of the local host, which may be behind what the one before it wrote.</summary>
    public void Restore(SyncRecord record, IReadOnlyList<Change> changes)
    {
        var old = Find(record.ContentId)?.Record;
        _rows[record.ContentId] = new Row(record, "");
        Pending += (record.State == SyncState.Pending ? 1 : 0) - (old?.State == SyncState.Pending ? 1 : 0);
        world.Trace.Write("file", $"holds {Text(record)}");
        if (changes.Count > 0) world.Invariants.Versions.Applied(changes, record);
        world.Invariants.Restored(old, record, changes.Count);
    }

    public IReadOnlyList<SyncRecord> List(SyncRecordFilter filter)
    {
        var found = new List<SyncRecord>();
        foreach (var row in _rows.Values)
        {
            if (Matches(row.Record, filter)) found.Add(row.Record);
        }

        return found;
    }

    private static bool Matches(SyncRecord record, SyncRecordFilter filter) =>
        (filter.State is not { } state || record.State == state)
        && (filter.DueBy is not { } dueBy || (record.State == SyncState.Pending && record.DueAt <= dueBy))
        && (!filter.IsStale || record.IsStale)
        && (filter.ContentType is not { } type || record.ContentType == type)
        && (filter.ResultCode is not { } code || record.LastAttempt?.Code == code);

    private static string Text(SyncRecord record)
    {
        var lease = record.Lease is { } current ? $" lease {current.LeaseId[..Math.Min(6, current.LeaseId.Length)]} until {Elapsed(current.ExpiresAt)}" : "";
        return $"{record.ContentId} r{record.Version} {(record.IsTombstone ? "" : record.RequestId[..6])} {record.State}{record.ParkReason} "
            + $"attempts {record.Attempts} hop {record.Hop} due {Elapsed(record.DueAt)}{lease} {record.LastAttempt?.Code}";

        static string Elapsed(DateTimeOffset time) => $"{time - VirtualTime.Epoch:d\\.hh\\:mm\\:ss}";
    }

    internal sealed record Row(SyncRecord Record, string WriteId);
}

/// <summary>
/// The fast double of the ledger, for the seeds without a real one. Like the ledger on Table storage, it reads, applies the rules, writes
/// conditionally, and starts again after a conflict.
/// </summary>
internal sealed class SimulatedLedger(SimulatedProcess process, World world, StoreClock clock) : ISyncLedger
{
    private const int MaxAttempts = 20;
    private const int MaxRetries = 2;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(800);

    public async ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        var acceptances = new Acceptance[submissions.Count];
        for (var i = 0; i < acceptances.Length; i++)
        {
            var submission = submissions[i];
            var isFromCaller = submission.Version.FirstReceivedAt.Year == 1;
            Change? change = null;
            var (acceptance, record) = await CommitAsync(
                submission.Item.ContentId,
                stored =>
                {
                    var now = clock.GetUtcNow();
                    submission = submission.AcceptedAt(now);
                    var (next, decided) = SyncTransitions.Accept(stored, submission, now);
                    change = new Change(submission, now, decided.Kind, isFromCaller);
                    if (next is null) world.Invariants.Versions.Ignored(change, stored!);
                    return (next, decided);
                },
                null,
                cancellationToken,
                () => change).ConfigureAwait(false);
            acceptances[i] = acceptance with { Record = record! };
            world.Invariants.Accepted(submission.Item, acceptances[i]);
            world.Trace.Write(process.Name, $"{submission.Item.ContentId} r{submission.Version} is {acceptance.Kind}");
        }

        return acceptances;
    }

    public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken) =>
        LeaseAsync(contentId, null, duration, cancellationToken);

    public ValueTask<LeaseResult> LeaseAsync(SyncRecord accepted, TimeSpan duration, CancellationToken cancellationToken) =>
        LeaseAsync(accepted.ContentId, accepted, duration, cancellationToken);

    private async ValueTask<LeaseResult> LeaseAsync(
        string contentId, SyncRecord? accepted, TimeSpan duration, CancellationToken cancellationToken)
    {
        process.LaneRate.Begins(contentId);
        if (accepted is not null && SyncTransitions.Lease(accepted, "0", clock.GetUtcNow(), duration).Next is null) accepted = null;
        var leaseId = NewId();
        var (status, record) = await CommitAsync<LeaseStatus>(
            contentId,
            stored => stored is null ? (null, LeaseStatus.NotFound) : SyncTransitions.Lease(stored, leaseId, clock.GetUtcNow(), duration),
            accepted,
            cancellationToken).ConfigureAwait(false);
        return new LeaseResult(status, record);
    }

    public async ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken)
    {
        var (status, record) = await CommitAsync(
            leased.ContentId,
            stored => stored is null ? (null, RecordStatus.LeaseLost) : SyncTransitions.Record(stored, leased, outcome),
            leased,
            cancellationToken).ConfigureAwait(false);
        return new RecordResult(status, record ?? leased);
    }

    public async ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken)
    {
        var (isReplayed, record) = await CommitAsync(
            contentId,
            stored => stored is not null && SyncTransitions.Replay(stored, clock.GetUtcNow(), delay) is { } replayed
                ? (replayed, true)
                : (null, false),
            null,
            cancellationToken).ConfigureAwait(false);
        return isReplayed ? record : null;
    }

    public async ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken)
    {
        var (isFound, record) = await CommitAsync(
            contentId,
            stored =>
            {
                if (stored is null) return (null, false);
                var (next, found) = SyncTransitions.Resend(stored, clock.GetUtcNow());
                return (next, found is not null);
            },
            null,
            cancellationToken).ConfigureAwait(false);
        return isFound ? record : null;
    }

    public async ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken)
    {
        var (_, record) = await CommitAsync(
            contentId,
            stored =>
            {
                var now = clock.GetUtcNow();
                version = version.AcceptedAt(now);
                var next = stored is null ? null : SyncTransitions.Refuse(stored, version, code, message, now);
                if (stored is not null) world.Invariants.Versions.Refused(version, now, stored, next);
                return (next, stored is not null);
            },
            null,
            cancellationToken).ConfigureAwait(false);
        return record;
    }

    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        (await ReadAsync(contentId, cancellationToken).ConfigureAwait(false))?.Record;

    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var records = await CallAsync("list", () => world.Store.List(filter), cancellationToken).ConfigureAwait(false);
        foreach (var record in records) yield return record;
    }

    private async ValueTask<(TResult Result, SyncRecord? Record)> CommitAsync<TResult>(
        string contentId,
        Func<SyncRecord?, (SyncRecord? Next, TResult Result)> apply,
        SyncRecord? current,
        CancellationToken cancellationToken,
        Func<Change?>? change = null)
    {
        var writeId = NewId();
        SyncRecord? next = null;
        var result = default(TResult)!;
        for (var attempts = 0; attempts < MaxAttempts; attempts++)
        {
            var stored = current;
            if (stored is null)
            {
                var row = await ReadAsync(contentId, cancellationToken).ConfigureAwait(false);
                stored = row?.Record;

                // Our previous write succeeded but its response was lost; this attempt would conflict with it.
                if (next is not null && row?.WriteId == writeId) return (result, stored);
            }

            current = null;
            (next, result) = apply(stored);
            if (next is null) return (result, stored);
            if (await WriteAsync(next, stored?.ETag, writeId, change?.Invoke(), cancellationToken).ConfigureAwait(false) is { } etag)
                return (result, next with { ETag = etag });
        }

        throw new LedgerUnavailableException("Too many conflicts.");
    }

    private ValueTask<SimulatedStore.Row?> ReadAsync(string contentId, CancellationToken cancellationToken) =>
        CallAsync("read", () => world.Store.Find(contentId), cancellationToken);

    // Also null when the response to the write was lost; reading the row shows whether the write succeeded.
    private ValueTask<string?> WriteAsync(SyncRecord next, string? etag, string writeId, Change? change, CancellationToken cancellationToken) =>
        CallAsync("write", () => world.Store.Write(next, etag, writeId, process.Name, change), cancellationToken);

    // Like the client of the store: retries a few times before it reports an error.
    private async ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken)
    {
        for (var retries = 0; ; retries++)
        {
            var sent = clock.GetTimestamp();
            var response = await process.CallAsync(what, () => new Response<T>(effect(), world.Store.Date), NextCall(), cancellationToken)
                .ConfigureAwait(false);
            if (response.Date is { } date)
            {
                clock.Observe(date, sent);
                return response.Value;
            }

            if (retries == MaxRetries) throw new LedgerUnavailableException("The store does not respond.");
            await process.CallAsync("wait", () => true, new CallBehavior(RetryDelay, TimeSpan.Zero), cancellationToken).ConfigureAwait(false);
        }
    }

    private CallBehavior NextCall()
    {
        if (world.InjectOutage(Fault.StoreOutage)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), IsLost: true);
        if (world.Inject(Fault.StoreResponseLost)) return new CallBehavior(world.ShortDelay(), TimeSpan.FromSeconds(2), IsResponseLost: true);
        return world.Inject(Fault.StoreSlow) ? NextSlowCall() : new CallBehavior(world.ShortDelay(), world.ShortDelay());
    }

    private CallBehavior NextSlowCall() => new(
        world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)),
        world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(world.Random.Pick(20, 120))));

    private string NewId() => $"{world.Random.NextBits():x16}";

    /// <param name="Value">Result of the call.</param>
    /// <param name="Date">Time of the store; null when there was no response.</param>
    private readonly record struct Response<T>(T Value, DateTimeOffset? Date);
}
