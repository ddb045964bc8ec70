using System.Runtime.CompilerServices;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Simulation;

/// <summary>
/// The SQLite ledger of the local host, as the process that owns it calls it: the real one, on a <see cref="SimulatedDisk"/>. Calls that
/// wait for the disk at the same time share a commit. The process may end, or the power fail, at any write.
/// </summary>
internal sealed class LocalLedger : ISyncLedger
{
    /// <summary>More writes and syncs than a commit takes with a checkpoint.</summary>
    private const int MaxWrites = 40;

    /// <summary>Pages in the write-ahead log that make a checkpoint; few, so that there are some in every simulation.</summary>
    private const int CheckpointPages = 60;

    /// <summary>The log between two checkpoints, and several commits. While the disk is full there is no checkpoint, but no commit either.</summary>
    private const int MaxLogBytes = 4 * CheckpointPages * 4_120;

    /// <summary>
    /// What a start writes. A host that dies before its second commit never begins the log again: SQLite does so only in a commit after the
    /// checkpoint, within the same process.
    /// </summary>
    private const int BytesPerStart = 3 * 4_120;

    /// <summary>Commits between two comparisons of the counts.</summary>
    private const int CommitsPerCount = 16;

    private static readonly TimeSpan MaxContinuationDelay = TimeSpan.FromSeconds(1);

    private readonly World _world;
    private readonly SimulatedProcess _process;
    private readonly TimeProvider _clock;
    private readonly LocalDisk _local;
    private readonly SqliteLedgerOptions _options;
    private readonly SqliteLedger _ledger;
    private readonly List<Action> _waiting = [];
    private bool _isEnding;
    private int? _writtenAtFailure;
    private int _commits;

    public LocalLedger(World world, SimulatedProcess process, TimeProvider clock, LocalDisk local)
    {
        (_world, _process, _clock, _local) = (world, process, clock, local);
        _options = new SqliteLedgerOptions(local.LedgerFile)
        {
            CheckpointPages = CheckpointPages,
            FileLayer = MemoryFiles.Name,
            HasWriterThread = false,
            LateEffectWindow = world.Plan.Recoverability.LateEffectWindow,
        };
        _ledger = SqliteLedger.Open(_options, clock);
        local.CheckOpened(ListAll());
    }

    /// <summary>Its scan for resyncs, on a connection of its own.</summary>
    public ILedgerScan Scan => new LocalScan(this, new SqliteLedgerScan(_options));

    /// <summary>Its maintenance, on a connection of its own.</summary>
    public ILedgerMaintenance Maintenance(RetentionOptions retention) =>
        new LocalMaintenance(this, new SqliteLedgerMaintenance(_ledger, _options, retention, _clock));

    /// <summary>What the ledger holds.</summary>
    public List<SyncRecord> ListAll() => Direct.Get(_ledger.ListAsync(new SyncRecordFilter(), CancellationToken.None).ToListAsync().AsTask());

    /// <summary>Closes the ledger like the local host at its end.</summary>
    public void Close() => Direct.Get(_ledger.DisposeAsync().AsTask());

    /// <summary>The process ends without closing it.</summary>
    public void Abandon(bool losesPower) => _local.Disk.End(losesPower, Close);

