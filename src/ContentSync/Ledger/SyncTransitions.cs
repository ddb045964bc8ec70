namespace ContentSync.Ledger;

/// <summary>
/// The ledger's rules, as pure functions from one record to the next. Every ledger reads a record, applies one of these and
/// writes the result only if the record has not changed meanwhile.
/// </summary>
public static class SyncTransitions
{
    /// <summary>Id of a lease that is no attempt's own: what it stands for has ended.</summary>
    internal const string LateEffectLeaseId = "settling";

    /// <summary>Takes a submission in. <c>Next</c> is null where nothing is to be written.</summary>
    public static (SyncRecord? Next, Acceptance Acceptance) Accept(SyncRecord? current, Submission submission, DateTimeOffset now)
    {
        var item = submission.Item;
        if (current is null)
        {
            var first = First(submission, now);
            return (first, new Acceptance(AcceptanceKind.Accepted, first));
        }

        var order = submission.Revision.CompareTo(current.Revision);
        if (order < 0) return (null, new Acceptance(AcceptanceKind.Superseded, current));

        if (item.Hash == current.Hash)
        {
            var moved = order > 0 ? current with { Revision = submission.Revision } : null;
            var seen = moved ?? current;
            switch (current.State)
            {
                case SyncState.Pending:
                    return (moved, new Acceptance(AcceptanceKind.AlreadyPending, seen));
                case SyncState.Synchronized:
                    return (moved, new Acceptance(AcceptanceKind.Unchanged, seen));
                case SyncState.Parked when current.ParkReason == ParkReason.Rejected:
                    return (moved, new Acceptance(AcceptanceKind.Parked, seen));
                case SyncState.Parked when order == 0:
                    return (null, new Acceptance(AcceptanceKind.Parked, current));
                default:
                    var again = Revive(seen, now);
                    return (again, new Acceptance(AcceptanceKind.Accepted, again));
            }
        }

        // Two contents received in the same microsecond carry no order of their own: the later one to get here counts.
        var receivedTogether = order == 0 && item.Revision is null;
        if (order == 0 && !receivedTogether) return (null, new Acceptance(AcceptanceKind.RevisionConflict, current));

        if (item.Hash == current.SynchronizedHash && current.Lease is null)
        {
            // Back to what AlipayHK holds before the change in between was ever sent.
            var back = Replace(current, submission, now) with { State = SyncState.Synchronized };
            return (back, new Acceptance(AcceptanceKind.Unchanged, back));
        }

        var next = Replace(current, submission, now);
        return (next, new Acceptance(AcceptanceKind.Accepted, next));
    }

    /// <summary>Takes the right to send. <c>Next</c> is null where nothing is to be written: the lease is not granted, or was before, under this same id.</summary>
    public static (SyncRecord? Next, LeaseStatus Status) Lease(SyncRecord current, string leaseId, DateTimeOffset now, TimeSpan duration)
    {
        // Granted by a write whose answer was lost. A newer content may have come in since, whose first attempt this then is.
        if (current.Lease?.LeaseId == leaseId) return (current.Attempts > 0 ? null : current with { Attempts = 1 }, LeaseStatus.Granted);
        if (current.State != SyncState.Pending) return (null, LeaseStatus.NotPending);
        if (current.Lease is { } held && held.ExpiresAt > now) return (null, LeaseStatus.Busy);
        if (current.DueAt > now) return (null, LeaseStatus.NotDue);
        var next = current with
        {
            Lease = new SyncLease(leaseId, now + duration),
            Attempts = current.Attempts + 1,
            SynchronizedHash = null,
        };
        return (next, LeaseStatus.Granted);
    }

    /// <summary>Writes down how the attempt that <paramref name="leased"/> allowed has ended, and gives the lease back.</summary>
    /// <param name="current">The record as the ledger holds it now.</param>
    /// <param name="leased">The record as <see cref="Lease"/> granted it.</param>
    /// <param name="outcome">How the attempt ended.</param>
    public static (SyncRecord? Next, RecordStatus Status) Record(SyncRecord current, SyncRecord leased, AttemptOutcome outcome)
    {
        if (current.Lease is null || current.Lease.LeaseId != leased.Lease?.LeaseId) return (null, RecordStatus.LeaseLost);
        // The newest content may be the leased one again, under a request of its own that cannot have been sent while this
        // lease was held. What settled the content settles that request too.
        var settles = outcome.Kind == AttemptOutcomeKind.Synchronized || outcome is { Kind: AttemptOutcomeKind.Parked, ParkReason: ParkReason.Rejected };
        var overtaken = current.RequestId != leased.RequestId && !(settles && current.Hash == leased.Hash);
        var template = (Code: outcome.TemplateCode ?? current.TemplateCode, Status: outcome.TemplateStatus ?? current.TemplateStatus);
        var attempt = outcome.Attempt ?? current.LastAttempt;
        if (outcome.Kind == AttemptOutcomeKind.Synchronized) attempt = outcome.Attempt! with { TemplateCode = template.Code, TemplateStatus = template.Status };
        // Giving a content up may end it with the attempt that was its newest already.
        var earlier = attempt == current.LastAttempt || current.LastAttempt is null ? current.EarlierAttempts : current.EarlierAttempts.With(current.LastAttempt);
        var lease = outcome.LateEffectUntil is { } settlesAt ? new SyncLease(LateEffectLeaseId, settlesAt) : null;
        var next = outcome.Kind == AttemptOutcomeKind.Synchronized
            ? current with
            {
                Lease = lease,
                LastAttempt = attempt,
                EarlierAttempts = earlier,
                State = overtaken ? current.State : SyncState.Synchronized,
                ParkReason = null,
                SynchronizedHash = leased.Hash,
                SynchronizedRevision = leased.Revision,
                SynchronizedAt = outcome.Attempt!.At,
                TemplateCode = template.Code,
                TemplateStatus = template.Status,
            }
            : WithoutSuccess(current with { Lease = lease, LastAttempt = attempt, EarlierAttempts = earlier }, outcome, overtaken);
        return (next, overtaken ? RecordStatus.NewerPending : RecordStatus.Recorded);
    }

