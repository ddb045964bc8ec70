using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>What must hold, whatever happens.</summary>
internal enum Invariant
{
    /// <summary>Every accepted item ends synchronized, superseded or parked with a reason.</summary>
    EverythingSettles,

    /// <summary>The partner's state equals the newest accepted revision.</summary>
    PartnerHoldsNewest,

    /// <summary>An older revision never reaches the partner after a newer one took effect.</summary>
    NeverOlderAfterNewer,

    /// <summary>At most one connection per contentId, and none while the partner may be at work on another request of it.</summary>
    OneInFlight,

    /// <summary>Request id and body never change within a revision and always change with it.</summary>
    RequestIsFixed,

    /// <summary>Send and sign quotas are never exceeded in any window.</summary>
    QuotasKept,

    AttemptsBounded,

    /// <summary>No dead letter for a retryable cause while the partner was merely down.</summary>
    NoDeadLetterWhileDown,

    /// <summary>No exception that nobody expects.</summary>
    NothingThrown,

    /// <summary>A run of the whole catalog comes to its end, and its counts add up.</summary>
    ResyncAddsUp,

    /// <summary>After the last run, ledger and partner equal the catalog.</summary>
    PartnerEqualsCatalog,

    /// <summary>What is delisted is what the catalog no longer holds.</summary>
    DelistedAsPlanned,

    /// <summary>A content is always in the same lane.</summary>
    OneLane,

    /// <summary>No run takes down more than the guard allows.</summary>
    GuardKept,

    /// <summary>A vault that was down is tried again.</summary>
    VaultsComeBack,
}

/// <summary>An invariant that did not hold.</summary>
internal sealed record Violation(Invariant Invariant, string Text);

/// <summary>Watches every write to the store and everything that reaches the partner, and knows what was handed in.</summary>
internal sealed class Judge(World world)
{
    private readonly Dictionary<string, Request> _requests = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Content> _contents = new(StringComparer.Ordinal);
    private readonly ContentReader _reader = new(new ContentOptions(), new TrueTime(world));
    private BulkJudge? _bulk;

    /// <summary>Judges resyncs.</summary>
    public BulkJudge Bulk => _bulk ??= new BulkJudge(world, _reader);

    /// <summary>The first one; the simulation ends with it.</summary>
    public Violation? Violation { get; private set; }

    public void Report(Invariant invariant, string text)
    {
        world.Trace.Write("JUDGE", $"{invariant}: {text}");
        Violation ??= new Violation(invariant, text);
    }

    /// <summary>A caller hands an item in over HTTP.</summary>
    /// <returns>Null where it is refused: by a clock that is days off, for one.</returns>
    public ContentItem? Submitted(SubmittedItem submitted, ContentReader reader)
    {
        var item = reader.Read(Encoding.UTF8.GetBytes(submitted.ToJson())).Item;
        if (item is not null) Of(item.ContentId).Know(item);
        return item;
    }

    /// <summary>The broker took an item: from now on it must not be lost.</summary>
    public void Produced(SubmittedItem submitted)
    {
        var item = Submitted(submitted, _reader)!;
        Of(item.ContentId).Promise(item.Revision);
    }

    /// <summary>A caller was told that its item is accepted: from now on it must not be lost.</summary>
    public void Acknowledged(ContentItem item, Acceptance acceptance)
    {
        var content = Of(item.ContentId);
        var record = world.Store.Find(item.ContentId)?.Record;
        if (record is null)
        {
            Report(Invariant.EverythingSettles, $"{item.ContentId} was acknowledged and is not in the store");
            return;
        }

        if (item.Revision is { } revision && Order(revision, record.Revision) > 0) Report(Invariant.EverythingSettles, $"{item.ContentId} r{revision} was acknowledged as {acceptance.Kind}, the store has r{record.Revision}");
        if (acceptance.Kind == AcceptanceKind.Superseded && item.Revision is { } own && Order(own, acceptance.Record.Revision) >= 0) Report(Invariant.PartnerHoldsNewest, $"{item.ContentId} r{own} was called superseded by r{acceptance.Record.Revision}");
        if (acceptance.Kind == AcceptanceKind.Unchanged && acceptance.Record.Hash != item.Hash) Report(Invariant.PartnerHoldsNewest, $"{item.ContentId} was called unchanged and is not");
        content.Promise(item.Revision);
    }

