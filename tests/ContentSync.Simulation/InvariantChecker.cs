using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>What must always hold.</summary>
internal enum Invariant
{
    /// <summary>The local host finds the runs that it stored and the plans that they need, even after a power loss.</summary>
    RunsAreKept,

    /// <summary>An item's history holds every attempt that was recorded, and every request that was sent.</summary>
    HistoryIsComplete,

    /// <summary>An item that has failed half of its attempts is tried again until it is too old, and no longer.</summary>
    AgeIsLimited,

    /// <summary>The delay of a retry is anywhere between zero and the back-off.</summary>
    RetriesAreSpread,

    /// <summary>While sending is stopped, the sweep enqueues no more items than it needs as probes.</summary>
    OnlyProbesAreEnqueued,

    /// <summary>A pause is remembered until it ends, and nothing is sent meanwhile.</summary>
    PausesAreKept,

    /// <summary>The time of a request is that of its process when it leaves.</summary>
    RequestIsFresh,

    /// <summary>Every accepted item ends synchronized, superseded or parked with a reason.</summary>
    NoItemLost,

    /// <summary>AlipayHK holds the newest accepted version.</summary>
    AlipayHkHoldsNewest,

    /// <summary>An older version never reaches AlipayHK after a newer one took effect.</summary>
    NeverOlderAfterNewer,

    /// <summary>At most one connection per contentId, and none while AlipayHK may be processing another request for it.</summary>
    OneInFlight,

    /// <summary>The request id and body never change within a version and always change with it.</summary>
    RequestIsFixed,

    /// <summary>Bulk sends leave the reserved share of the rate to single changes.</summary>
    LanesKeepTheirRate,

    /// <summary>The quotas for requests and signatures are never exceeded in any window.</summary>
    QuotasRespected,

    /// <summary>While the circuit breaker of all processes is open, one request is under way at most, and one for each probe interval.</summary>
    OneProbe,

    AttemptsBounded,

    /// <summary>No item is parked, and no message dead-lettered, for a retryable cause while AlipayHK was merely down.</summary>
    NotParkedWhileDown,

    /// <summary>No unexpected exception.</summary>
    NothingThrown,

    /// <summary>A run of the whole catalog ends, and its counts add up.</summary>
    ResyncAddsUp,

    /// <summary>After the last run, the ledger and AlipayHK equal the catalog.</summary>
    AlipayHkEqualsCatalog,

    /// <summary>Exactly the items that vanished from the catalog are delisted.</summary>
    DelistedAsPlanned,

    /// <summary>An item is always in the same lane.</summary>
    OneLane,

    /// <summary>No run delists more than the guard allows.</summary>
    GuardRespected,

    /// <summary>A vault that was down is probed again.</summary>
    VaultsProbedAgain,

    /// <summary>A change becomes the current version exactly if it is newer by the rules of the version order.</summary>
    NewestVersionWins,

    /// <summary>Of the lines of a catalog, exactly the one that counts is submitted for an item.</summary>
    OneLineCounts,

    /// <summary>A redelivery, a copy or a split-off item keeps the time at which its change first reached the app.</summary>
    FirstReceiptIsKept,

    /// <summary>An item is stale exactly while a refused version is newer than the accepted one.</summary>
    StaleIsVisible,

    /// <summary>The ledger lists exactly what it holds.</summary>
    ListsAreComplete,

    /// <summary>The write-ahead log of the local host does not grow with the number of its commits.</summary>
    LogIsBounded,

    /// <summary>On one machine no request is prepared while the ledger cannot write its outcome.</summary>
    NoLeaseWithoutWrites,

    /// <summary>At its end a process lets what is in flight finish.</summary>
    FlightsFinish,

    /// <summary>What is sent to a queue at once is not larger than the broker accepts.</summary>
    TransfersFit,

    /// <summary>An item that always fails does not hold up the others.</summary>
    OthersFlow,

    /// <summary>An item that always fails while others succeed is parked.</summary>
    PoisonIsParked,
}

/// <summary>An invariant that did not hold.</summary>
internal sealed record Violation(Invariant Invariant, string Text);

/// <summary>Observes every write to the store and every request to AlipayHK, and knows every submission.</summary>
internal sealed class InvariantChecker(World world)
{
    /// <summary>Items that a sweep may enqueue while the circuit breaker is open.</summary>
    private const int MaxProbes = 4;

