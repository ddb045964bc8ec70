using System.Threading.Tasks.Sources;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>A call that waits for the writer thread.</summary>
internal abstract class LedgerOperation
{
    /// <summary>Approximate number of records that the operation writes.</summary>
    public virtual int Weight => 1;

    /// <summary>Whether the write must be safe from a power loss before the call returns. Called before the transaction begins.</summary>
    public virtual bool MustSurvivePowerLoss(RecordTable table) => true;

    /// <summary>Runs in the open transaction and keeps the result until <see cref="Complete"/>.</summary>
    /// <exception cref="LedgerUnavailableException">The whole transaction failed.</exception>
    public abstract void Apply(RecordTable table);

    /// <summary>Returns the result to the caller, after the commit.</summary>
    public abstract void Complete();

    public abstract void Fail(Exception fault);
}

/// <summary>An operation that is its own awaitable, which saves a task per call. Await it only once.</summary>
internal abstract class LedgerOperation<T> : LedgerOperation, IValueTaskSource<T>
{
    // The caller's continuation must not run on the writer thread.
    private ManualResetValueTaskSourceCore<T> _source = new() { RunContinuationsAsynchronously = true };
    private T _result = default!;
    private Exception? _fault;

    public ValueTask<T> Result => new(this, _source.Version);

    public sealed override void Apply(RecordTable table)
    {
        try
        {
            _result = Run(table);
        }
        catch (Exception fault) when (fault is not LedgerUnavailableException)
        {
            // The caller's own code threw (it prepares the request), so only this call fails.
            _fault = fault;
        }
    }

    public sealed override void Complete()
    {
        if (_fault is null) { _source.SetResult(_result); }
        else { _source.SetException(_fault); }
    }

    public sealed override void Fail(Exception fault) => _source.SetException(fault);

    T IValueTaskSource<T>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    protected abstract T Run(RecordTable table);
}

internal sealed class AcceptOperation(IReadOnlyList<Submission> submissions, TimeProvider time) : LedgerOperation<IReadOnlyList<Acceptance>>
{
    public override int Weight => submissions.Count;

    protected override IReadOnlyList<Acceptance> Run(RecordTable table)
    {
        var results = new Acceptance[submissions.Count];
        for (var i = 0; i < results.Length; i++) { results[i] = Accept(table, submissions[i]); }
        return results;
    }

    private Acceptance Accept(RecordTable table, Submission submission)
    {
        lock (table.Rows)
        {
            var current = table.Find(submission.Item.ContentId);
            var (next, acceptance) = SyncTransitions.Accept(current?.Record, submission, time.GetUtcNow(), table.Horizon);
            if (next is null) return acceptance;
            return acceptance with { Record = current is { } row ? table.Update(row, next) : table.Insert(next).Record };
        }
    }
}

internal sealed class LeaseOperation(string contentId, string leaseId, TimeSpan duration, TimeProvider time) : LedgerOperation<LeaseResult>
{
    public override bool MustSurvivePowerLoss(RecordTable table) => table.MayClearSynchronizedHash(contentId);

    protected override LeaseResult Run(RecordTable table)
    {
        lock (table.Rows)
        {
            if (table.Find(contentId) is not { } row) return new LeaseResult(LeaseStatus.NotFound, null);
            var (next, status) = SyncTransitions.Lease(row.Record, leaseId, time.GetUtcNow(), duration);
            return new LeaseResult(status, next is null ? row.Record : table.Lease(row, next));
        }
    }
}

internal sealed class RecordOperation(SyncRecord leased, AttemptOutcome outcome) : LedgerOperation<RecordResult>
{
    public override bool MustSurvivePowerLoss(RecordTable table) => false;

    protected override RecordResult Run(RecordTable table)
    {
        lock (table.Rows)
        {
            if (table.Find(leased.ContentId) is not { } row) return new RecordResult(RecordStatus.LeaseLost, leased);
            var (next, status) = SyncTransitions.Record(row.Record, leased, outcome);
            return new RecordResult(status, next is null ? row.Record : table.Update(row, next));
        }
    }
}

