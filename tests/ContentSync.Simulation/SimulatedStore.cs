using System.Globalization;
using System.Runtime.CompilerServices;
using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>The table behind the ledger: one row per content, guarded by ETags, with a clock of its own. Never loses what it took.</summary>
internal sealed class SimulatedStore(World world)
{
    private readonly Dictionary<string, Row> _rows = new(StringComparer.Ordinal);
    private long _version;

    public int Pending { get; private set; }

    public IEnumerable<SyncRecord> Records => _rows.Values.Select(row => row.Record);

    /// <summary>The Date header: whole seconds.</summary>
    public DateTimeOffset Date => world.Time.Now.AddTicks(-(world.Time.Now.UtcTicks % TimeSpan.TicksPerSecond));

    public Row? Find(string contentId) => _rows.GetValueOrDefault(contentId);

    /// <returns>The new ETag; null where the row is not as expected.</returns>
    public string? Write(SyncRecord next, string? expectedETag, string writeId, string who)
    {
        var old = Find(next.ContentId);
        if (old?.Record.ETag != expectedETag)
        {
            world.Faults.Add(Fault.StoreConflict);
            world.Trace.Write(who, $"write of {next.ContentId} conflicts");
            return null;
        }

        var record = next with { ETag = (++_version).ToString(CultureInfo.InvariantCulture) };
        _rows[next.ContentId] = new Row(record, writeId);
        Pending += (record.State == SyncState.Pending ? 1 : 0) - (old?.Record.State == SyncState.Pending ? 1 : 0);
        world.Trace.Write(who, $"writes {Text(record)}");
        world.Judge.Written(old?.Record, record);
        return record.ETag;
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
        && (filter.ContentType is not { } type || record.ContentType == type)
        && (filter.ResultCode is not { } code || record.LastAttempt?.Code == code);

    private static string Text(SyncRecord record) =>
        $"{record.ContentId} r{record.Revision.Value % 1_000_000_000} {record.RequestId[..6]} {record.State}{record.ParkReason} attempts {record.Attempts} hop {record.Hop} due {record.DueAt - VirtualTime.Epoch:d\\.hh\\:mm\\:ss}{(record.Lease is { } lease ? $" lease {lease.LeaseId[..6]} to {lease.ExpiresAt - VirtualTime.Epoch:d\\.hh\\:mm\\:ss}" : "")} {record.LastAttempt?.Code}";

    internal sealed record Row(SyncRecord Record, string WriteId);
}

/// <summary>The ledger over the simulated store, as the Table storage ledger does it: read, apply the rules, write on condition, on a conflict again.</summary>
internal sealed class SimulatedLedger(SimulatedProcess process, World world, StoreClock clock) : ISyncLedger
{
    private const int MostTries = 20;
    private const int MostRetries = 2;

    private static readonly TimeSpan RetryWait = TimeSpan.FromMilliseconds(800);

    public async ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        var answers = new Acceptance[submissions.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            var submission = submissions[i];
            var (acceptance, record) = await SettleAsync(
                submission.Item.ContentId, stored => SyncTransitions.Accept(stored, submission, clock.GetUtcNow()), null, cancellationToken).ConfigureAwait(false);
            answers[i] = acceptance with { Record = record! };
        }

        return answers;
    }

    public async ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
    {
        var leaseId = NewId();
        var (status, record) = await SettleAsync<LeaseStatus>(
            contentId,
            stored => stored is null ? (null, LeaseStatus.NotFound) : SyncTransitions.Lease(stored, leaseId, clock.GetUtcNow(), duration),
            null,
            cancellationToken).ConfigureAwait(false);
        return new LeaseResult(status, record);
    }

    public async ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome ending, CancellationToken cancellationToken)
    {
        var (status, record) = await SettleAsync(
            leased.ContentId,
            stored => stored is null ? (null, RecordStatus.LeaseLost) : SyncTransitions.Record(stored, leased, ending),
            leased,
            cancellationToken).ConfigureAwait(false);
        return new RecordResult(status, record ?? leased);
    }

    public async ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken)
    {
        var (isReplayed, record) = await SettleAsync(
            contentId,
            stored => stored is not null && SyncTransitions.Replay(stored, clock.GetUtcNow(), delay) is { } replayed ? (replayed, true) : (null, false),
            null,
            cancellationToken).ConfigureAwait(false);
        return isReplayed ? record : null;
    }

    public async ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken)
    {
        var (isFound, record) = await SettleAsync(
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

    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        (await ReadAsync(contentId, cancellationToken).ConfigureAwait(false))?.Record;

    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var record in await CallAsync("list", () => world.Store.List(filter), cancellationToken).ConfigureAwait(false)) yield return record;
    }

    private async ValueTask<(TResult Result, SyncRecord? Record)> SettleAsync<TResult>(
        string contentId, Func<SyncRecord?, (SyncRecord? Next, TResult Result)> apply, SyncRecord? met, CancellationToken cancellationToken)
    {
        var writeId = NewId();
        SyncRecord? next = null;
        var result = default(TResult)!;
        for (var tries = 0; tries < MostTries; tries++)
        {
            var stored = met;
            if (stored is null)
            {
                var row = await ReadAsync(contentId, cancellationToken).ConfigureAwait(false);
                stored = row?.Record;

                // A write whose answer was lost.
                if (next is not null && row?.WriteId == writeId) return (result, stored);
            }

            met = null;
            (next, result) = apply(stored);
            if (next is null) return (result, stored);
            if (await WriteAsync(next, stored?.ETag, writeId, cancellationToken).ConfigureAwait(false) is { } etag) return (result, next with { ETag = etag });
        }

        throw new LedgerUnavailableException("Crowded.");
    }

    private ValueTask<SimulatedStore.Row?> ReadAsync(string contentId, CancellationToken cancellationToken) =>
        CallAsync("read", () => world.Store.Find(contentId), cancellationToken);

    // Null also where the answer to the write was lost: reading tells.
    private ValueTask<string?> WriteAsync(SyncRecord next, string? etag, string writeId, CancellationToken cancellationToken) =>
        CallAsync("write", () => world.Store.Write(next, etag, writeId, process.Name), cancellationToken);

    // As the store's client does: some retries of its own before the caller is told.
    private async ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken)
    {
        for (var tries = 0; ; tries++)
        {
            var asked = clock.GetTimestamp();
            var answer = await process.CallAsync(what, () => new Answer<T>(effect(), world.Store.Date), Go(), cancellationToken).ConfigureAwait(false);
            if (answer.Date is { } date)
            {
                clock.Observe(date, asked);
                return answer.Value;
            }

            if (tries == MostRetries) throw new LedgerUnavailableException("The store does not answer.");
            await process.CallAsync("wait", () => true, new Journey(RetryWait, TimeSpan.Zero), cancellationToken).ConfigureAwait(false);
        }
    }

    private Journey Go()
    {
        if (world.Meets(Fault.StoreOutage)) return new Journey(world.Brief(), TimeSpan.FromSeconds(2), IsLost: true);
        if (world.Strikes(Fault.StoreAnswerLost)) return new Journey(world.Brief(), TimeSpan.FromSeconds(2), IsAnswerLost: true);
        if (world.Strikes(Fault.StoreSlow)) return new Journey(world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)), world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(world.Random.Pick(20, 120))));
        return new Journey(world.Brief(), world.Brief());
    }

    private string NewId() => $"{world.Random.NextBits():x16}";

    /// <param name="Value">What the store said.</param>
    /// <param name="Date">Its time; null where no answer came.</param>
    private readonly record struct Answer<T>(T Value, DateTimeOffset? Date);
}