    /// <summary>The clock by which a lease was granted may be behind by the time that a call to the store takes.</summary>
    private static readonly TimeSpan LeaseTolerance = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, Request> _requests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ItemHistory> _items = new(StringComparer.Ordinal);
    private readonly PoisonChecker _poison = new(world);
    private readonly ContentReader _reader = new(new ContentOptions(), new TrueTime(world));
    private readonly HistoryChecker _history = new(world);
    private readonly RetryChecker _retries = new(world);
    private RefusalChecker? _refusals;
    private ResyncChecker? _resyncs;

    /// <summary>Checks the order of versions.</summary>
    public VersionChecker Versions { get; } = new(world);

    /// <summary>Checks the invariants of resyncs.</summary>
    public ResyncChecker Resyncs => _resyncs ??= new ResyncChecker(world, _reader);

    /// <summary>Checks the pauses of sending.</summary>
    public PauseChecker Pauses { get; } = new(world);

    /// <summary>Checks what becomes of items that are not accepted.</summary>
    public RefusalChecker Refusals => _refusals ??= new RefusalChecker(world, _reader);

    /// <summary>The first violation, which ends the simulation.</summary>
    public Violation? Violation { get; private set; }

    public void Report(Invariant invariant, string text)
    {
        world.Trace.Write("CHECK", $"{invariant}: {text}");
        Violation ??= new Violation(invariant, text);
    }

    /// <summary>The broker accepted an item; from now on it must not be lost.</summary>
    public void Produced(SubmittedItem submitted)
    {
        if (submitted.IsInvalid)
        {
            Refusals.Produced(submitted);
            return;
        }

        Promised(submitted);
    }

    /// <summary>The app acknowledged an item to its caller; from now on it must not be lost.</summary>
    public void Acknowledged(SubmittedItem submitted)
    {
        if (world.Store.Find(submitted.ContentId) is null)
            Report(Invariant.NoItemLost, $"{submitted.ContentId} was acknowledged but is not in the store");
        else
            Promised(submitted);
    }

    /// <summary>A ledger decided on a version that was submitted.</summary>
    public void Accepted(ContentItem item, Acceptance acceptance)
    {
        if (acceptance.Kind == AcceptanceKind.Unchanged && acceptance.Record.Hash != item.Hash && !item.IsDelistingById)
            Report(Invariant.AlipayHkHoldsNewest, $"{item.ContentId} was reported as unchanged but differs");
    }

    /// <param name="old">The record before; null if there was none.</param>
    /// <param name="next">The record as written.</param>
    /// <param name="changes">Number of submitted versions that the write applied.</param>
    public void Written(SyncRecord? old, SyncRecord next, int changes)
    {
        var history = Of(next.ContentId);
        CheckRequest(old, next, history, changes);
        Versions.Written(old, next);
        if (IsPendingAfterLastAttempt(old, next))
            Report(Invariant.AttemptsBounded, $"{next.ContentId} is pending after {next.Attempts} attempts, and AlipayHK signed the last failure");
        if (next.State == SyncState.Synchronized) CheckStored(next, history);
        if (next.State == SyncState.Parked && old?.State != SyncState.Parked) CheckParked(next, history);
        if (IsLeasedAfterInterruption(old, next)) history.Interrupted++;

        // Of several versions in one write, those before the last may have had other content.
        var wasRejected = old is { State: SyncState.Parked, ParkReason: ParkReason.Rejected } && old.Hash == next.Hash && changes < 2;
        if (!world.IsReplaying && wasRejected && next.State == SyncState.Pending)
            Report(Invariant.AttemptsBounded, $"{next.ContentId} was rejected permanently and is pending again");
        if (next.Attempts == 0 && old is null or { Attempts: > 0 }) history.ForgetArrivals();
        _resyncs?.Written(old, next);
        _poison.Written(old, next);
        _history.Written(old, next);
        _retries.Written(old, next);
    }

    /// <summary>A process found a record in the file of the local host.</summary>
    /// <param name="old">The record as the process before it knew it; null if it knew none.</param>
    /// <param name="found">The record in the file.</param>
    /// <param name="changes">Number of submitted versions that the process before it did not know to be written.</param>
    public void Restored(SyncRecord? old, SyncRecord found, int changes)
    {
        var history = Of(found.ContentId);
        CheckRequest(old, found, history, changes);
        Versions.Written(old, found);
        if (found.State == SyncState.Synchronized) CheckStored(found, history);
    }

