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
/// partition are written in transactions of up to 100 entities). A lease takes a read and a write; recording an outcome takes a write.
/// A record that is out of sync has a second entity beside it, its <see cref="TableLedgerIndexRow"/>, in the same transactions. Listing
/// what is out of sync takes 257 transactions and one more per 1,000 items found; any other list reads the whole table.
/// </para>
/// </summary>
/// <param name="table">The table. The caller chooses credential, retries and network timeout.</param>
/// <param name="time">
/// Clock of due times and leases. Use a <see cref="StoreClock"/>, which takes the time from the store's responses. With any other
/// clock, all processes must agree to within seconds and must never jump.
/// </param>
/// <param name="newId">Creates unique ids for leases and writes; by default 128 random bits in hex.</param>
/// <param name="indexStep">How far a table of an earlier version is on the way to its index.</param>
public sealed class TableLedger(
    TableClient table, TimeProvider time, Func<string>? newId = null, LedgerIndexStep indexStep = LedgerIndexStep.Auto)
    : ISyncLedger, ILedgerImport
{
    // Some failures of a transaction are inside a response with status 202; the client retries only those outside.
    private const int MaxTransactionAttempts = 4;
    private static readonly TimeSpan TransactionDelay = TimeSpan.FromMilliseconds(100);

    private const int MaxPerTransaction = 100;

    // The service accepts up to 4 MiB.
    private const int MaxTransactionBytes = 3 * 1024 * 1024;

    private const int Parallelism = 16;
    private const int MaxCommitAttempts = 20;
    private static readonly TimeSpan MaxDelay = TimeSpan.FromSeconds(1);

    private readonly StoreClock? _storeClock = time as StoreClock;
    private readonly Func<string> _newId = newId ?? (() => RandomNumberGenerator.GetHexString(32, lowercase: true));

    internal TableClient Table => table;

    internal TableLedgerIndex Index { get; } = new(table, indexStep);

    internal TableLedgerHorizon Horizon { get; } = new(table, time);

    private TableLedgerLists Lists => field ??= new TableLedgerLists(table, Index);

    /// <summary>Creates the table if it does not exist.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    public async Task CreateIfNotExistsAsync(CancellationToken cancellationToken)
    {
        try
        {
            await table.CreateIfNotExistsAsync(cancellationToken).ConfigureAwait(false);
            await Index.AddsRowsAsync(cancellationToken).ConfigureAwait(false);
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
        var horizon = await HorizonForAsync(submissions, cancellationToken).ConfigureAwait(false);
        var acceptances = submissions
            .Select((submission, position) => (Position: position, Submission: submission))
            .GroupBy(s => s.Submission.Item.ContentId, StringComparer.Ordinal)
            .Select(own => new TableLedgerAcceptance(KeyOf(own.Key), _newId(), own, time, horizon))
            .ToArray();

        if (acceptances.Length == 1)
        {
            await CommitAsync(acceptances[0].Change, isApplied: false, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            await Concurrently.ForEachAsync(
                acceptances.Select(a => a.Change).GroupBy(c => c.Key.Partition, StringComparer.Ordinal),
                Parallelism,
                (changes, token) => CommitTogetherAsync([.. changes], token),
                cancellationToken).ConfigureAwait(false);
        }

        var results = new Acceptance[submissions.Count];
        foreach (var acceptance in acceptances) { acceptance.Complete(results); }
        return results;
    }

    /// <inheritdoc/>
    public async ValueTask<ImportCounts> ImportAsync(IReadOnlyList<SyncRecord> records, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var changes = records
            .Select(record => new TableLedgerChange<ImportCounts>(
                KeyOf(record.ContentId), _newId(), stored => SyncTransitions.Import(stored, record, time.GetUtcNow())))
            .ToArray();
        await Concurrently.ForEachAsync(
            changes.GroupBy(change => change.Key.Partition, StringComparer.Ordinal),
            Parallelism,
            (own, token) => CommitTogetherAsync([.. own], token),
            cancellationToken).ConfigureAwait(false);
        return changes.Aggregate(default(ImportCounts), (counts, change) => counts.Plus(change.Result));
    }

    /// <inheritdoc/>
    public async ValueTask RaiseHorizonAsync(DateTimeOffset horizon, CancellationToken cancellationToken)
    {
        try
        {
            await Horizon.RaiseAsync(horizon, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken) =>
        LeaseAsync(contentId, null, duration, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<LeaseResult> LeaseAsync(SyncRecord accepted, TimeSpan duration, CancellationToken cancellationToken) =>
        LeaseAsync(accepted.ContentId, accepted, duration, cancellationToken);

    private async ValueTask<LeaseResult> LeaseAsync(
        string contentId, SyncRecord? accepted, TimeSpan duration, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return new LeaseResult(LeaseStatus.NotFound, null);
        var leaseId = _newId();
        var change = new TableLedgerChange<LeaseStatus>(key.Value, leaseId, stored =>
        {
            if (stored is null) return (null, LeaseStatus.NotFound);
            return SyncTransitions.Lease(stored, leaseId, time.GetUtcNow(), duration);
        });

        // Write first, as when an outcome is recorded. A record that may not be leased may have changed since, so it is read.
        var isApplied = accepted is not null && !change.Apply(accepted, storedWriteId: null);
        await CommitAsync(change, isApplied, cancellationToken).ConfigureAwait(false);
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
        if (!change.Apply(leased, storedWriteId: null)) await CommitAsync(change, isApplied: true, cancellationToken).ConfigureAwait(false);
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
        await CommitAsync(change, isApplied: false, cancellationToken).ConfigureAwait(false);
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
        await CommitAsync(change, isApplied: false, cancellationToken).ConfigureAwait(false);
        return change.Result ? change.Record : null;
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;

        var change = new TableLedgerChange<bool>(key.Value, _newId(), Apply);
        await CommitAsync(change, isApplied: false, cancellationToken).ConfigureAwait(false);
        return change.Record;

        (SyncRecord? Next, bool IsFound) Apply(SyncRecord? stored)
        {
            // When this is tried again, the version still came before what others wrote meanwhile.
            var now = time.GetUtcNow();
            version = version.AcceptedAt(now);
            return (stored is null ? null : SyncTransitions.Refuse(stored, version, code, message, now), stored is not null);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken)
    {
        if (!TableLedgerKey.TryOf(contentId, out var key)) return null;
        return await ReadAsync(key.Value, cancellationToken).ConfigureAwait(false) is { } entity ? TableLedgerEntity.Read(entity) : null;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The service has no index on the filtered properties: it reads the whole table, one partition after another, and returns the
    /// matches. A million records take about a thousand transactions and a minute or more, so run a sweep on a timer, not in a request.
    /// </remarks>
    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var query = table.QueryAsync<TableEntity>(Query(filter), cancellationToken: cancellationToken);
        var pages = query.AsPages().GetAsyncEnumerator(cancellationToken);
        await using var closing = pages.ConfigureAwait(false);
        while (await NextAsync(pages, cancellationToken).ConfigureAwait(false))
        {
            foreach (var entity in pages.Current.Values)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var record = TableLedgerEntity.Read(entity);
                // Azurite compares times with millisecond precision only, and the service cannot check every condition.
                if (filter.Matches(ListedItem.Of(record))) yield return record;
            }
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ListedItem> ListItemsAsync(SyncRecordFilter filter, CancellationToken cancellationToken) =>
        Lists.ReadAsync(filter, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>
    /// In the order of partitions, so that a page need not look into all of them. A page takes at most 259 queries if only items that are
    /// out of sync can match, or those with a prefix; otherwise 20, and may then have fewer items than requested, or none.
    /// </remarks>
    /// <exception cref="ArgumentException"><paramref name="after"/> is not from this ledger.</exception>
    public ValueTask<ItemPage> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken) =>
        Lists.PageAsync(filter, after, size, cancellationToken);

    /// <inheritdoc/>
    /// <remarks>Two transactions: the counts are those of <see cref="TableLedgerMaintenance"/>.</remarks>
    public async ValueTask<LedgerCounts> CountAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await TableLedgerMaintenance.ReadCountsAsync(table, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<DateTimeOffset?> HorizonAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await Horizon.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    /// <summary>Deletes a record if it is <see cref="RetentionRules.IsForgettable"/>, otherwise shortens its history.</summary>
    /// <param name="key">Key of the record.</param>
    /// <param name="horizon">The stored horizon; null to delete nothing.</param>
    /// <param name="oldest">What ended before is dropped from the history.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    internal async ValueTask<MaintenanceResult> PruneAsync(
        TableLedgerKey key, DateTimeOffset? horizon, DateTimeOffset oldest, CancellationToken cancellationToken)
    {
        for (var attempts = 0; attempts < MaxCommitAttempts; attempts++)
        {
            if (await ReadAsync(key, cancellationToken).ConfigureAwait(false) is not { } entity) return new MaintenanceResult();
            var record = TableLedgerEntity.Read(entity);
            var actions = new List<TableTransactionAction>(2);
            var isForgotten = horizon is { } before && RetentionRules.IsForgettable(record, before);
            var trimmed = RetentionRules.Trim(record, oldest);
            if (isForgotten)
            {
                actions.Add(new TableTransactionAction(TableTransactionActionType.Delete, new TableEntity(key.Partition, key.Row), entity.ETag));
                if (record.HasIndexRow)
                    actions.Add(new TableTransactionAction(TableTransactionActionType.Delete, TableLedgerIndexRow.Keys(key), ETag.All));
            }
            else if (trimmed is not null || TableLedgerEntity.HistoryFromOf(entity) is null)
            {
                var history = TableLedgerEntity.OfHistory(key, trimmed ?? record);
                actions.Add(new TableTransactionAction(TableTransactionActionType.UpdateMerge, history, entity.ETag));
            }
            else
            {
                return new MaintenanceResult();
            }

            if (await TrySubmitAsync(actions, cancellationToken).ConfigureAwait(false) is not null)
                return new MaintenanceResult { Forgotten = isForgotten ? 1 : 0, Trimmed = !isForgotten && trimmed is not null ? 1 : 0 };
        }

        throw TableLedgerFault.TooManyConflicts(table, MaxCommitAttempts);
    }

    /// <summary>Makes a record and its index row agree. Returns false if they do already, or if this step adds no index rows.</summary>
    internal async ValueTask<bool> RepairAsync(TableLedgerKey key, CancellationToken cancellationToken)
    {
        if (!await Index.AddsRowsAsync(cancellationToken).ConfigureAwait(false)) return false;
        for (var attempts = 0; attempts < MaxCommitAttempts; attempts++)
        {
            var keys = TableLedgerIndexRow.Keys(key);
            var entity = await ReadAsync(key, cancellationToken).ConfigureAwait(false);
            var row = await ReadAsync(new TableLedgerKey(key.Partition, keys.RowKey), cancellationToken).ConfigureAwait(false);
            if (RepairOf(key, entity, row) is not { Count: > 0 } actions) return false;
            if (await TrySubmitAsync(actions, cancellationToken).ConfigureAwait(false) is not null) return true;
        }

        throw TableLedgerFault.TooManyConflicts(table, MaxCommitAttempts);
    }

    private static List<TableTransactionAction> RepairOf(TableLedgerKey key, TableEntity? entity, TableEntity? row)
    {
        var actions = new List<TableTransactionAction>(2);
        var item = entity is null ? null : TableLedgerEntity.ReadItem(entity);
        var needs = item?.IsOutOfSync ?? false;
        var isRowRight = needs ? row is not null && TableLedgerIndexRow.IsSame(item!, TableLedgerIndexRow.Read(row)) : row is null;
        if (isRowRight && (entity is null || TableLedgerEntity.HasIndexRowOf(entity) == needs)) return actions;
        // The record is written even if only its row is wrong: its ETag proves that it has not changed since it was read.
        if (entity is not null)
        {
            var merge = TableLedgerEntity.OfHasIndexRow(key, needs);
            actions.Add(new TableTransactionAction(TableTransactionActionType.UpdateMerge, merge, entity.ETag));
        }

        if (!isRowRight && needs)
            actions.Add(new TableTransactionAction(TableTransactionActionType.UpsertReplace, TableLedgerIndexRow.Of(item!, key)));
        else if (!isRowRight)
            actions.Add(new TableTransactionAction(TableTransactionActionType.Delete, TableLedgerIndexRow.Keys(key), row!.ETag));
        return actions;
    }

    // No horizon is younger than the shortest retention, so hardly any submission needs to know it.
    private async ValueTask<DateTimeOffset?> HorizonForAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var youngest = now.AddDays(-RetentionOptions.MinDelistedDays);
        return submissions.Any(submission => RetentionRules.IsSuperseded(submission, now, youngest))
            ? await HorizonAsync(cancellationToken).ConfigureAwait(false)
            : null;
    }

    private static TableLedgerKey KeyOf(string contentId) => TableLedgerKey.TryOf(contentId, out var key)
        ? key.Value
        : throw new ArgumentException(
            $"A contentId of {contentId.Length} characters does not fit into a table key; up to {ContentOptions.ContentIdLengthLimit} characters "
            + "always fit.",
            nameof(contentId));

    /// <summary>The conditions of a filter that the service can check on a record; null for none.</summary>
    // The property names are those of TableLedgerEntity. CreateQueryFilter quotes every interpolation, so the names must be literal.
    internal static string? PropertyConditions(SyncRecordFilter filter)
    {
        var conditions = new List<string>(6);
        if (filter.State is { } state) conditions.Add(TableClient.CreateQueryFilter($"State eq {(int)state}"));
        if (filter.DueBy is { } dueBy) conditions.Add(TableClient.CreateQueryFilter($"State eq {(int)SyncState.Pending} and DueAt le {dueBy}"));
        if (filter.ContentType is { } type) conditions.Add(TableClient.CreateQueryFilter($"ContentType eq {type}"));
        if (filter.IsStale) conditions.Add(TableClient.CreateQueryFilter($"IsStale eq {true}"));
        if (filter.ParkReason is { } reason) conditions.Add(TableClient.CreateQueryFilter($"ParkReason eq {(int)reason}"));
        if (filter.ResultCode is { } code) conditions.Add(TableClient.CreateQueryFilter($"LastCode eq {code}"));
        return conditions.Count == 0 ? null : string.Join(" and ", conditions);
    }

    private static string Query(SyncRecordFilter filter)
    {
        var records = TableClient.CreateQueryFilter($"RowKey lt {TableLedgerIndexRow.EndOfRecords}");
        return PropertyConditions(filter) is { } properties ? $"{records} and {properties}" : records;
    }

    // Writes the changes of one partition in one transaction; if that fails with a conflict, one by one.
    private async ValueTask CommitTogetherAsync<TResult>(TableLedgerChange<TResult>[] changes, CancellationToken cancellationToken)
    {
        var open = new List<TableLedgerChange<TResult>>(changes.Length);
        foreach (var change in changes)
        {
            if (!await ReadAndApplyAsync(change, cancellationToken).ConfigureAwait(false)) open.Add(change);
        }

        if (open.Count == 0) return;
        var addsIndexRow = await AddsIndexRowAsync(cancellationToken).ConfigureAwait(false);
        for (var first = 0; first < open.Count;)
        {
            var (together, writes) = Fill(open, first, addsIndexRow);
            first += together.Count;
            var written = together.Count > 1 && await TryWriteAsync(together, writes, cancellationToken).ConfigureAwait(false);
            if (written) continue;
            foreach (var change in together)
                await CommitAsync(change, isApplied: together.Count == 1, cancellationToken).ConfigureAwait(false);
        }
    }

    // As many changes as fit into one transaction, each with its index row; at least one.
    private static (List<TableLedgerChange<TResult>> Together, List<TableTransactionAction> Writes) Fill<TResult>(
        List<TableLedgerChange<TResult>> open, int first, bool addsIndexRow)
    {
        var (together, writes, bytes) = (new List<TableLedgerChange<TResult>>(), new List<TableTransactionAction>(), 0);
        foreach (var change in open.Skip(first))
        {
            var own = change.ToActions(addsIndexRow);
            bytes += own.Sum(action => TableLedgerEntity.WireBytes((TableEntity)action.Entity));
            if (together.Count > 0 && (bytes > MaxTransactionBytes || writes.Count + own.Count > MaxPerTransaction)) break;
            together.Add(change);
            writes.AddRange(own);
        }

        return (together, writes);
    }

    private async ValueTask<bool> AddsIndexRowAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await Index.AddsRowsAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
        {
            throw TableLedgerFault.Of(table, fault, cancellationToken);
        }
    }

    private async ValueTask CommitAsync<TResult>(TableLedgerChange<TResult> change, bool isApplied, CancellationToken cancellationToken)
    {
        for (var attempts = 0; attempts < MaxCommitAttempts; attempts++)
        {
            if (!isApplied && await ReadAndApplyAsync(change, cancellationToken).ConfigureAwait(false)) return;
            isApplied = false;
            if (await TryWriteAsync(change, cancellationToken).ConfigureAwait(false)) return;
            if (attempts > 0) await time.DelayAsync(DelayAfter(attempts, change.WriteId), cancellationToken).ConfigureAwait(false);
        }

        throw TableLedgerFault.TooManyConflicts(table, MaxCommitAttempts);
    }

    // Exponential with full jitter. The jitter depends on the write id, so writes that collided do not wait equally long.
    private static TimeSpan DelayAfter(int attempts, string writeId)
    {
        var max = Math.Min(MaxDelay.TotalMilliseconds, 10 << Math.Min(attempts, 16));
        // FNV-1a. The hash code of a string differs from process to process, and a simulated run must repeat.
        var hash = writeId.Aggregate(2_166_136_261u + (uint)attempts, (hash, unit) => unchecked((hash ^ unit) * 16_777_619));
        return TimeSpan.FromMilliseconds(max * (hash / (double)uint.MaxValue));
    }

    private async ValueTask<bool> ReadAndApplyAsync<TResult>(TableLedgerChange<TResult> change, CancellationToken cancellationToken)
    {
        var entity = await ReadAsync(change.Key, cancellationToken).ConfigureAwait(false);
        return entity is null ? change.Apply(null, null) : change.Apply(TableLedgerEntity.Read(entity), TableLedgerEntity.WriteIdOf(entity));
    }

    private async ValueTask<TableEntity?> ReadAsync(TableLedgerKey key, CancellationToken cancellationToken)
    {
        try
        {
            var sentAt = time.GetTimestamp();
            var found = await table
                .GetEntityIfExistsAsync<TableEntity>(key.Partition, key.Row, cancellationToken: cancellationToken)
                .ConfigureAwait(false);
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
        var writes = change.ToActions(await AddsIndexRowAsync(cancellationToken).ConfigureAwait(false));
        if (writes.Count > 1) return await TryWriteAsync([change], writes, cancellationToken).ConfigureAwait(false);
        var write = writes[0];
        try
        {
            var sentAt = time.GetTimestamp();
            var response = write.ActionType switch
            {
                TableTransactionActionType.Add => await table.AddEntityAsync(write.Entity, cancellationToken).ConfigureAwait(false),
                TableTransactionActionType.UpdateMerge =>
                    await table.UpdateEntityAsync(write.Entity, write.ETag, TableUpdateMode.Merge, cancellationToken).ConfigureAwait(false),
                _ => await table.UpdateEntityAsync(write.Entity, write.ETag, TableUpdateMode.Replace, cancellationToken).ConfigureAwait(false),
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
        List<TableLedgerChange<TResult>> changes, IReadOnlyList<TableTransactionAction> writes, CancellationToken cancellationToken)
    {
        // An index row that is not there although its record says so would fail every transaction; the next one does without.
        var missingRow = changes.Count == 1 ? changes[0].ForgetIndexRow : (Action?)null;
        if (await TrySubmitAsync(writes, cancellationToken, missingRow).ConfigureAwait(false) is not { } responses) return false;
        var first = 0;
        foreach (var change in changes)
        {
            change.MarkWritten(ETagOf(responses[first]));
            first += change.ActionCount;
        }

        return true;
    }

    /// <returns>The responses; null after a conflict, which leaves everything as it was.</returns>
    private async ValueTask<IReadOnlyList<Response>?> TrySubmitAsync(
        IReadOnlyList<TableTransactionAction> writes, CancellationToken cancellationToken, Action? missingRow = null)
    {
        for (var attempts = 1; ; attempts++)
        {
            try
            {
                var sentAt = time.GetTimestamp();
                var responses = await table.SubmitTransactionAsync(writes, cancellationToken).ConfigureAwait(false);
                Observe(responses.GetRawResponse(), sentAt);
                return responses.Value;
            }
            catch (TableTransactionFailedException fault) when (attempts < MaxTransactionAttempts && TableLedgerFault.IsTransient(fault))
            {
                await time.DelayAsync(TransactionDelay * attempts, cancellationToken).ConfigureAwait(false);
            }
            catch (RequestFailedException fault) when (TableLedgerFault.IsConflict(fault))
            {
                var failed = fault is TableTransactionFailedException { FailedTransactionActionIndex: { } index } ? writes[index] : null;
                if (fault.Status == 404 && failed?.ActionType == TableTransactionActionType.Delete) missingRow?.Invoke();
                return null;
            }
            catch (Exception fault) when (TableLedgerFault.IsStorage(fault))
            {
                throw TableLedgerFault.Of(table, fault, cancellationToken);
            }
        }
    }

    private async ValueTask<bool> NextAsync(IAsyncEnumerator<Page<TableEntity>> pages, CancellationToken cancellationToken)
    {
        try
        {
            return await pages.MoveNextAsync().ConfigureAwait(false);
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
