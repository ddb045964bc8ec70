using System.Runtime.CompilerServices;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The ledger in one SQLite file, owned by one process. One thread writes: whatever calls came in while the disk was busy with
/// the last commit go into the next one together, so a durable commit is paid for once by all of them.
/// </summary>
public sealed class SqliteLedger : ISyncLedger, IAsyncDisposable
{
    private const int MostPerCommit = 512;

    /// <summary>From so many contents in flight on, the writer waits a moment for company before it commits.</summary>
    private const int ManyInFlight = 8;

    /// <summary>How long, at most: short against a call to AlipayHK, long enough to share a commit among the calls of that time.</summary>
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(8);

    private readonly OwnerLock _owner;
    private readonly RecordTable _table;
    private readonly SqliteLedgerReader _reader;
    private readonly TimeProvider _time;
    private readonly long _epoch;
    private readonly object _gate = new();
    private readonly Queue<LedgerOperation> _waiting = new();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _company;
    private long _leases;
    private bool _closing;

    private SqliteLedger(OwnerLock owner, RecordTable table, SqliteLedgerReader reader, TimeProvider time, long epoch)
    {
        _owner = owner;
        _table = table;
        _reader = reader;
        _time = time;
        _epoch = epoch;
        new Thread(Write) { IsBackground = true, Name = "ledger writer" }.Start();
    }

    /// <summary>
    /// Opens the ledger as its owner, and makes it where there is none. The leases of an owner who was killed
    /// are gone with it; what AlipayHK holds of those contents stays unknown.
    /// </summary>
    /// <exception cref="DataInUseException">Another process, or another ledger in this one, owns it.</exception>
    /// <exception cref="LedgerUnavailableException">It cannot be opened, is damaged, or is a newer program's.</exception>
    public static Task<SqliteLedger> OpenAsync(SqliteLedgerOptions options, TimeProvider time, CancellationToken cancellationToken) =>
        Task.Run(() => Open(options, time), cancellationToken);

    /// <summary>Opens a ledger for reading, whoever owns it.</summary>
    /// <exception cref="LedgerUnavailableException">There is none, or it cannot be read.</exception>
    public static Task<SqliteLedgerReader> OpenReadOnlyAsync(SqliteLedgerOptions options, CancellationToken cancellationToken) =>
        Task.Run(() => SqliteLedgerReader.Open(options), cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Once begun it is not cancelled: the token is looked at before.</remarks>
    public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken) =>
        Enqueue(new AcceptOperation(submissions, _time), cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Once begun it is not cancelled: a lease is never granted to a caller who no longer waits for it.</remarks>
    public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // No two leases share an id: each owner of the file has an epoch of its own.
        var leaseId = $"{_epoch:x}-{Interlocked.Increment(ref _leases):x}";
        return _table.TryLease(contentId, leaseId, _time.GetUtcNow(), duration, out var answer)
            ? ValueTask.FromResult(answer)
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
    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        await _reader.FindAsync(contentId, cancellationToken) is { } record ? _table.Leases.Complete(record) : null;

    /// <inheritdoc/>
    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var record in _reader.ListAsync(filter, cancellationToken)) { yield return _table.Leases.Complete(record); }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<SyncRecord>> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken) => _reader.PageAsync(filter, after, size, cancellationToken);

    /// <inheritdoc cref="SqliteLedgerReader.CountByStateAsync"/>
    public ValueTask<IReadOnlyList<StateCount>> CountByStateAsync(CancellationToken cancellationToken) => _reader.CountByStateAsync(cancellationToken);

    /// <summary>Finishes what was called before, then closes the file and gives up ownership.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            if (_closing) return;
            _closing = true;
            Monitor.Pulse(_gate);
        }

        await _stopped.Task;
        await _reader.DisposeAsync();
        // Last of the connections, so that closing it empties the write-ahead log into the file.
        _table.Dispose();
        _owner.Dispose();
    }

    private static SqliteLedger Open(SqliteLedgerOptions options, TimeProvider time)
    {
        var owner = OwnerLock.TryTake(options.Path)
            ?? throw new DataInUseException($"The data in {options.Path} is in use by {SqliteLedgerReader.Owner(options)}; stop it first, or choose another folder.");
        RecordTable? table = null;
        try
        {
            table = RecordTable.Open(options, time, out var epoch);
            return new SqliteLedger(owner, table, SqliteLedgerReader.Open(options), time, epoch);
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
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closing, this);
            _waiting.Enqueue(operation);
            if (_waiting.Count == _company) Monitor.Pulse(_gate);
        }

        return operation.Result;
    }

    // A thread of its own: it blocks on the disk, which threads of the pool must not.
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
        lock (_gate)
        {
            _company = 1;
            while (_waiting.Count == 0)
            {
                if (_closing) return false;
                Monitor.Wait(_gate);
            }

            // What is in flight comes back here soon: half of it makes a commit worth its price.
            _company = Math.Min(_table.Leases.Count / 2, MostPerCommit / 4);
            if (_company >= ManyInFlight / 2 && _waiting.Count < _company && !_closing) Monitor.Wait(_gate, Moment);
            _company = 0;
            for (var weight = 0; weight < MostPerCommit && _waiting.TryDequeue(out var operation); weight += operation.Weight) { group.Add(operation); }
            return true;
        }
    }

    private void Commit(List<LedgerOperation> group)
    {
        try
        {
            _table.Begin(group.Exists(operation => operation.MustSurvivePowerLoss));
            foreach (var operation in group) { operation.Apply(_table); }
            _table.Commit();
        }
        catch (Exception fault)
        {
            // Whatever it is, the callers get it and the writer goes on. Each throws an exception of its own: they throw at the same time.
            _table.Rollback();
            foreach (var operation in group) { operation.Fail(new LedgerUnavailableException(fault.Message, fault)); }
            return;
        }

        foreach (var operation in group) { operation.Complete(); }
    }
}