    /// <summary>A process sends a request.</summary>
    public void Sent(AlipayHkCall call)
    {
        var history = Of(call.ContentId);
        if (!_requests.TryGetValue(call.RequestId, out var request))
            Report(Invariant.RequestIsFixed, $"{call.ContentId} is sent with request {call.RequestId}, which no record ever had");
        else if (!request.Body.Span.SequenceEqual(call.Body))
            Report(Invariant.RequestIsFixed, $"{call.ContentId} is sent with a different body than the one of request {call.RequestId}");
        var maxAttempts = RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(world.Plan.Recoverability);
        if (world.Store.Find(call.ContentId)?.Record is { } record && record.Attempts > maxAttempts)
            Report(Invariant.AttemptsBounded, $"{call.ContentId} is sent in attempt {record.Attempts}");
        if (!IsLeased(call.ContentId)) Report(Invariant.OneInFlight, $"{call.ContentId} is sent without a lease that outlasts its late effects");
        _resyncs?.Sent(call.ContentId);
        _history.Sent(call);
        Pauses.Sent(call);
        if (history.Open.Count > 0) Report(Invariant.OneInFlight, $"{history.Open.Count + 1} requests for {call.ContentId} are in flight");
        if (history.InProgress.Exists(other => other.RequestId != call.RequestId))
            Report(Invariant.OneInFlight, $"{call.ContentId} is sent while AlipayHK is processing another request for it");
        history.Open.Add(call);
        history.InProgress.Add(call);
    }

    /// <summary>A request arrived at AlipayHK, which is neither down nor misconfigured.</summary>
    public void Arrived(AlipayHkCall call)
    {
        var history = Of(call.ContentId);
        if (_requests[call.RequestId].Number < history.NewestEffect)
            Report(Invariant.NeverOlderAfterNewer, $"request {call.RequestId} for {call.ContentId} arrives after a newer one took effect");

        // An item that always fails goes through many attempts, and those that were deferred or cancelled are not counted.
        var maxAttempts = RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(world.Plan.Recoverability);
        var maxArrivals = (PoisonChecker.IsPoison(call.Kind) ? 6 : 3) * maxAttempts;

        // The shipped host probes every few seconds as long as its clock is wrong.
        if (world.Plan.HasHostSettings && call.Process.Machine.ClockOffset != TimeSpan.Zero) history.ArrivalsByWrongClock++;
        if (++history.Arrivals - history.ArrivalsByWrongClock > maxArrivals)
            Report(Invariant.AttemptsBounded, $"{call.ContentId} was sent {history.Arrivals} times without an outcome");
    }

    /// <summary>The connection ended.</summary>
    public void Closed(AlipayHkCall call) => Of(call.ContentId).Open.Remove(call);

    /// <summary>The connection ended, and AlipayHK finished processing the request.</summary>
    public void Finished(AlipayHkCall call) => Of(call.ContentId).InProgress.Remove(call);

    public void TookEffect(AlipayHkCall call)
    {
        var history = Of(call.ContentId);
        var request = _requests[call.RequestId];
        history.Stored = request.Hash;
        history.NewestEffect = Math.Max(history.NewestEffect, request.Number);
        if (world.Store.Find(call.ContentId)?.Record is { State: SyncState.Synchronized } record) CheckStored(record, history);
    }

    /// <summary>The sweep of a process whose circuit breaker was open when it began enqueues items.</summary>
    public void EnqueuedWhileStopped(int messages)
    {
        if (messages > MaxProbes) Report(Invariant.OnlyProbesAreEnqueued, $"the sweep enqueues {messages} items while the circuit breaker is open");
    }

    public void DeadLettered(OutgoingMessage message, string reason, string description)
    {
        // Whether a number really has two contents is checked with the versions.
        if (reason is nameof(AcceptanceKind.RevisionConflict) or "InvalidMessage" && Refusals.IsExpected(message)) return;

        // Whether the item may be parked is checked when its record is written.
        var isParked = reason is nameof(ParkReason.Rejected) or nameof(ParkReason.AttemptsExhausted) or nameof(ParkReason.AgeExceeded)
            && _items.Any(item => item.Value.WasParked && Names(message, item.Key));
        if (!isParked) Report(Invariant.NotParkedWhileDown, $"{message.MessageId} is dead-lettered with {reason}: {description}");
    }