    public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken) => WriteAsync(
        "accept",
        () => _ledger.AcceptAsync(submissions, cancellationToken),
        acceptances =>
        {
            for (var i = 0; i < submissions.Count; i++) Accepted(submissions[i], acceptances[i]);
        },
        now => _local.Doubt(submissions, now),
        cancellationToken);

    public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken) => WriteAsync(
        "lease",
        () =>
        {
            _process.LaneRate.Begins(contentId);
            return _ledger.LeaseAsync(contentId, duration, cancellationToken);
        },
        result =>
        {
            if (result.Status == LeaseStatus.Granted) Granted(result.Record!);
            if (result.Status == LeaseStatus.NotFound) CheckUnknown(contentId);
        },
        static _ => { },
        cancellationToken);

    public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken) => WriteAsync(
        "record",
        () => _ledger.RecordAsync(leased, outcome, cancellationToken),
        result =>
        {
            if (result.Status != RecordStatus.LeaseLost) Put(result.Record);
        },
        _ => _local.DoubtOutcome(leased.ContentId),
        cancellationToken);

    public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
        WriteAsync("replay", () => _ledger.ReplayAsync(contentId, delay, cancellationToken), PutIfAny, static _ => { }, cancellationToken);

    public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
        WriteAsync("resend", () => _ledger.ResendAsync(contentId, cancellationToken), PutIfAny, static _ => { }, cancellationToken);

    public ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) => WriteAsync(
        "refuse",
        () => _ledger.RefuseAsync(contentId, version, code, message, cancellationToken),
        record =>
        {
            if (record is null)
            {
                CheckUnknown(contentId);
                return;
            }

            var (now, before) = (_clock.GetUtcNow(), _world.Store.Find(contentId)!.Record);
            var isWritten = record.Refused != before.Refused;
            _world.Invariants.Versions.Refused(version.AcceptedAt(now), now, before, isWritten ? record : null);
            if (isWritten) Put(record);
        },
        static _ => { },
        cancellationToken);

    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken).ConfigureAwait(false);
        var record = await _ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false);
        if (record is null) CheckUnknown(contentId);
        return record;
    }

    public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await ReadAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var record in _ledger.ListAsync(filter, cancellationToken).ConfigureAwait(false)) yield return record;
    }

    public async IAsyncEnumerable<ListedItem> ListItemsAsync(
        SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (filter.DueBy is not null) _process.SweepBegins();
        await ReadAsync(cancellationToken).ConfigureAwait(false);
        await foreach (var item in _ledger.ListItemsAsync(filter, cancellationToken).ConfigureAwait(false)) yield return item;
    }

    /// <summary>Compares what the ledger holds, lists and counts with the records.</summary>
    public void CheckLists()
    {
        var held = ListAll().ToDictionary(record => record.ContentId, StringComparer.Ordinal);
        foreach (var known in _world.Store.Records)
        {
            if (!held.TryGetValue(known.ContentId, out var record) || !LocalDisk.IsSame(record, known) || record.State != known.State)
                _world.Invariants.Report(Invariant.ListsAreComplete, $"{known.ContentId} is {known.State} r{known.Version}; the file says {record?.State}");
        }

        CheckCounts();
    }

    private void CheckCounts()
    {
        var counts = Direct.Get(_ledger.CountAsync(CancellationToken.None).AsTask());
        foreach (var state in Enum.GetValues<SyncState>())
        {
            var held = _world.Store.Records.Count(record => record.State == state);
            if (counts.States.GetValueOrDefault(state) != held)
                _world.Invariants.Report(Invariant.ListsAreComplete, $"{counts.States.GetValueOrDefault(state)} counted as {state}: {held}");
        }
    }

    private async ValueTask ReadAsync(CancellationToken cancellationToken) =>
        await _process.CallAsync("read", () => true, new CallBehavior(TimeSpan.Zero, TimeSpan.FromMilliseconds(1)), cancellationToken).ConfigureAwait(false);

    private sealed class LocalScan(LocalLedger ledger, SqliteLedgerScan scan) : ILedgerScan
    {
        public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await ledger.ReadAsync(cancellationToken).ConfigureAwait(false);
            foreach (var item in Direct.Get(scan.ReadAsync(cancellationToken).ToListAsync(cancellationToken).AsTask())) yield return item;
        }
    }

    private sealed class LocalMaintenance(LocalLedger ledger, SqliteLedgerMaintenance maintenance) : ILedgerMaintenance
    {
        public async Task<MaintenanceResult> RunAsync(TimeSpan budget, CancellationToken cancellationToken)
        {
            await ledger.ReadAsync(cancellationToken).ConfigureAwait(false);
            return Direct.Get(maintenance.RunAsync(budget, cancellationToken));
        }
    }

    private async ValueTask<T> WriteAsync<T>(
        string what, Func<ValueTask<T>> begin, Action<T> observe, Action<DateTimeOffset> doubt, CancellationToken cancellationToken)
    {
        Func<T>? result = null;
        var pending = begin();

        // A lease that needs no write is granted at once.
        if (pending.IsCompleted) Observe();
        else _waiting.Add(Observe);
        await _process.CallAsync(what, Commit, new CallBehavior(_world.ShortDelay(), ContinuationDelay()), cancellationToken).ConfigureAwait(false);
        return result!();

        void Observe()
        {
            try
            {
                var value = pending.GetAwaiter().GetResult();
                result = () => value;
                observe(value);
            }
            catch (LedgerUnavailableException fault)
            {
                if (_isEnding) doubt(_clock.GetUtcNow());
                _writtenAtFailure = _local.Disk.Written;
                result = () => throw new LedgerUnavailableException(fault.Message, fault);
            }
        }
    }

    // The thread pool may be busy when the disk is done, so that another call overtakes the one that waited.
    private TimeSpan ContinuationDelay() =>
        _world.Inject(Fault.ContinuationLate) ? _world.Random.Between(TimeSpan.Zero, MaxContinuationDelay) : TimeSpan.Zero;

    // Everything that waits by now, in the order of its arrival.
    private bool Commit()
    {
        if (!_process.IsAlive) return false;
        var isEnding = _waiting.Count > 0 && _world.Inject(Fault.LossInCommit);
        if (isEnding) _local.Disk.StopAfter(_world.Random.Next(MaxWrites));
        if (_world.IsDown(Fault.DiskFull)) _world.Faults.Add(Fault.DiskFull);
        _ledger.WriteWaiting();
        _isEnding = isEnding || _local.Disk.HasStopped;
        foreach (var observe in _waiting) observe();
        _waiting.Clear();
        var maxBytes = MaxLogBytes + (BytesPerStart * _world.Faults[Fault.Restart]);
        if (_local.LogBytes > maxBytes) _world.Invariants.Report(Invariant.LogIsBounded, $"the write-ahead log has {_local.LogBytes} bytes");
        if (++_commits % CommitsPerCount == 0 && !_isEnding) CheckCounts();
        if (_isEnding) _process.Crash(_world.Plan.RestartTime);
        return true;
    }

    private void Accepted(Submission submission, Acceptance acceptance)
    {
        _world.Invariants.Accepted(submission.Item, acceptance);
        var now = _clock.GetUtcNow();
        var change = new Change(submission.AcceptedAt(now), now, acceptance.Kind, submission.Version.FirstReceivedAt.Year == 1);
        var record = acceptance.Record;
        if (_world.Store.Find(record.ContentId)?.Record is { } known && LocalDisk.IsSame(record, known) && record.State == known.State)
            _world.Invariants.Versions.Ignored(change, known);
        else
            _world.Store.Put(record, _process.Name, [change]);
        _world.Trace.Write(_process.Name, $"{record.ContentId} r{submission.Version} is {acceptance.Kind}");
    }

    private void Granted(SyncRecord leased)
    {
        // A lease is kept in memory, so that it can be granted without a write. Its outcome cannot be recorded without one.
        if (_writtenAtFailure == _local.Disk.Written)
            _world.Invariants.Report(Invariant.NoLeaseWithoutWrites, $"{leased.ContentId} is leased, and nothing was written since a write failed");
        Put(leased);
    }

    private void PutIfAny(SyncRecord? record)
    {
        if (record is not null && record != _world.Store.Find(record.ContentId)?.Record) Put(record);
    }

    private void Put(SyncRecord record) => _world.Store.Put(record, _process.Name, []);

    private void CheckUnknown(string contentId)
    {
        if (_world.Store.Find(contentId) is not null)
            _world.Invariants.Report(Invariant.NoItemLost, $"the ledger says that it does not hold {contentId}");
    }
}