    private static SyncRecord WithoutSuccess(SyncRecord released, AttemptOutcome outcome, bool overtaken) => outcome.Kind switch
    {
        _ when overtaken => released,
        AttemptOutcomeKind.Parked => released with { State = SyncState.Parked, ParkReason = outcome.ParkReason },
        AttemptOutcomeKind.RetryAt => released with { DueAt = outcome.DueAt, Hop = released.Hop + 1 },
        AttemptOutcomeKind.DeferredUntil => released with { DueAt = outcome.DueAt, Hop = released.Hop + 1, Attempts = Math.Max(0, released.Attempts - 1) },
        _ => released with { Attempts = Math.Max(0, released.Attempts - 1) },
    };

    /// <summary>Sends a parked content again, by a person's wish, once <paramref name="delay"/> has passed. Null where it is not parked.</summary>
    public static SyncRecord? Replay(SyncRecord current, DateTimeOffset now, TimeSpan delay) =>
        current.State == SyncState.Parked ? Revive(current, now) with { DueAt = now + delay } : null;

    /// <summary>Sends a content once more, whatever AlipayHK is known to hold. <c>Found</c> is null where that is not to be done.</summary>
    public static (SyncRecord? Next, SyncRecord? Found) Resend(SyncRecord current, DateTimeOffset now)
    {
        if (current.State == SyncState.Pending) return (null, current);
        if (current.ParkReason == ParkReason.Rejected) return (null, null);
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
        var (requestId, body) = submission.Prepare(submission.Item);
        return new SyncRecord
        {
            ContentId = submission.Item.ContentId,
            ContentType = submission.Item.ContentType,
            ContentStatus = submission.Item.ContentStatus,
            Revision = submission.Revision,
            Hash = submission.Item.Hash,
            RequestId = requestId,
            Body = body,
            State = SyncState.Pending,
            AcceptedAt = now,
            DueAt = now,
        };
    }

    private static SyncRecord Replace(SyncRecord record, Submission submission, DateTimeOffset now)
    {
        var (requestId, body) = submission.Prepare(submission.Item);
        return record with
        {
            ContentType = submission.Item.ContentType,
            ContentStatus = submission.Item.ContentStatus,
            Revision = submission.Revision,
            Hash = submission.Item.Hash,
            RequestId = requestId,
            Body = body,
            State = SyncState.Pending,
            ParkReason = null,
            AcceptedAt = now,
            DueAt = now,
            Attempts = 0,
            // Goes on: a revision can come back (received together, or a number after a time), a MessageId must not.
            Hop = record.Hop + 1,
        };
    }
}

/// <summary>Answer to the wish for a lease.</summary>
public enum LeaseStatus
{
    Granted,

    /// <summary>Another attempt is in flight until the lease's expiry.</summary>
    Busy,

    /// <summary>Pending, but its back-off or pause has not passed.</summary>
    NotDue,

    /// <summary>Synchronized or parked.</summary>
    NotPending,

    /// <summary>The ledger holds no such content.</summary>
    NotFound,
}

/// <summary>Answer to the wish to write down an attempt's ending.</summary>
public enum RecordStatus
{
    Recorded,

    /// <summary>Written down; a newer content was accepted while the attempt was in flight and waits to be sent.</summary>
    NewerPending,

    /// <summary>The lease had expired and someone else took it over; nothing was written.</summary>
    LeaseLost,
}

/// <summary>What an attempt's ending does to the record.</summary>
public enum AttemptOutcomeKind
{
    /// <summary>AlipayHK acknowledged it.</summary>
    Synchronized,

    /// <summary>Not sent again by itself.</summary>
    Parked,

    /// <summary>To be tried again; the attempt is spent.</summary>
    RetryAt,

    /// <summary>To be tried again; the attempt is given back, the cause was not the item.</summary>
    DeferredUntil,

    /// <summary>Given up by a shutdown or a cancellation; the attempt is given back, and it is due as soon as it is settled.</summary>
    Released,
}

/// <summary>How an attempt ended, as the ledger needs to know it.</summary>
public sealed record AttemptOutcome(AttemptOutcomeKind Kind)
{
    /// <summary>Set for every kind but <see cref="AttemptOutcomeKind.Released"/>.</summary>
    public SyncAttempt? Attempt { get; init; }

    /// <summary>For <see cref="AttemptOutcomeKind.RetryAt"/> and <see cref="AttemptOutcomeKind.DeferredUntil"/>.</summary>
    public DateTimeOffset DueAt { get; init; }

    /// <summary>
    /// Until then AlipayHK may be at work on the request, a try's answer having been given up on. The lease lasts until then, so that
    /// nothing of this content, a newer one neither, is sent before. Null where every try was answered.
    /// </summary>
    public DateTimeOffset? LateEffectUntil { get; init; }

    /// <summary>For <see cref="AttemptOutcomeKind.Parked"/>.</summary>
    public ParkReason? ParkReason { get; init; }

    public string? TemplateCode { get; init; }

    public string? TemplateStatus { get; init; }
}