    public void CheckEnd(bool isQuiet)
    {
        if (Violation is not null) return;
        if (!isQuiet)
        {
            var pending = world.Store.Records.Where(record => record.State == SyncState.Pending).ToList();

            // An item at fault spends attempts only while others succeed, and these ended before it was out of attempts.
            if (pending.Count > 0 && pending.TrueForAll(record => PoisonChecker.IsPoison(ItemKindText.Find(record.Body.Span)))) return;
            Report(
                Invariant.NoItemLost,
                $"not finished in time: pending {string.Join(", ", pending.Select(record => record.ContentId))}; "
                + $"{world.Broker.ContentMessages} content messages, {world.Lanes.Waiting} packs, {world.CallersWaiting} callers, "
                + $"{world.AlipayHk.InFlight} requests, {(world.Resyncs.IsBusy ? "a" : "no")} run");
            return;
        }

        foreach (var (contentId, history) in _items)
        {
            if (history.Promised.Count == 0) continue;
            if (world.Store.Find(contentId)?.Record is not { } record)
                Report(Invariant.NoItemLost, $"{contentId} is lost");
            else if (history.Promised.Find(item => !Versions.HasArrived(item)) is { } lost)
                Report(Invariant.NoItemLost, $"{contentId} r{ChangeVersion.Of(lost, default)} is lost, the store has r{record.Version}");
            else if (record.State == SyncState.Synchronized)
                CheckStored(record, history);
        }

        if (world.Plan.Bulk is not null) Resyncs.CheckEnd();
        _poison.CheckEnd();
        _retries.CheckEnd();
        _refusals?.CheckEnd();
    }

    private void Promised(SubmittedItem submitted)
    {
        var item = _reader.Read(Encoding.UTF8.GetBytes(submitted.ToJson())).Item!;
        if (submitted.Intent == Intent.Delist) item = Delisting.ById(item.ContentId, item.Number, item.OccurredAt);
        Of(item.ContentId).Promised.Add(item);
    }

    private void CheckRequest(SyncRecord? old, SyncRecord next, ItemHistory history, int changes)
    {
        if (old is not null && old.RequestId == next.RequestId)
        {
            if (old.Hash != next.Hash || !old.Body.Span.SequenceEqual(next.Body.Span))
                Report(Invariant.RequestIsFixed, $"{next.ContentId} changes its body within request {next.RequestId}");
            return;
        }

        // Several versions in one write may lead back to the same content.
        if (old?.Hash == next.Hash && changes < 2) Report(Invariant.RequestIsFixed, $"{next.ContentId} changes its request id but not its content");
        if (next.IsTombstone) return;
        if (!_requests.TryAdd(next.RequestId, new Request(++history.Requests, next.Hash, next.Body)))
            Report(Invariant.RequestIsFixed, $"{next.ContentId} reuses request id {next.RequestId}");
        history.ForgetArrivals();
        history.Interrupted = 0;
    }

    private void CheckStored(SyncRecord record, ItemHistory history)
    {
        if (history.Stored == record.Hash) return;
        var stored = history.Stored is null ? "nothing" : "a different version";
        Report(Invariant.AlipayHkHoldsNewest, $"{record.ContentId} is marked as synchronized at r{record.Version}, but AlipayHK holds {stored}");
    }

    private bool IsPendingAfterLastAttempt(SyncRecord? old, SyncRecord next) =>
        next.State == SyncState.Pending && next.RequestId == old?.RequestId && next.LastAttempt != old.LastAttempt
        && IsSignedFailure(next.LastAttempt) && next.Attempts >= world.Plan.Recoverability.MaxAttempts;

    // The previous lease expired during an attempt. The library's own late-effect lease is not an attempt.
    private static bool IsLeasedAfterInterruption(SyncRecord? old, SyncRecord next) =>
        old?.Lease is { } expired && next.Lease is { } lease && next.Attempts == old.Attempts + 1 && old.Attempts > 0
        && expired.LeaseId != "settling" && expired.LeaseId != lease.LeaseId;