    public void Written(SyncRecord? old, SyncRecord next)
    {
        var content = Of(next.ContentId);
        CheckRequest(old, next, content);
        if (old is not null && Order(next.Revision, old.Revision) < 0) Report(Invariant.PartnerHoldsNewest, $"{next.ContentId} goes back from r{old.Revision} to r{next.Revision}");
        if (content.HashOf(next.Revision) is { } hash && hash != next.Hash) Report(Invariant.PartnerHoldsNewest, $"{next.ContentId} r{next.Revision} has another revision's content");
        if (IsAnsweredInVain(old, next)) Report(Invariant.AttemptsBounded, $"{next.ContentId} is pending after {next.Attempts} attempts, the last one answered");
        if (next.State == SyncState.Synchronized) CheckHeld(next, content);
        if (next.State == SyncState.Parked && old?.State != SyncState.Parked) CheckParked(next, content);
        if (old?.Lease is { } dead && next.Lease is { } lease && next.Attempts == old.Attempts + 1 && old.Attempts > 0 && dead.LeaseId != "settling" && dead.LeaseId != lease.LeaseId) content.Interrupted++;
        if (!world.IsReplaying && old is { State: SyncState.Parked, ParkReason: ParkReason.Rejected } && next.State == SyncState.Pending && old.Hash == next.Hash) Report(Invariant.AttemptsBounded, $"{next.ContentId} was rejected for good and is to be sent again");
        if (next.Attempts == 0 && old is null or { Attempts: > 0 }) content.Arrivals = 0;
        _bulk?.Written(old, next);
    }

    /// <summary>A request leaves a process.</summary>
    public void Sent(PartnerCall call)
    {
        var content = Of(call.ContentId);
        if (!_requests.TryGetValue(call.RequestId, out var request)) Report(Invariant.RequestIsFixed, $"{call.ContentId} is sent with request {call.RequestId}, which no record ever had");
        else if (!request.Body.Span.SequenceEqual(call.Body)) Report(Invariant.RequestIsFixed, $"{call.ContentId} is sent with another body than the one fixed with request {call.RequestId}");
        if (world.Store.Find(call.ContentId)?.Record is { } record && record.Attempts > RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(world.Plan.Recoverability)) Report(Invariant.AttemptsBounded, $"{call.ContentId} is sent in its attempt {record.Attempts}");
        if (content.Open.Count > 0) Report(Invariant.OneInFlight, $"{content.Open.Count + 1} requests of {call.ContentId} in flight");
        if (content.AtWork.Exists(other => other.RequestId != call.RequestId)) Report(Invariant.OneInFlight, $"{call.ContentId} is sent while the partner is at work on another request of it");
        content.Open.Add(call);
        content.AtWork.Add(call);
    }

    /// <summary>A request is in the partner's hands, which is neither down nor misconfigured.</summary>
    public void Arrived(PartnerCall call)
    {
        var content = Of(call.ContentId);
        if (_requests[call.RequestId].Number < content.NewestTaken) Report(Invariant.NeverOlderAfterNewer, $"request {call.RequestId} of {call.ContentId} arrives after a newer one took effect");
        var most = 3 * RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(world.Plan.Recoverability);
        if (++content.Arrivals > most) Report(Invariant.AttemptsBounded, $"{call.ContentId} was sent {content.Arrivals} times without an end");
    }

    /// <summary>The connection ended.</summary>
    public void Closed(PartnerCall call) => Of(call.ContentId).Open.Remove(call);

    /// <summary>The connection ended, and what the partner had to do is done.</summary>
    public void Left(PartnerCall call) => Of(call.ContentId).AtWork.Remove(call);

    public void TookEffect(PartnerCall call)
    {
        var content = Of(call.ContentId);
        var request = _requests[call.RequestId];
        content.Held = request.Hash;
        content.NewestTaken = Math.Max(content.NewestTaken, request.Number);
        if (world.Store.Find(call.ContentId)?.Record is { State: SyncState.Synchronized } record) CheckHeld(record, content);
    }

    public void DeadLettered(OutgoingMessage message, string reason, string description)
    {
        // Whether it was right to park it is judged where the record is written.
        var isParked = reason is nameof(ParkReason.Rejected) or nameof(ParkReason.AttemptsExhausted) or nameof(ParkReason.AgeExceeded)
            && _contents.Any(content => content.Value.WasParked && Names(message, content.Key));
        if (!isParked) Report(Invariant.NoDeadLetterWhileDown, $"{message.MessageId} is dead-lettered with {reason}: {description}");
    }

    public void CheckEnd(bool isQuiet)
    {
        if (Violation is not null) return;
        if (!isQuiet)
        {
            var pending = world.Store.Records.Where(record => record.State == SyncState.Pending).Select(record => record.ContentId);
            Report(Invariant.EverythingSettles, $"not settled in time: pending {string.Join(", ", pending)}; {world.Broker.ContentMessages} content messages, {world.CallersWaiting} callers");
            return;
        }

        foreach (var (contentId, content) in _contents)
        {
            if (!content.IsPromised) continue;
            if (world.Store.Find(contentId)?.Record is not { } record) Report(Invariant.EverythingSettles, $"{contentId} is lost");
            else if (content.Promised is { } newest && Order(newest, record.Revision) > 0) Report(Invariant.EverythingSettles, $"{contentId} r{newest} is lost, the store has r{record.Revision}");
            else if (record.State == SyncState.Synchronized) CheckHeld(record, content);
        }

        if (world.Plan.Bulk is not null) Bulk.CheckEnd();
    }

