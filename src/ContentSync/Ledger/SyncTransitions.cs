using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// The ledger's rules, as pure functions from one record to the next. Every ledger reads a record, applies one of these functions
/// and writes the result only if the record has not changed meanwhile.
/// </summary>
public static class SyncTransitions
{
    /// <summary>Id of the lease that covers a late-effect window. It belongs to no attempt, because the attempt has ended.</summary>
    internal const string LateEffectLeaseId = "settling";

    /// <summary>Accepts a submission. <c>Next</c> is null if nothing needs to be written.</summary>
    /// <param name="current">The record as it is stored now; null if the ledger does not hold the item.</param>
    /// <param name="submission">The submission.</param>
    /// <param name="now">Time of the store.</param>
    /// <param name="horizon">The ledger's horizon (<see cref="RetentionRules"/>); null if nothing was ever forgotten.</param>
    public static (SyncRecord? Next, Acceptance Acceptance) Accept(
        SyncRecord? current, Submission submission, DateTimeOffset now, DateTimeOffset? horizon = null)
    {
        if (current is null && RetentionRules.IsSuperseded(submission, now, horizon))
            return (null, new Acceptance(AcceptanceKind.Superseded, SyncRecord.Forgotten(submission.Item, horizon!.Value)));
        submission = submission.AcceptedAt(now);
        var (next, acceptance) = current is null ? AcceptFirst(submission, now) : AcceptChange(current, submission, now);
        return (next, acceptance with { TimeWasAhead = VersionOrder.Timed(submission.Version, now).IsAhead });
    }

    private static (SyncRecord Next, Acceptance Acceptance) AcceptFirst(Submission submission, DateTimeOffset now)
    {
        var first = First(submission, now);
        return (first, new Acceptance(first.IsTombstone ? AcceptanceKind.DelistedUnknown : AcceptanceKind.Accepted, first));
    }

    private static (SyncRecord? Next, Acceptance Acceptance) AcceptChange(SyncRecord current, Submission submission, DateTimeOffset now)
    {
        var (verdict, order) = current.Order.Judge(submission.Version, submission.OverrideDeclaredAt, now);
        // A version that was refused may come again, corrected.
        var corrects = verdict == VersionVerdict.Repeat && !submission.Item.IsDelistingById
            && current.Refused?.Version.IsRepeatOf(submission.Version) == true;
        if (corrects) verdict = VersionVerdict.Newer;
        var seen = ReferenceEquals(order, current.Order) ? null : current with { Order = order };
        if (verdict == VersionVerdict.Older) return (seen, new Acceptance(AcceptanceKind.Superseded, seen ?? current));

        var item = WithHeldContent(submission.Item, current);
        if (verdict == VersionVerdict.Newer)
        {
            seen = (seen ?? current) with { Refused = Uncovered(current.Refused, submission) };
            if (seen == current) seen = null;
        }

        if (item.Hash == current.Hash) return AcceptSameContent(current, seen, verdict, now);
        if (verdict == VersionVerdict.Repeat)
        {
            // Two versions received at the same time have no order of their own, so there is no revision to raise.
            var kind = submission.Version.Kind == VersionKind.Received ? AcceptanceKind.Superseded : AcceptanceKind.RevisionConflict;
            return (seen, new Acceptance(kind, seen ?? current));
        }

        var next = Replace(seen ?? current, item, submission, now);
        if (item.Hash != current.SynchronizedHash || current.Lease is not null) return (next, new Acceptance(AcceptanceKind.Accepted, next));

        // The item has changed back to what AlipayHK holds, and the version in between was never sent.
        var reverted = next with { State = SyncState.Synchronized };
        return (reverted, new Acceptance(AcceptanceKind.Unchanged, reverted));
    }