    private static bool Names(OutgoingMessage message, string contentId) =>
        Encoding.UTF8.GetString(message.Body.Span).Contains($"\"contentId\":\"{contentId}\"", StringComparison.Ordinal);

    // The simulated AlipayHK signs every response with this code, so AlipayHK was up, even if it went down right afterwards.
    private static bool IsSignedFailure(SyncAttempt? attempt) => attempt?.Code == "UNKNOWN_EXCEPTION";

    private void CheckParked(SyncRecord record, ItemHistory history)
    {
        history.WasParked = true;

        // An attempt whose outcome was never recorded is spent, because the item may be why.
        var ended = record.Attempts - history.Interrupted;
        var isInterrupted = history.Interrupted >= world.Plan.Recoverability.MaxAttempts
            || (history.Interrupted > 0 && ended < RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(world.Plan.Recoverability));
        if (record.ParkReason is null || record.LastAttempt is null)
        {
            Report(Invariant.NoItemLost, $"{record.ContentId} is parked without a reason");
        }
        else if (record.ParkReason == ParkReason.Rejected)
        {
            if (ItemKindText.Find(record.Body.Span) != ItemKind.Risky)
                Report(Invariant.NotParkedWhileDown, $"{record.ContentId} is parked as rejected, but AlipayHK never signed a rejection");
        }
        else if (PoisonChecker.IsPoison(ItemKindText.Find(record.Body.Span)))
        {
            return;
        }
        else if (!IsSignedFailure(record.LastAttempt) && !isInterrupted && IsAnythingDown())
        {
            Report(Invariant.NotParkedWhileDown, $"{record.ContentId} is parked with {record.ParkReason} while AlipayHK is down");
        }
        else if (history.Arrivals == 0 && !isInterrupted)
        {
            Report(Invariant.NotParkedWhileDown, $"{record.ContentId} is parked with {record.ParkReason}, but no request for it reached AlipayHK");
        }
    }

    // The lease must also cover the late effects, in case the outcome is never recorded. The ledger of the local host keeps its leases by a
    // clock of its own.
    private bool IsLeased(string contentId) => world.Plan.IsLocal
        || (world.Store.Find(contentId)?.Record.Lease is { LeaseId: not "settling" } lease
            && lease.ExpiresAt + LeaseTolerance > world.Time.Now + world.Plan.Recoverability.LateEffectWindow);

    private bool IsAnythingDown() =>
        world.IsDown(Fault.AlipayHkOutage) || world.IsDown(Fault.AlipayHkConfigurationFault) || world.IsDown(Fault.AlipayHkClockFault)
        || world.IsDown(Fault.VaultOutage)
        || (world.Plan.MaxClockSkew is not null && world.Machines.Any(machine => machine.ClockOffset != TimeSpan.Zero));

    private ItemHistory Of(string contentId)
    {
        if (!_items.TryGetValue(contentId, out var history)) _items.Add(contentId, history = new ItemHistory());
        return history;
    }

    private sealed record Request(long Number, ContentHash Hash, ReadOnlyMemory<byte> Body);

    private sealed class ItemHistory
    {
        /// <summary>Number of the newest request that took effect.</summary>
        public long NewestEffect { get; set; }

        /// <summary>The version that AlipayHK holds.</summary>
        public ContentHash? Stored { get; set; }

        /// <summary>Requests whose connection is open.</summary>
        public List<AlipayHkCall> Open { get; } = [];

        /// <summary>Requests whose connection is open or that AlipayHK is still processing.</summary>
        public List<AlipayHkCall> InProgress { get; } = [];

        public long Requests { get; set; }

        /// <summary>Arrivals of the current request since its first attempt.</summary>
        public int Arrivals { get; set; }

        /// <summary>Those while the clock of the sender was wrong, if it is the shipped host.</summary>
        public int ArrivalsByWrongClock { get; set; }

        /// <summary>Attempts of the current request during which the process died. The item may be the cause.</summary>
        public int Interrupted { get; set; }

        public bool WasParked { get; set; }

        /// <summary>Changes that must not be lost.</summary>
        public List<ContentItem> Promised { get; } = [];

        /// <summary>Another request begins, or the attempts of this one begin anew.</summary>
        public void ForgetArrivals() => (Arrivals, ArrivalsByWrongClock) = (0, 0);
    }
}