/// <summary>The queue of the local host. What calls it never goes on in a process that died meanwhile.</summary>
internal sealed class LocalQueuePort(SimulatedProcess process, World world, IServiceProvider services) : ISyncQueue
{
    public async ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken)
    {
        process.Enqueuing(messages.Count);
        await process.CallAsync("enqueue", Enqueue, new CallBehavior(world.ShortDelay(), TimeSpan.Zero), cancellationToken).ConfigureAwait(false);

        bool Enqueue()
        {
            if (process.IsAlive) _ = services.GetRequiredService<InProcessQueue>().EnqueueAsync(messages, CancellationToken.None).AsTask();
            return true;
        }
    }
}

/// <summary>The data folder of the local host, and what its ledger must hold after a restart.</summary>
internal sealed class LocalDisk : IDisposable
{
    /// <summary>A file system in memory, where Linux has one: what is synced there costs nothing.</summary>
    private const string MemoryFolder = "/dev/shm";

    private readonly World _world;
    private readonly string _folder = CreateFolder();
    private readonly List<Change> _inDoubt = [];
    private readonly HashSet<string> _outcomesInDoubt = [];
    private readonly List<string> _sendStatesInDoubt = [];
    private string _sendState = SharedSendStateText.Write(new SharedSendState());

    public LocalDisk(World world)
    {
        _world = world;
        Disk = MemoryFiles.Mount(_folder, world);
        Resyncs = new LocalResyncFolder(world, Path.Combine(_folder, "resync"));
    }