    private static (SyncRecord? Next, Acceptance Acceptance) AcceptSameContent(
        SyncRecord current, SyncRecord? seen, VersionVerdict verdict, DateTimeOffset now)
    {
        var record = seen ?? current;
        switch (current.State)
        {
            case SyncState.Pending:
                return (seen, new Acceptance(AcceptanceKind.AlreadyPending, record));
            case SyncState.Synchronized:
                return (seen, new Acceptance(AcceptanceKind.Unchanged, record));
            case SyncState.Tombstone:
                return (seen, new Acceptance(AcceptanceKind.DelistedUnknown, record));
            case SyncState.Parked when current.ParkReason == ParkReason.Rejected || verdict == VersionVerdict.Repeat:
                return (seen, new Acceptance(AcceptanceKind.Parked, record));
            default:
                var again = Revive(record, now);
                return (again, new Acceptance(AcceptanceKind.Accepted, again));
        }
    }

    /// <summary>
    /// Records that a version was refused because it is not valid. <c>Next</c> is null if nothing needs to be written: the version is not
    /// newer than the accepted one, or it is known to be refused.
    /// </summary>
    public static SyncRecord? Refuse(SyncRecord current, ChangeVersion version, string code, string message, DateTimeOffset now)
    {
        version = version.AcceptedAt(now);
        if (current.Order.Judge(version, null, now).Verdict != VersionVerdict.Newer) return null;
        if (message.Length > SyncRefusal.MaxMessageLength) message = message[..(SyncRefusal.MaxMessageLength - 1)] + "…";
        var refused = new SyncRefusal(current.Refused?.At ?? now, version, code, message);
        return refused == current.Refused || IsOlder(version, current.Refused?.Version) ? null : current with { Refused = refused };
    }

    // AlipayHK requires the whole item, so a delisting by id repeats what the ledger holds.
    private static ContentItem WithHeldContent(ContentItem item, SyncRecord current)
    {
        if (!item.IsDelistingById || current.ReadContentInfo() is not { } contentInfo) return item;
        return Delisting.Complete(item, current.ContentType, contentInfo);
    }

    // A delisting by id may follow from the refusal itself; the item stays stale then.
    private static SyncRefusal? Uncovered(SyncRefusal? refused, Submission accepted)
    {
        if (refused is null || accepted.OverridesNewer) return null;
        if (accepted.Item.IsDelistingById && accepted.Version.IsRepeatOf(refused.Version)) return refused;
        return IsOlder(accepted.Version, refused.Version) ? refused : null;
    }

    private static bool IsOlder(ChangeVersion version, ChangeVersion? other) => other is { } known
        && (version.Number is { } number && known.Number is { } highest
            ? number < highest
            : VersionOrder.Timed(version, version.FirstReceivedAt).ChangedAt < VersionOrder.Timed(known, known.FirstReceivedAt).ChangedAt);

    /// <summary>
    /// Grants a lease. <c>Next</c> is null if nothing needs to be written: the lease is refused, or it was already granted under the
    /// same id.
    /// </summary>
    public static (SyncRecord? Next, LeaseStatus Status) Lease(SyncRecord current, string leaseId, DateTimeOffset now, TimeSpan duration)
    {
        // Our first write succeeded but its response was lost. If a newer version was accepted since, this is its first attempt.
        if (current.Lease?.LeaseId == leaseId) return (current.Attempts > 0 ? null : current with { Attempts = 1 }, LeaseStatus.Granted);
        if (current.State != SyncState.Pending) return (null, LeaseStatus.NotPending);
        if (current.Lease is { } lease && lease.ExpiresAt > now) return (null, LeaseStatus.Busy);
        if (current.DueAt > now) return (null, LeaseStatus.NotDue);
        var next = current with
        {
            Lease = new SyncLease(leaseId, now + duration),
            Attempts = current.Attempts + 1,
            SynchronizedHash = null,
        };
        return (next, LeaseStatus.Granted);
    }

