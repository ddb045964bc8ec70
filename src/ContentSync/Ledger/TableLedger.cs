using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Azure;
using Azure.Data.Tables;

namespace ContentSync.Ledger;

/// <summary>
/// The ledger in one table of Azure Table storage; any number of processes share it. One entity per content, guarded by its ETag:
/// read, apply the rules, write on condition, and on a conflict once more.
/// <para>
/// Transactions, which is what Table storage charges for: accepting takes a read and, where something changes, a write (contents
/// of one call that share a partition are written in one transaction of up to 100); a lease takes a read and a write, recording
/// the ending a write. Listing reads the whole table: a transaction per 1,000 records found, and more where the service stops at a
/// partition's end.
/// </para>
/// </summary>
/// <param name="table">The table, with whatever credential, retries and network timeout the caller wants.</param>
/// <param name="time">The clock of due times and leases: a <see cref="StoreClock"/>, which learns the store's time from its answers. With any other, all processes' clocks must agree to within seconds and never jump.</param>
/// <param name="newId">Makes ids of leases and writes, never the same twice; by default 128 random bits in hex.</param>
public sealed class TableLedger(TableClient table, TimeProvider time, Func<string>? newId = null) : ISyncLedger
{
    /// <summary>
    /// Largest <see cref="Content.ContentOptions.MaxContentInfoBytes"/> whose bodies fit into an entity (1 MiB) whatever they hold:
    /// JSON escaping makes at most six bytes of one, and the rest of the request is far below the difference.
    /// </summary>
    public const int MaxContentInfoBytes = 120 * 1024;

    /// <summary>Largest <see cref="Content.ContentOptions.MaxContentIdLength"/> whose ids fit into a key whatever their characters. ASCII letters, digits, - _ . take a fifth of the others' room.</summary>
    public const int MaxContentIdLength = 102;

    private const int MostPerTransaction = 100;

    // The service takes 4 MiB.
    private const int MostTransactionBytes = 3 * 1024 * 1024;

    private const int Parallelism = 16;
    private const int MostTries = 20;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    private readonly StoreClock? _storeClock = time as StoreClock;
    private readonly Func<string> _newId = newId ?? (() => RandomNumberGenerator.GetHexString(32, lowercase: true));

    /// <summary>Makes the table where there is none.</summary>
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
    /// <exception cref="BodyTooLargeException">A body does not fit; submissions before and after it may be in the ledger. See <see cref="MaxContentInfoBytes"/>.</exception>
    /// <exception cref="ArgumentException">A content id does not fit into a key; nothing was taken in. See <see cref="MaxContentIdLength"/>.</exception>
    public async ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var intakes = submissions
            .Select((submission, position) => (Position: position, Submission: submission))
            .GroupBy(s => s.Submission.Item.ContentId, StringComparer.Ordinal)
            .Select(own => new TableLedgerAcceptance(KeyOf(own.Key), _newId(), own, time))
            .ToArray();

        if (intakes.Length == 1)
        {
            await CommitAsync(intakes[0].Change, isApplied: false, cancellationToken);
        }
        else
        {
            await Parallel.ForEachAsync(
                intakes.Select(i => i.Change).GroupBy(c => c.Key.Partition, StringComparer.Ordinal),
                new ParallelOptions { MaxDegreeOfParallelism = Parallelism, CancellationToken = cancellationToken },
                (changes, token) => CommitTogetherAsync([.. changes], token));
        }

        var answers = new Acceptance[submissions.Count];
        foreach (var intake in intakes) { intake.Complete(answers); }
        return answers;
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

