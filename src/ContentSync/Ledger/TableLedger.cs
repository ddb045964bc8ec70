using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// A ledger in one table of Azure Table storage, shared by any number of processes. Each item is one entity. A change reads the
/// entity, applies the rules, writes if the ETag still matches, and repeats this after a conflict.
/// <para>
/// Table storage charges per transaction. Accepting takes a read and, if something changes, a write (items of one call that share a
/// partition are written in transactions of up to 100). A lease takes a read and a write; recording an outcome takes a write.
/// Listing reads the whole table: one transaction per 1,000 records found, and more where the service stops at the end of a
/// partition.
/// </para>
/// </summary>
/// <param name="table">The table. The caller chooses credential, retries and network timeout.</param>
/// <param name="time">
/// Clock of due times and leases. Use a <see cref="StoreClock"/>, which takes the time from the store's responses. With any other
/// clock, all processes must agree to within seconds and must never jump.
/// </param>
/// <param name="newId">Creates unique ids for leases and writes; by default 128 random bits in hex.</param>
public sealed class TableLedger(TableClient table, TimeProvider time, Func<string>? newId = null) : ISyncLedger
{
    private const int MaxPerTransaction = 100;

    // The service accepts up to 4 MiB.
    private const int MaxTransactionBytes = 3 * 1024 * 1024;

    private const int Parallelism = 16;
    private const int MaxCommitAttempts = 20;
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(1);

    private readonly StoreClock? _storeClock = time as StoreClock;
    private readonly Func<string> _newId = newId ?? (() => RandomNumberGenerator.GetHexString(32, lowercase: true));

    /// <summary>Creates the table if it does not exist.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    public async Task CreateIfNotExistsAsync(CancellationToken cancellationToken)
    {
        try
        {
            await table.CreateIfNotExistsAsync(cancellationToken);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="BodyTooLargeException">
    /// A body does not fit; other submissions of the call may have been accepted. See <see cref="ContentOptions.ContentInfoBytesLimit"/>.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// A contentId does not fit into a key; nothing was accepted. See <see cref="ContentOptions.ContentIdLengthLimit"/>.
    /// </exception>
    public async ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var acceptances = submissions
            .Select((submission, position) => (Position: position, Submission: submission))
            .GroupBy(s => s.Submission.Item.ContentId, StringComparer.Ordinal)
            .Select(own => new TableLedgerAcceptance(KeyOf(own.Key), _newId(), own, time))
            .ToArray();

        if (acceptances.Length == 1)
        {
            await CommitAsync(acceptances[0].Change, isApplied: false, cancellationToken);
        }
        else
        {
            await Parallel.ForEachAsync(
                acceptances.Select(a => a.Change).GroupBy(c => c.Key.Partition, StringComparer.Ordinal),
                new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken },
                (changes, token) => CommitTogetherAsync([.. changes], token));
        }

        var results = new Acceptance[submissions.Count];
        foreach (var acceptance in acceptances) { acceptance.Complete(results); }
        return results;
    }