    /// <summary>Records the outcome of a leased attempt and releases the lease.</summary>
    /// <param name="current">The record as it is stored now.</param>
    /// <param name="leased">The record as <see cref="Lease"/> returned it.</param>
    /// <param name="outcome">The outcome of the attempt.</param>
    public static (SyncRecord? Next, RecordStatus Status) Record(SyncRecord current, SyncRecord leased, AttemptOutcome outcome)
    {
        if (current.Lease is null || current.Lease.LeaseId != leased.Lease?.LeaseId) return (null, RecordStatus.LeaseLost);
        // The newest version may have the leased content again, under a new request, which cannot have been sent during this lease.
        // A success or a rejection is final for the content, so it holds for that request too.
        var isFinal = outcome is { Kind: AttemptOutcomeKind.Synchronized } or { Kind: AttemptOutcomeKind.Parked, ParkReason: ParkReason.Rejected };
        var isOutdated = current.RequestId != leased.RequestId && !(isFinal && current.Hash == leased.Hash);
        var template = (Code: outcome.TemplateCode ?? current.TemplateCode, Status: outcome.TemplateStatus ?? current.TemplateStatus);
        // Parking an exhausted item repeats its newest attempt, which must not enter the history twice.
        var ended = outcome.Attempt is null || outcome.Attempt == current.LastAttempt
            ? null
            : outcome.Attempt with { Attempted = new AttemptedVersion(leased.Version, leased.Hash, outcome.Kind, outcome.WasSent) };
        if (outcome.Kind == AttemptOutcomeKind.Synchronized)
            ended = (ended ?? outcome.Attempt!) with { TemplateCode = template.Code, TemplateStatus = template.Status };
        var sent = Sent(current, leased, outcome, ended);
        var attempt = outcome.Kind == AttemptOutcomeKind.Released ? current.LastAttempt : ended ?? current.LastAttempt;
        var earlier = attempt == current.LastAttempt || current.LastAttempt is null
            ? current.EarlierAttempts
            : current.EarlierAttempts.With(current.LastAttempt);
        var lease = outcome.LateEffectUntil is { } windowEnd ? new SyncLease(LateEffectLeaseId, windowEnd) : null;
        var next = outcome.Kind == AttemptOutcomeKind.Synchronized
            ? current with
            {
                Lease = lease,
                LastAttempt = attempt,
                EarlierAttempts = earlier,
                EarlierSent = sent,
                State = isOutdated ? current.State : SyncState.Synchronized,
                ParkReason = null,
                SynchronizedHash = leased.Hash,
                SynchronizedVersion = leased.Version,
                SynchronizedAt = outcome.Attempt!.At,
                TemplateCode = template.Code,
                TemplateStatus = template.Status,
            }
            : WithoutSuccess(
                current with { Lease = lease, LastAttempt = attempt, EarlierAttempts = earlier, EarlierSent = sent }, outcome, isOutdated);
        return (next, isOutdated ? RecordStatus.NewerPending : RecordStatus.Recorded);
    }

    // The newest attempt speaks for its own request, so only what it replaces enters the history.
    private static SentHistory Sent(SyncRecord current, SyncRecord leased, AttemptOutcome outcome, SyncAttempt? ended)
    {
        if (ended is null) return current.EarlierSent;
        var sent = current.EarlierSent;
        var isLast = outcome.Kind != AttemptOutcomeKind.Released;
        var hidesLast = isLast && (current.LastAttempt?.RequestId != ended.RequestId || !outcome.WasSent);
        if (hidesLast && SentRequest.Of(current.LastAttempt) is { } before) sent = sent.With(before);
        // The record holds the body of its own request only.
        var body = outcome.KeepsSentBody && leased.RequestId != current.RequestId ? leased.Body : (ReadOnlyMemory<byte>?)null;
        return (!isLast || body is not null) && SentRequest.Of(ended) is { } own ? sent.With(own with { Body = body }) : sent;
    }