        // Mostly nobody has changed the record since it was leased; the ETag tells, without reading it again.
        if (!change.Apply(leased, storedWriteId: null)) await CommitAsync(change, isApplied: true, cancellationToken);
        return new RecordResult(change.Result, change.Record ?? leased);
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        var change = new TableLedgerChange<bool>(
            key.Value,
            _newId(),
            stored => stored is not null && SyncTransitions.Replay(stored, time.GetUtcNow(), delay) is { } replayed ? (replayed, true) : (null, false));
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
    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        return await ReadAsync(key.Value, cancellationToken) is { } entity ? TableLedgerEntity.Read(entity) : null;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The service filters, but it has no index on what it filters by: it reads the whole table, partition after partition, and sends what matches.
    /// For a million records that is some thousand transactions and a minute or more, so a sweep is for a timer, not for a request.
    /// </remarks>
    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var pages = table.QueryAsync<TableEntity>(Query(filter), cancellationToken: cancellationToken).AsPages().GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(pages, cancellationToken))
        {
            foreach (var entity in pages.Current.Values)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var record = TableLedgerEntity.Read(entity);
                // Azurite compares times to the millisecond only.
                if (record.DueAt <= (filter.DueBy ?? record.DueAt)) yield return record;
            }
        }
    }

    private static TableLedgerKey KeyOf(string contentId) => TableLedgerKey.TryOf(contentId, out var key)
        ? key.Value
        : throw new ArgumentException($"A content id of {contentId.Length} characters does not fit into a table's key; {MaxContentIdLength} always do.", nameof(contentId));

    // Property names as in TableLedgerEntity; CreateQueryFilter quotes the values, so the names cannot be interpolated.
    private static string? Query(SyncRecordFilter filter)
    {
        var conditions = new List<string>(4);
        if (filter.State is { } state) conditions.Add(TableClient.CreateQueryFilter($"State eq {(int)state}"));
        if (filter.DueBy is { } dueBy) conditions.Add(TableClient.CreateQueryFilter($"State eq {(int)SyncState.Pending} and DueAt le {dueBy}"));
        if (filter.ContentType is { } type) conditions.Add(TableClient.CreateQueryFilter($"ContentType eq {type}"));
        if (filter.ResultCode is { } code) conditions.Add(TableClient.CreateQueryFilter($"LastCode eq {code}"));
        return conditions.Count == 0 ? null : string.Join(" and ", conditions);
    }

    // Changes of one partition: all in one transaction where nobody interferes, else each by itself.
    private async ValueTask CommitTogetherAsync(TableLedgerChange<Acceptance[]>[] changes, CancellationToken cancellationToken)
    {
        var open = new List<TableLedgerChange<Acceptance[]>>(changes.Length);
        foreach (var change in changes)
        {
            if (!await ReadAndApplyAsync(change, cancellationToken)) open.Add(change);
        }

        var writes = new List<TableTransactionAction>(Math.Min(open.Count, MostPerTransaction));
        for (var first = 0; first < open.Count; first += writes.Count)
        {
            writes.Clear();
            var bytes = 0;
            foreach (var change in open.Skip(first).Take(MostPerTransaction))
            {
                var write = change.ToAction();
                bytes += TableLedgerEntity.WireBytes((TableEntity)write.Entity);
                if (bytes > MostTransactionBytes && writes.Count > 0) break;
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
        for (var tries = 0; tries < MostTries; tries++)
        {
            if (!isApplied && await ReadAndApplyAsync(change, cancellationToken)) return;
            isApplied = false;
            if (await TryWriteAsync(change, cancellationToken)) return;
            if (tries > 0) await Task.Delay(WaitAfter(tries, change.WriteId), time, cancellationToken);
        }

        throw TableLedgerFault.TooManyConflicts(table, MostTries);
    }

    // Exponential with full jitter. The write's own id spreads the waits, so no two who collided wait alike.
    private static TimeSpan WaitAfter(int tries, string writeId)
    {
        var longest = Math.Min(LongestWait.TotalMilliseconds, 10 << Math.Min(tries, 16));
        return TimeSpan.FromMilliseconds(longest * ((uint)HashCode.Combine(writeId, tries) / (double)uint.MaxValue));
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
            var asked = time.GetTimestamp();
            var found = await table.GetEntityIfExistsAsync<TableEntity>(key.Partition, key.Row, cancellationToken: cancellationToken);
            Observe(found.GetRawResponse(), asked);
            if (found.HasValue) return found.Value;
            // The client takes a missing table for a missing entity; the answer's body tells them apart.
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
            var asked = time.GetTimestamp();
            var response = write.ActionType switch
            {
                TableTransactionActionType.Add => await table.AddEntityAsync(write.Entity, cancellationToken),
                TableTransactionActionType.UpdateMerge => await table.UpdateEntityAsync(write.Entity, write.ETag, TableUpdateMode.Merge, cancellationToken),
                _ => await table.UpdateEntityAsync(write.Entity, write.ETag, TableUpdateMode.Replace, cancellationToken),
            };
            Observe(response, asked);
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

    private async ValueTask<bool> TryWriteAsync<TResult>(List<TableLedgerChange<TResult>> changes, List<TableTransactionAction> writes, CancellationToken cancellationToken)
    {
        try
        {
            var asked = time.GetTimestamp();
            var responses = await table.SubmitTransactionAsync(writes, cancellationToken);
            Observe(responses.GetRawResponse(), asked);
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

    // Every answer carries the store's time, by which due times and leases are judged.
    private void Observe(Response response, long asked)
    {
        if (response.Headers.Date is { } date) _storeClock?.Observe(date, asked);
    }

    private static string ETagOf(Response response) => response.Headers.ETag.GetValueOrDefault().ToString();
}
