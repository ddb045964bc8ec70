using System.Runtime.CompilerServices;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// A ledger in one SQLite file, owned by one process. A single thread writes. All calls that arrive while the disk is busy with a
/// commit share the next one, so they pay for one durable commit together.
/// </summary>
public sealed class SqliteLedger : ISyncLedger, ILedgerImport, IAsyncDisposable
{
    private const int MaxPerCommit = 512;

    /// <summary>With at least this many items in flight, the writer waits for more calls before it commits.</summary>
    private const int MinInFlightToWait = 8;

    /// <summary>Upper bound of that wait: short compared with a call to AlipayHK, long enough for calls to share a commit.</summary>
    private static readonly TimeSpan MaxGroupWait = TimeSpan.FromMilliseconds(8);

    private readonly OwnerLock _owner;
    private readonly RecordTable _table;
    private readonly SqliteLedgerReader _reader;
    private readonly TimeProvider _time;
    private readonly long _epoch;
    private readonly object _queueLock = new();
    private readonly Queue<LedgerOperation> _waiting = new();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _hasWriterThread;
    // Number of waiting calls at which a caller pulses the writer; 0 while the writer is busy.
    private int _pulseAt;
    private long _leases;
    private bool _closing;

    private SqliteLedger(
        OwnerLock owner, RecordTable table, SqliteLedgerReader reader, TimeProvider time, long epoch, bool hasWriterThread)
    {
        _owner = owner;
        _table = table;
        _reader = reader;
        _time = time;
        _epoch = epoch;
        _hasWriterThread = hasWriterThread;
        if (hasWriterThread) new Thread(Write) { IsBackground = true, Name = "ledger writer" }.Start();
    }

    /// <summary>
    /// Opens the ledger as its owner; creates it if it does not exist. If a request of the previous owner may still take effect, because it
    /// was killed or lost power or ended soon after a timeout, the items that the ledger holds stay leased for
    /// <see cref="SqliteLedgerOptions.LateEffectWindow"/>. What AlipayHK holds of the items in flight stays unknown until the next
    /// acknowledged attempt.
    /// </summary>
    /// <exception cref="DataInUseException">Another process, or another instance in this process, owns the ledger.</exception>
    /// <exception cref="LedgerUnavailableException">
    /// The file cannot be opened, is damaged, or was written by another version of the program.
    /// </exception>
    public static Task<SqliteLedger> OpenAsync(SqliteLedgerOptions options, TimeProvider time, CancellationToken cancellationToken) =>
        Task.Run(() => Open(options, time), cancellationToken);

    /// <summary>
    /// Opens a ledger for reading, even if another process owns it. A ledger that an earlier version of the program wrote is upgraded first.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">
    /// The ledger does not exist or cannot be read, or a process of an earlier version owns it.
    /// </exception>
    public static Task<SqliteLedgerReader> OpenReadOnlyAsync(SqliteLedgerOptions options, CancellationToken cancellationToken) =>
        Task.Run(
            () =>
            {
                LedgerSchema.UpgradeFile(options);
                return SqliteLedgerReader.Open(options);
            },
            cancellationToken);