    private static SyncRecord WithoutSuccess(SyncRecord released, AttemptOutcome outcome, bool isOutdated) => outcome.Kind switch
    {
        _ when isOutdated => released,
        AttemptOutcomeKind.Parked => released with { State = SyncState.Parked, ParkReason = outcome.ParkReason },
        AttemptOutcomeKind.RetryAt => released with { DueAt = outcome.DueAt, Hop = released.Hop + 1 },
        AttemptOutcomeKind.DeferredUntil => released with
        {
            DueAt = outcome.DueAt,
            Hop = released.Hop + 1,
            Attempts = Math.Max(0, released.Attempts - 1),
        },
        _ => released with { Attempts = Math.Max(0, released.Attempts - 1) },
    };

    /// <summary>
    /// Takes a record of another ledger, unless this one holds the same version or a newer one: then <c>Next</c> is null. What AlipayHK holds
    /// of it counts as unknown, so a pending or synchronized item is pending from now on and is sent; a parked one stays parked.
    /// </summary>
    public static (SyncRecord? Next, ImportCounts Counts) Import(SyncRecord? current, SyncRecord imported, DateTimeOffset now)
    {
        var order = imported.Order;
        if (current is not null)
        {
            (var verdict, order) = current.Order.Judge(imported.Version, null, now);
            if (verdict != VersionVerdict.Newer) return (null, new ImportCounts(0, 1));
        }

        var isSent = imported.State is SyncState.Pending or SyncState.Synchronized;
        var next = imported with
        {
            Order = order,
            State = isSent ? SyncState.Pending : imported.State,
            AcceptedAt = isSent ? now : imported.AcceptedAt,
            DueAt = now,
            Attempts = isSent ? 0 : imported.Attempts,
            Hop = Math.Max(imported.Hop, current?.Hop ?? 0) + 1,
            Lease = current?.Lease,
            SynchronizedHash = null,
        };
        return (next, new ImportCounts(1, 0));
    }

    /// <summary>Makes a parked item pending and due after <paramref name="delay"/>. Null if the item is not parked.</summary>
    public static SyncRecord? Replay(SyncRecord current, DateTimeOffset now, TimeSpan delay) =>
        current.State == SyncState.Parked ? Revive(current, now) with { DueAt = now + delay } : null;

    /// <summary>
    /// Makes an item pending, whatever AlipayHK is known to hold. <c>Found</c> is null if AlipayHK rejected the item or there is nothing to
    /// send; <c>Next</c> is
    /// also null if the item is already pending.
    /// </summary>
    public static (SyncRecord? Next, SyncRecord? Found) Resend(SyncRecord current, DateTimeOffset now)
    {
        if (current.State == SyncState.Pending) return (null, current);
        if (current.ParkReason == ParkReason.Rejected || current.IsTombstone) return (null, null);
        var again = Revive(current, now);
        return (again, again);
    }

    private static SyncRecord Revive(SyncRecord record, DateTimeOffset now) => record with
    {
        State = SyncState.Pending,
        ParkReason = null,
        AcceptedAt = now,
        DueAt = now,
        Attempts = 0,
        Hop = record.Hop + 1,
    };

    private static SyncRecord First(Submission submission, DateTimeOffset now)
    {
        var item = submission.Item;
        var (requestId, body) = item.IsDelistingById ? new PreparedRequest("", default) : submission.Prepare(item);
        return new SyncRecord
        {
            ContentId = item.ContentId,
            ContentType = item.ContentType,
            ContentStatus = item.ContentStatus,
            Order = VersionOrder.First(submission.Version, submission.OverrideDeclaredAt, now),
            Hash = item.Hash,
            RequestId = requestId,
            Body = body,
            State = item.IsDelistingById ? SyncState.Tombstone : SyncState.Pending,
            AcceptedAt = now,
            DueAt = now,
        };
    }