internal sealed class ReplayOperation(string contentId, TimeSpan delay, TimeProvider time) : LedgerOperation<SyncRecord?>
{
    protected override SyncRecord? Run(RecordTable table)
    {
        lock (table.Rows)
        {
            if (table.Find(contentId) is not { } row) return null;
            return SyncTransitions.Replay(row.Record, time.GetUtcNow(), delay) is { } next ? table.Update(row, next) : null;
        }
    }
}

internal sealed class ResendOperation(string contentId, TimeProvider time) : LedgerOperation<SyncRecord?>
{
    protected override SyncRecord? Run(RecordTable table)
    {
        lock (table.Rows)
        {
            if (table.Find(contentId) is not { } row) return null;
            var (next, found) = SyncTransitions.Resend(row.Record, time.GetUtcNow());
            return next is null ? found : table.Update(row, next);
        }
    }
}

/// <summary>Takes records of another ledger.</summary>
internal sealed class ImportOperation(IReadOnlyList<SyncRecord> records, TimeProvider time) : LedgerOperation<ImportCounts>
{
    public override int Weight => records.Count;

    protected override ImportCounts Run(RecordTable table)
    {
        var counts = default(ImportCounts);
        foreach (var record in records)
        {
            lock (table.Rows)
            {
                var current = table.Find(record.ContentId);
                var (next, own) = SyncTransitions.Import(current?.Record, record, time.GetUtcNow());
                counts = counts.Plus(own);
                if (next is null) continue;
                if (current is { } row) table.Update(row, next);
                else table.Insert(next);
            }
        }

        return counts;
    }
}

/// <summary>Raises the horizon to that of another ledger.</summary>
internal sealed class RaiseHorizonOperation(DateTimeOffset horizon) : LedgerOperation<bool>
{
    protected override bool Run(RecordTable table)
    {
        table.RaiseHorizon(horizon);
        return true;
    }
}

/// <summary>Forgets delisted items and shortens histories.</summary>
internal sealed class PruneOperation(IReadOnlyList<string> contentIds, DateTimeOffset horizon, DateTimeOffset oldest)
    : LedgerOperation<MaintenanceResult>
{
    public override int Weight => contentIds.Count;

    public override bool MustSurvivePowerLoss(RecordTable table) => false;

    protected override MaintenanceResult Run(RecordTable table)
    {
        var (forgotten, trimmed) = (0, 0);
        foreach (var contentId in contentIds)
        {
            lock (table.Rows)
            {
                if (table.Find(contentId) is not { } row) continue;
                if (RetentionRules.IsForgettable(row.Record, horizon))
                {
                    table.RaiseHorizon(horizon);
                    table.Delete(row);
                    forgotten++;
                }
                else if (RetentionRules.Trim(row.Record, oldest) is { } next)
                {
                    table.Update(row, next);
                    trimmed++;
                }
            }
        }

        return new MaintenanceResult { Forgotten = forgotten, Trimmed = trimmed };
    }
}

/// <summary>Writes without changing anything, to find out whether the ledger can be written.</summary>
internal sealed class CheckOperation : LedgerOperation<bool>
{
    public override bool MustSurvivePowerLoss(RecordTable table) => false;

    protected override bool Run(RecordTable table)
    {
        table.RewriteOwner();
        return true;
    }
}

internal sealed class RefuseOperation(string contentId, ChangeVersion version, string code, string message, TimeProvider time)
    : LedgerOperation<SyncRecord?>
{
    protected override SyncRecord? Run(RecordTable table)
    {
        lock (table.Rows)
        {
            if (table.Find(contentId) is not { } row) return null;
            return SyncTransitions.Refuse(row.Record, version, code, message, time.GetUtcNow()) is { } next ? table.Update(row, next) : row.Record;
        }
    }
}