    public SimulatedDisk Disk { get; }

    public LocalResyncFolder Resyncs { get; }

    /// <summary>Bytes of the write-ahead log.</summary>
    public long LogBytes => Disk.Find("ledger.db-wal", create: false)?.Length ?? 0;

    public string LedgerFile => Path.Combine(_folder, "ledger.db");

    public string SendStateFile => Path.Combine(_folder, "send-state.db");

    /// <summary>A text that names the folder, which is another one in each run, without it.</summary>
    public string WithoutFolder(string text) => text.Replace(_folder, "the folder", StringComparison.Ordinal);

    /// <summary>A call failed. If the process or the machine ended during its commit, it may have been written.</summary>
    public void Doubt(IReadOnlyList<Submission> submissions, DateTimeOffset now) => _inDoubt.AddRange(submissions.Select(submission =>
        new Change(submission.AcceptedAt(now), now, null, submission.Version.FirstReceivedAt.Year == 1) { Seen = static _ => { } }));

    /// <summary>An outcome failed to be recorded. If the process or the machine ended during its commit, it may have been written.</summary>
    public void DoubtOutcome(string contentId) => _outcomesInDoubt.Add(contentId);

    /// <summary>The document with the pauses and the budget was written.</summary>
    public void SendStateWritten(SharedSendState state)
    {
        _sendState = SharedSendStateText.Write(state);
        _sendStatesInDoubt.Clear();
        _world.Invariants.Pauses.Written(state);
    }

    /// <summary>The document failed to be written. If the process or the machine ended meanwhile, it may have been.</summary>
    public void DoubtSendState(SharedSendState state) => _sendStatesInDoubt.Add(SharedSendStateText.Write(state));

    /// <summary>Checks that a process finds the document that was written last.</summary>
    public void SendStateOpened(SharedSendState found)
    {
        var text = SharedSendStateText.Write(found);
        if (text != _sendState && !_sendStatesInDoubt.Contains(text))
            _world.Invariants.Report(Invariant.PausesAreKept, $"after a restart the document is {text} instead of {_sendState}");
        SendStateWritten(found);
    }

    /// <summary>
    /// Checks what a process finds in the ledger against what the one before it was told: everything but the outcomes of attempts, which make
    /// an item pending again if they are lost.
    /// </summary>
    public void CheckOpened(List<SyncRecord> found)
    {
        var held = found.ToDictionary(record => record.ContentId, StringComparer.Ordinal);
        foreach (var known in _world.Store.Records.ToList())
        {
            if (!held.ContainsKey(known.ContentId))
                _world.Invariants.Report(Invariant.NoItemLost, $"{known.ContentId} was accepted and is not in the file after a restart");
        }

        foreach (var record in found) CheckOpened(record);
        _inDoubt.Clear();
        _outcomesInDoubt.Clear();
    }

    /// <summary>Whether two records have the same version, request and refusal.</summary>
    public static bool IsSame(SyncRecord record, SyncRecord known) =>
        record.Version == known.Version && record.Order == known.Order && record.RequestId == known.RequestId && record.Refused == known.Refused;

    public void Dispose()
    {
        MemoryFiles.Unmount(_folder);
        Directory.Delete(_folder, recursive: true);
    }

    private static string CreateFolder()
    {
        var name = $"contentsync-simulation-{Guid.NewGuid():n}";
        if (Directory.Exists(MemoryFolder))
        {
            try
            {
                return Directory.CreateDirectory(Path.Combine(MemoryFolder, name)).FullName;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The other folder is only slower.
            }
        }

        return Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), name)).FullName;
    }

    private void CheckOpened(SyncRecord record)
    {
        var known = _world.Store.Find(record.ContentId)?.Record;
        var isSame = known is not null && IsSame(record, known);
        var changes = isSame ? [] : _inDoubt.Where(change => change.Submission.Item.ContentId == record.ContentId).ToList();
        if (!isSame && changes.Count == 0 && record.Refused == known?.Refused)
            _world.Invariants.Report(Invariant.NoItemLost, $"{record.ContentId} is r{record.Version} after a restart instead of r{known?.Version}");
        var mayDiffer = record.State == SyncState.Pending || _outcomesInDoubt.Contains(record.ContentId);
        if (isSame && record.State != known!.State && !mayDiffer)
            _world.Invariants.Report(Invariant.NoItemLost, $"{record.ContentId} is {record.State} after a restart instead of {known.State}");
        _world.Store.Restore(record, changes);
    }
}