    /// <inheritdoc/>
    public async ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return new LeaseResult(LeaseStatus.NotFound, null);
        var leaseId = _newId();
        var change = new TableLedgerChange<LeaseStatus>(key.Value, leaseId, stored =>
        {
            if (stored is null) return (null, LeaseStatus.NotFound);
            return SyncTransitions.Lease(stored, leaseId, time.GetUtcNow(), duration);
        });
        await CommitAsync(change, isApplied: false, cancellationToken);
        return new LeaseResult(change.Result, change.Record);
    }

    /// <inheritdoc/>
    public async ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken)
    {
        var change = new TableLedgerChange<RecordStatus>(
            KeyOf(leased.ContentId),
            _newId(),
            stored => stored is null ? (null, RecordStatus.LeaseLost) : SyncTransitions.Record(stored, leased, outcome));

        // The record has rarely changed since it was leased, so write first: the ETag detects a change without another read.
        if (!change.Apply(leased, storedWriteId: null)) await CommitAsync(change, isApplied: true, cancellationToken);
        return new RecordResult(change.Result, change.Record ?? leased);
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        var change = new TableLedgerChange<bool>(key.Value, _newId(), stored =>
        {
            if (stored is null) return (null, false);
            var replayed = SyncTransitions.Replay(stored, time.GetUtcNow(), delay);
            return (replayed, replayed is not null);
        });
        await CommitAsync(change, isApplied: false, cancellationToken);
        return change.Result ? change.Record : null;
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        var change = new TableLedgerChange<bool>(key.Value, _newId(), stored =>
        {
            if (stored is null) return (null, false);
            var (next, found) = SyncTransitions.Resend(stored, time.GetUtcNow());
            return (next, found is not null);
        });
        await CommitAsync(change, isApplied: false, cancellationToken);
        return change.Result ? change.Record : null;
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        var change = new TableLedgerChange<bool>(
            key.Value,
            _newId(),
            stored => (stored is null ? null : SyncTransitions.Refuse(stored, version, code, message, time.GetUtcNow()), stored is not null));
        await CommitAsync(change, isApplied: false, cancellationToken);
        return change.Record;
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        return await ReadAsync(key.Value, cancellationToken) is { } entity ? TableLedgerEntity.Read(entity) : null;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The service has no index on the filtered properties: it reads the whole table, one partition after another, and returns the
    /// matches. A million records take about a thousand transactions and a minute or more, so run a sweep on a timer, not in a request.
    /// </remarks>
    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var query = table.QueryAsync<TableEntity>(Query(filter), cancellationToken: cancellationToken);
        await using var pages = query.AsPages().GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(pages, cancellationToken))
        {
            foreach (var entity in pages.Current.Values)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var record = TableLedgerEntity.Read(entity);
                // Azurite compares times with millisecond precision only.
                if (record.DueAt <= (filter.DueBy ?? record.DueAt)) yield return record;
            }
        }
    }

    private static TableLedgerKey KeyOf(string contentId) => TableLedgerKey.TryOf(contentId, out var key)
        ? key.Value
        : throw new ArgumentException(
            $"A contentId of {contentId.Length} characters does not fit into a table key; up to {ContentOptions.ContentIdLengthLimit} characters "
            + "always fit.",
            nameof(contentId));

    // The property names are those of TableLedgerEntity. CreateQueryFilter quotes every interpolation, so the names must be literal.
    private static string? Query(SyncRecordFilter filter)
    {
        var conditions = new List<string>(4);
        if (filter.State is { } state) conditions.Add(TableClient.CreateQueryFilter($"State eq {(int)state}"));
        if (filter.DueBy is { } dueBy) conditions.Add(TableClient.CreateQueryFilter($"State eq {(int)SyncState.Pending} and DueAt le {dueBy}"));
        if (filter.ContentType is { } type) conditions.Add(TableClient.CreateQueryFilter($"ContentType eq {type}"));
        if (filter.IsStale) conditions.Add(TableClient.CreateQueryFilter($"IsStale eq {true}"));
        if (filter.ResultCode is { } code) conditions.Add(TableClient.CreateQueryFilter($"LastCode eq {code}"));
        return conditions.Count == 0 ? null : string.Join(" and ", conditions);
    }

    // Writes the changes of one partition in one transaction; if that fails with a conflict, one by one.
    private async ValueTask CommitTogetherAsync(TableLedgerChange<Acceptance[]>[] changes, CancellationToken cancellationToken)
    {
        var open = new List<TableLedgerChange<Acceptance[]>>(changes.Length);
        foreach (var change in changes)
        {
            if (!await ReadAndApplyAsync(change, cancellationToken)) open.Add(change);
        }

        var writes = new List<TableTransactionAction>(Math.Min(open.Count, MaxPerTransaction));
        for (var first = 0; first < open.Count; first += writes.Count)
        {
            writes.Clear();
            var bytes = 0;
            foreach (var change in open.Skip(first).Take(MaxPerTransaction))
            {
                var write = change.ToAction();
                bytes += TableLedgerEntity.WireBytes((TableEntity)write.Entity);
                if (bytes > MaxTransactionBytes && writes.Count > 0) break;
                writes.Add(write);
            }

            var together = open.GetRange(first, writes.Count);
            var written = writes.Count > 1 && await TryWriteAsync(together, writes, cancellationToken);
            if (written) continue;
            foreach (var change in together) { await CommitAsync(change, isApplied: writes.Count == 1, cancellationToken); }
        }
    }

    private async ValueTask CommitAsync<TResult>(TableLedgerChange<TResult> change, bool isApplied, CancellationToken cancellationToken)
    {
        for (var attempts = 0; attempts < MaxCommitAttempts; attempts++)
        {
            if (!isApplied && await ReadAndApplyAsync(change, cancellationToken)) return;
            isApplied = false;
            if (await TryWriteAsync(change, cancellationToken)) return;
            if (attempts > 0) await Task.Delay(DelayAfter(attempts, change.WriteId), time, cancellationToken);
        }

        throw TableLedgerFault.TooManyConflicts(table, MaxCommitAttempts);
    }

    // Exponential with full jitter. The jitter depends on the write id, so writes that collided do not wait equally long.
    private static TimeSpan DelayAfter(int attempts, string writeId)
    {
        var max = Math.Min(MaxDelay.TotalMilliseconds, 10 << Math.Min(attempts, 16));
        return TimeSpan.FromMilliseconds(max * ((uint)HashCode.Combine(writeId, attempts) / (double)uint.MaxValue));
    }

    private async ValueTask<bool> ReadAndApplyAsync<TResult>(TableLedgerChange<TResult> change, CancellationToken cancellationToken)
    {
        var entity = await ReadAsync(change.Key, cancellationToken);
        return entity is null ? change.Apply(null, null) : change.Apply(TableLedgerEntity.Read(entity), TableLedgerEntity.WriteIdOf(entity));
    }

    private async ValueTask<TableEntity?> ReadAsync(TableLedgerKey key, CancellationToken cancellationToken)
    {
        try
        {
            var sentAt = time.GetTimestamp();
            var found = await table.GetEntityIfExistsAsync<TableEntity>(key.Partition, key.Row, cancellationToken: cancellationToken);
            Observe(found.GetRawResponse(), sentAt);
            if (found.HasValue) return found.Value;
            // The client does not distinguish a missing table from a missing entity; the response body does.
            if (found.GetRawResponse().Content.ToMemory().Span.IndexOf("TableNotFound"u8) >= 0) throw TableLedgerFault.TableMissing(table);
            return null;
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private async ValueTask<bool> TryWriteAsync<TResult>(TableLedgerChange<TResult> change, CancellationToken cancellationToken)
    {
        var write = change.ToAction();
        try
        {
            var sentAt = time.GetTimestamp();
            var response = write.ActionType switch
            {
                TableTransactionActionType.Add => await table.AddEntityAsync(write.Entity, cancellationToken),
                TableTransactionActionType.UpdateMerge =>
                    await table.UpdateEntityAsync(write.Entity, write.ETag, TableUpdateMode.Merge, cancellationToken),
                _ => await table.UpdateEntityAsync(write.Entity, write.ETag, TableUpdateMode.Replace, cancellationToken),
            };
            Observe(response, sentAt);
            change.MarkWritten(ETagOf(response));
            return true;
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            return false;
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private async ValueTask<bool> TryWriteAsync<TResult>(
        List<TableLedgerChange<TResult>> changes, List<TableTransactionAction> writes, CancellationToken cancellationToken)
    {
        try
        {
            var sentAt = time.GetTimestamp();
            var responses = await table.SubmitTransactionAsync(writes, cancellationToken);
            Observe(responses.GetRawResponse(), sentAt);
            for (var i = 0; i < changes.Count; i++) { changes[i].MarkWritten(ETagOf(responses.Value[i])); }
            return true;
        }
        catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
        {
            return false;
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private async ValueTask<bool> NextAsync(IAsyncEnumerator<Page<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            return await pages.MoveNextAsync();
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    // Every response carries the store's time, which decides about due times and leases.
    private void Observe(Response response, long sentAt)
    {
        if (response.Headers.Date is { } date) _storeClock?.Observe(date, sentAt);
    }

    private static string ETagOf(Response response) => response.Headers.ETag.GetValueOrDefault().ToString();
}