    /// <inheritdoc/>
    /// <remarks>The token is checked once, at the start; an enqueued call cannot be cancelled.</remarks>
    public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken) =>
        Enqueue(new AcceptOperation(submissions, _time), cancellationToken);

    /// <inheritdoc/>
    /// <remarks>
    /// The token is checked once, at the start; an enqueued call cannot be cancelled. Otherwise a lease could be granted to a caller
    /// that no longer waits for it.
    /// </remarks>
    public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Unique, because every owner of the file has its own epoch.
        var leaseId = $"{_epoch:x}-{Interlocked.Increment(ref _leases):x}";
        return _table.TryLease(contentId, leaseId, _time.GetUtcNow(), duration, out var result)
            ? ValueTask.FromResult(result)
            : Enqueue(new LeaseOperation(contentId, leaseId, duration, _time), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken) =>
        Enqueue(new RecordOperation(leased, outcome), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
        Enqueue(new ReplayOperation(contentId, delay, _time), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
        Enqueue(new ResendOperation(contentId, _time), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
        Enqueue(new RefuseOperation(contentId, version, code, message, _time), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        await _reader.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } record ? _table.Leases.Complete(record) : null;

    /// <inheritdoc/>
    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in _reader.ListAsync(filter, cancellationToken).ConfigureAwait(false))
            yield return _table.Leases.Complete(record);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ListedItem> ListItemsAsync(
        SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var item in _reader.ListItemsAsync(filter, cancellationToken).ConfigureAwait(false))
            yield return _table.Leases.Complete(item);
    }

    /// <inheritdoc/>
    public ValueTask<ItemPage> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken) =>
        _reader.PageAsync(filter, after, size, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<LedgerCounts> CountAsync(CancellationToken cancellationToken) =>
        await _reader.CountAsync(cancellationToken).ConfigureAwait(false) with { SynchronizedInTheLastMinute = _table.Synchronized.Read() };

    /// <inheritdoc/>
    public ValueTask<DateTimeOffset?> HorizonAsync(CancellationToken cancellationToken) => ValueTask.FromResult(_table.Horizon);

    /// <inheritdoc/>
    public ValueTask<ImportCounts> ImportAsync(IReadOnlyList<SyncRecord> records, CancellationToken cancellationToken) =>
        Enqueue(new ImportOperation(records, _time), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask RaiseHorizonAsync(DateTimeOffset horizon, CancellationToken cancellationToken) =>
        await Enqueue(new RaiseHorizonOperation(horizon), cancellationToken).ConfigureAwait(false);

    /// <summary>Forgets those of the items that are older than the horizon, and shortens the histories of the others.</summary>
    internal ValueTask<MaintenanceResult> PruneAsync(
        IReadOnlyList<string> contentIds, DateTimeOffset horizon, DateTimeOffset oldest, CancellationToken cancellationToken) =>
        Enqueue(new PruneOperation(contentIds, horizon, oldest), cancellationToken);

    /// <inheritdoc/>
    public async ValueTask CheckAsync(CancellationToken cancellationToken) =>
        await Enqueue(new CheckOperation(), cancellationToken).ConfigureAwait(false);

    /// <inheritdoc cref="SqliteLedgerReader.CountByStateAsync"/>
    public ValueTask<IReadOnlyList<StateCount>> CountByStateAsync(CancellationToken cancellationToken) =>
        _reader.CountByStateAsync(cancellationToken);

    /// <inheritdoc cref="SqliteLedgerReader.CountStaleAsync"/>
    public ValueTask<long> CountStaleAsync(CancellationToken cancellationToken) => _reader.CountStaleAsync(cancellationToken);

    /// <summary>Finishes the enqueued calls, then closes the file and releases ownership.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_queueLock)
        {
            if (_closing) return;
            _closing = true;
            Monitor.Pulse(_queueLock);
        }

        if (_hasWriterThread) await _stopped.Task.ConfigureAwait(false);
        else WriteWaiting();
        await _reader.DisposeAsync().ConfigureAwait(false);
        _table.Close();
        // The last connection to close copies the write-ahead log into the database.
        _table.Dispose();
        _owner.Dispose();
    }

    /// <summary>Writes what waits, on the thread of the caller, if the ledger has no writer thread.</summary>
    internal void WriteWaiting()
    {
        var group = new List<LedgerOperation>();
        while (TryTake(group))
        {
            Commit(group);
            group.Clear();
        }
    }

    /// <summary>As <see cref="OpenAsync"/>, on the thread of the caller.</summary>
    internal static SqliteLedger Open(SqliteLedgerOptions options, TimeProvider time)
    {
        var owner = OwnerLock.TryTake(options.Path)
            ?? throw new DataInUseException(
                $"The data in {options.Path} is in use by {SqliteLedgerReader.Owner(options)}; stop it first, or choose another folder.");
        RecordTable? table = null;
        try
        {
            table = RecordTable.Open(options, time, out var epoch);
            return new SqliteLedger(owner, table, SqliteLedgerReader.Open(options), time, epoch, options.HasWriterThread);
        }
        catch
        {
            table?.Dispose();
            owner.Dispose();
            throw;
        }
    }

    private ValueTask<T> Enqueue<T>(LedgerOperation<T> operation, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_queueLock)
        {
            ObjectDisposedException.ThrowIf(_closing, this);
            _waiting.Enqueue(operation);
            if (_waiting.Count == _pulseAt) Monitor.Pulse(_queueLock);
        }

        return operation.Result;
    }

    // Has its own thread, because it blocks on the disk, which thread-pool threads must not.
    private void Write()
    {
        var group = new List<LedgerOperation>();
        while (Next(group))
        {
            Commit(group);
            group.Clear();
        }

        _stopped.SetResult();
    }

    private bool Next(List<LedgerOperation> group)
    {
        lock (_queueLock)
        {
            _pulseAt = 1;
            while (_waiting.Count == 0)
            {
                if (_closing) return false;
                Monitor.Wait(_queueLock);
            }

            // The items in flight will soon enqueue their outcomes. A commit is worth its cost once half of them have.
            _pulseAt = Math.Min(_table.Leases.Count / 2, MaxPerCommit / 4);
            if (_pulseAt >= MinInFlightToWait / 2 && _waiting.Count < _pulseAt && !_closing) Monitor.Wait(_queueLock, MaxGroupWait);
            _pulseAt = 0;
            return TryTake(group);
        }
    }

    private bool TryTake(List<LedgerOperation> group)
    {
        lock (_queueLock)
        {
            for (var weight = 0; weight < MaxPerCommit && _waiting.TryDequeue(out var operation); weight += operation.Weight)
                group.Add(operation);
            return group.Count > 0;
        }
    }

    private void Commit(List<LedgerOperation> group)
    {
        try
        {
            _table.Begin(group.Exists(operation => operation.MustSurvivePowerLoss(_table)));
            foreach (var operation in group) { operation.Apply(_table); }
            _table.Commit();
        }
        catch (Exception fault)
        {
            // Any exception goes to the callers, and the writer continues. Each caller gets its own instance, because they throw concurrently.
            _table.Rollback();
            foreach (var operation in group) { operation.Fail(new LedgerUnavailableException(fault.Message, fault)); }
            return;
        }

        foreach (var operation in group) { operation.Complete(); }
    }
}