    // The body is about to be replaced by that of the next version.
    private static SentHistory WithBody(SyncRecord record)
    {
        var sent = record.ReadSent().FirstOrDefault(request => request.RequestId == record.RequestId);
        return sent is null ? record.EarlierSent : record.EarlierSent.With(sent with { Body = record.Body });
    }

    private static SyncRecord Replace(SyncRecord record, ContentItem item, Submission submission, DateTimeOffset now)
    {
        var (requestId, body) = submission.Prepare(item);
        return record with
        {
            ContentType = item.ContentType,
            ContentStatus = item.ContentStatus,
            Hash = item.Hash,
            RequestId = requestId,
            Body = body,
            State = SyncState.Pending,
            ParkReason = null,
            AcceptedAt = now,
            DueAt = now,
            Attempts = 0,
            // Not reset: a version may occur again (by a rollback); a MessageId must not.
            Hop = record.Hop + 1,
            EarlierSent = submission.KeepsSentBody ? WithBody(record) : record.EarlierSent,
        };
    }
}

/// <summary>Outcome of asking for a lease.</summary>
public enum LeaseStatus
{
    Granted,

    /// <summary>Another attempt holds the lease, or a late-effect window has not ended.</summary>
    Busy,

    /// <summary>Pending, but its back-off or deferral has not ended.</summary>
    NotDue,

    /// <summary>Synchronized, parked or a tombstone.</summary>
    NotPending,

    /// <summary>The ledger does not hold the item.</summary>
    NotFound,
}

/// <summary>Outcome of recording an attempt.</summary>
public enum RecordStatus
{
    Recorded,

    /// <summary>Recorded. A newer version was accepted while the attempt was in flight and is pending.</summary>
    NewerPending,

    /// <summary>The lease had expired and another attempt took it over; nothing was recorded.</summary>
    LeaseLost,
}

/// <summary>What the outcome of an attempt does to the record.</summary>
public enum AttemptOutcomeKind
{
    /// <summary>AlipayHK acknowledged the request.</summary>
    Synchronized,

    /// <summary>The item is not sent again automatically.</summary>
    Parked,

    /// <summary>Another attempt follows; this one is spent.</summary>
    RetryAt,

    /// <summary>Another attempt follows; this one is not counted, because the cause is not the item.</summary>
    DeferredUntil,

    /// <summary>
    /// A shutdown or a cancellation interrupted the attempt, which is not counted. The item is due at once, or after its late-effect
    /// window.
    /// </summary>
    Released,
}

/// <summary>The outcome of an attempt, as the ledger records it.</summary>
public sealed record AttemptOutcome(AttemptOutcomeKind Kind)
{
    /// <summary>
    /// Set for every kind but <see cref="AttemptOutcomeKind.Released"/>, where it says that AlipayHK may have received the request.
    /// </summary>
    public SyncAttempt? Attempt { get; init; }

    /// <summary>Whether AlipayHK may have received the request; false if the attempt ended before that, as without a signature.</summary>
    public bool WasSent { get; init; } = true;

    /// <summary>Whether the body of the request is kept if a newer version has replaced it; see <see cref="SentHistory"/>.</summary>
    public bool KeepsSentBody { get; init; }

    /// <summary>For <see cref="AttemptOutcomeKind.RetryAt"/> and <see cref="AttemptOutcomeKind.DeferredUntil"/>.</summary>
    public DateTimeOffset DueAt { get; init; }

    /// <summary>
    /// End of the late-effect window: a request timed out, and AlipayHK may process it until then. The lease lasts as long, so that
    /// no request for the item, not even for a newer version, is sent before. Null if every request got its response.
    /// </summary>
    public DateTimeOffset? LateEffectUntil { get; init; }

    /// <summary>For <see cref="AttemptOutcomeKind.Parked"/>.</summary>
    public ParkReason? ParkReason { get; init; }

    public string? TemplateCode { get; init; }

    public string? TemplateStatus { get; init; }
}