    private void CheckRequest(SyncRecord? old, SyncRecord next, Content content)
    {
        if (old is not null && old.RequestId == next.RequestId)
        {
            if (old.Hash != next.Hash || !old.Body.Span.SequenceEqual(next.Body.Span)) Report(Invariant.RequestIsFixed, $"{next.ContentId} changes its body within request {next.RequestId}");
            return;
        }

        if (old?.Hash == next.Hash) Report(Invariant.RequestIsFixed, $"{next.ContentId} changes its request id and not its content");
        if (!_requests.TryAdd(next.RequestId, new Request(++content.Requests, next.Hash, next.Body))) Report(Invariant.RequestIsFixed, $"{next.ContentId} takes request id {next.RequestId} again");
        content.Arrivals = 0;
        content.Interrupted = 0;
    }

    private void CheckHeld(SyncRecord record, Content content)
    {
        if (content.Held != record.Hash) Report(Invariant.PartnerHoldsNewest, $"{record.ContentId} is called synchronized at r{record.Revision}; the partner holds {(content.Held is null ? "nothing" : "something else")}");
    }

    // The simulated partner signs every answer with this code.
    private bool IsAnsweredInVain(SyncRecord? old, SyncRecord next) =>
        next.State == SyncState.Pending && next.RequestId == old?.RequestId && next.LastAttempt != old.LastAttempt
        && SaidItself(next.LastAttempt) && next.Attempts >= world.Plan.Recoverability.MaxAttempts;

    // The judge's own: a fault in the library's must show.
    private static int Order(Revision one, Revision other) => one.Kind == other.Kind ? one.Value.CompareTo(other.Value) : 1;

    private static bool Names(OutgoingMessage message, string contentId) =>
        Encoding.UTF8.GetString(message.Body.Span).Contains($"\"contentId\":\"{contentId}\"", StringComparison.Ordinal);

    // What the partner signed it was there to say, also where it went down right after.
    private static bool SaidItself(SyncAttempt? attempt) => attempt?.Code == "UNKNOWN_EXCEPTION";

    private void CheckParked(SyncRecord record, Content content)
    {
        content.WasParked = true;
        if (record.ParkReason is null || record.LastAttempt is null)
        {
            Report(Invariant.EverythingSettles, $"{record.ContentId} is parked without a reason");
        }
        else if (record.ParkReason == ParkReason.Rejected)
        {
            if (NatureText.Find(record.Body.Span) != Nature.Risky) Report(Invariant.NoDeadLetterWhileDown, $"{record.ContentId} is parked as rejected, which the partner never said in earnest");
        }
        else if (!SaidItself(record.LastAttempt) && content.Interrupted < world.Plan.Recoverability.MaxAttempts && (world.IsOut(Fault.PartnerDark) || world.IsOut(Fault.PartnerConfigurationFault) || world.IsOut(Fault.VaultOutage)))
        {
            Report(Invariant.NoDeadLetterWhileDown, $"{record.ContentId} is parked with {record.ParkReason} while the partner is down");
        }
        else if (content.Arrivals == 0 && content.Interrupted < world.Plan.Recoverability.MaxAttempts)
        {
            Report(Invariant.NoDeadLetterWhileDown, $"{record.ContentId} is parked with {record.ParkReason} and the partner never saw it");
        }
    }

    private Content Of(string contentId)
    {
        if (!_contents.TryGetValue(contentId, out var content)) _contents.Add(contentId, content = new Content());
        return content;
    }

    private sealed record Request(long Number, ContentHash Hash, ReadOnlyMemory<byte> Body);

    private sealed class Content
    {
        private readonly Dictionary<Revision, ContentHash> _hashes = [];

        /// <summary>Of the newest request that took effect.</summary>
        public long NewestTaken { get; set; }

        /// <summary>What the partner holds.</summary>
        public ContentHash? Held { get; set; }

        /// <summary>Connections.</summary>
        public List<PartnerCall> Open { get; } = [];

        /// <summary>Connections, and what the partner does with a request whose connection has ended.</summary>
        public List<PartnerCall> AtWork { get; } = [];

        public long Requests { get; set; }

        /// <summary>Of the current request, since its attempts began.</summary>
        public int Arrivals { get; set; }

        /// <summary>Attempts of the current request in which the process died. It may be the content that kills it.</summary>
        public int Interrupted { get; set; }

        public bool WasParked { get; set; }

        public bool IsPromised { get; private set; }

        /// <summary>The newest revision of a caller's own that must not be lost.</summary>
        public Revision? Promised { get; private set; }

        public void Know(ContentItem item)
        {
            if (item.Revision is { } revision) _hashes[revision] = item.Hash;
        }

        public void Promise(Revision? revision)
        {
            IsPromised = true;
            if (revision is { } own && (Promised is not { } known || Order(own, known) > 0)) Promised = own;
        }

        public ContentHash? HashOf(Revision revision) => _hashes.TryGetValue(revision, out var hash) ? hash : null;
    }

    private sealed class TrueTime(World world) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => world.Time.Now;
    }
}
