using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>
/// What an item's record remembers to decide whether a change is newer; the rules are explained in VERSIONS.md. Immutable.
/// </summary>
public sealed record VersionOrder
{
    /// <summary>How far a time may be ahead of the store's clock and still count as given.</summary>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);

    /// <summary>The newest accepted version.</summary>
    public required ChangeVersion Current { get; init; }

    /// <summary>
    /// When the current version changed: as given, or when it first reached us. Never goes back, except to a rollback, whose own rule
    /// then keeps earlier changes out.
    /// </summary>
    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>The highest number seen, accepted or not; null if no change brought one.</summary>
    public long? HighestNumber { get; init; }

    /// <summary>The latest given time seen, accepted or not, if it was not too far ahead; null if no change brought one.</summary>
    public DateTimeOffset? LatestGivenTime { get; init; }

    /// <summary>Times that were too far ahead.</summary>
    public AheadTimes AheadTimes { get; init; } = AheadTimes.Empty;

    /// <summary>
    /// When a person's rollback reached the item; null if none did. Every change first received or dated before is superseded.
    /// </summary>
    public DateTimeOffset? RollbackAt { get; init; }

    /// <summary>The order of an item's first change.</summary>
    /// <param name="version">The change.</param>
    /// <param name="rollback">When a person declared that the change overrides newer ones; null for an ordinary change.</param>
    /// <param name="now">Time of the store.</param>
    public static VersionOrder First(ChangeVersion version, DateTimeOffset? rollback, DateTimeOffset now)
    {
        var (changedAt, ahead) = Timed(version, now);
        var order = new VersionOrder { Current = version, ChangedAt = changedAt };
        return rollback is { } declaredAt ? order.RolledBack(version, declaredAt, now) : order.Seen(version, changedAt, ahead);
    }

    /// <summary>The order of a record that an earlier version of the program wrote, when one value ordered the versions.</summary>
    /// <param name="number">The number; null if the value was a time.</param>
    /// <param name="time">The time, given or of receipt; ignored if there is a number.</param>
    /// <param name="acceptedAt">When the record's content was accepted.</param>
    public static VersionOrder OfEarlierFormat(long? number, DateTimeOffset time, DateTimeOffset acceptedAt)
    {
        if (number is not null) return First(new ChangeVersion(number, null, acceptedAt), null, acceptedAt);

        // It may have been given or received. Remembering it as both refuses what either would.
        var version = new ChangeVersion(null, null, time);
        var (changedAt, _) = Timed(version, acceptedAt);
        return First(version, null, acceptedAt) with { LatestGivenTime = changedAt };
    }

    /// <summary>Decides about a change.</summary>
    /// <param name="version">The change.</param>
    /// <param name="rollback">When a person declared that the change overrides newer ones; null for an ordinary change.</param>
    /// <param name="now">Time of the store.</param>
    /// <returns>The decision, and what to remember; the same instance if nothing changes.</returns>
    public (VersionVerdict Verdict, VersionOrder Next) Judge(ChangeVersion version, DateTimeOffset? rollback, DateTimeOffset now)
    {
        var known = Repaired(now);
        if (rollback is { } declaredAt)
        {
            if (known.RollbackAt is not { } last || last < declaredAt) return (VersionVerdict.Newer, known.RolledBack(version, declaredAt, now));
            return (known.RepeatOrOlder(version), this);
        }

        var (time, ahead) = Timed(version, now);
        if (known.RollbackAt is { } horizon && (version.FirstReceivedAt <= horizon || time <= horizon)) return (known.RepeatOrOlder(version), this);
        var seen = known.Seen(version, time, ahead);
        if (known.IsBeatenBy(version, time))
            return (VersionVerdict.Newer, seen with { Current = version, ChangedAt = time > known.ChangedAt ? time : known.ChangedAt });
        return (known.RepeatOrOlder(version), seen == this ? this : seen);
    }

    /// <summary>
    /// When a change counts as changed, and whether it brought a time that is too far ahead. Such a time counts as the time of first
    /// receipt, and a first receipt that is too far ahead counts as now.
    /// </summary>
    public static (DateTimeOffset ChangedAt, bool IsAhead) Timed(ChangeVersion version, DateTimeOffset now)
    {
        var isReceiptAhead = version.FirstReceivedAt - now > MaxAhead;
        var received = isReceiptAhead ? now : version.FirstReceivedAt;
        if (version.GivenTime is not { } given) return (received, isReceiptAhead);
        return given - received > MaxAhead ? (received, true) : (given, false);
    }

    private bool IsBeatenBy(ChangeVersion version, DateTimeOffset time)
    {
        // A number is ordered among numbers only, a given time among given times only.
        var isLater = time > ChangedAt;
        return version.Kind switch
        {
            VersionKind.Number => version.Number > (HighestNumber ?? -1) && (Current.Kind == VersionKind.Number || isLater),
            VersionKind.Given => time > (LatestGivenTime ?? DateTimeOffset.MinValue)
                && (Current.Kind == VersionKind.Given || isLater)
                && !AheadTimes.Contains(version.GivenTime!.Value),
            _ => isLater && !AheadTimes.Contains(version.FirstReceivedAt),
        };
    }

    private VersionVerdict RepeatOrOlder(ChangeVersion version) => version.IsRepeatOf(Current) ? VersionVerdict.Repeat : VersionVerdict.Older;

    private VersionOrder Seen(ChangeVersion version, DateTimeOffset time, bool ahead) => this with
    {
        HighestNumber = version.Number > (HighestNumber ?? -1) ? version.Number : HighestNumber,
        LatestGivenTime = version.Kind == VersionKind.Given && time > (LatestGivenTime ?? DateTimeOffset.MinValue)
            && !AheadTimes.Contains(version.GivenTime!.Value) ? time : LatestGivenTime,
        AheadTimes = ahead ? AheadTimes.With(version.GivenTime ?? version.FirstReceivedAt) : AheadTimes,
    };

    // Given times up to now are superseded by the rollback itself; later ones must not be blocked by a given time that it undid.
    private VersionOrder RolledBack(ChangeVersion version, DateTimeOffset declaredAt, DateTimeOffset now) => this with
    {
        Current = version,
        ChangedAt = now,
        HighestNumber = version.Number ?? HighestNumber,
        LatestGivenTime = LatestGivenTime > now ? now : LatestGivenTime,
        RollbackAt = declaredAt > now ? declaredAt : now,
    };

    // The store's clock was wrong when it wrote times that are ahead of it now (a ledger in a file has only its machine's clock). When
    // that was is unknown, except that a first receipt that is not ahead came from another clock.
    private VersionOrder Repaired(DateTimeOffset now)
    {
        var limit = now + MaxAhead;
        if (ChangedAt <= limit && !(LatestGivenTime > limit) && !(RollbackAt > limit)) return this;
        var (received, _) = Timed(Current, now);
        var changedAt = ChangedAt <= limit ? ChangedAt : Current.FirstReceivedAt <= limit ? received : DateTimeOffset.UnixEpoch;
        return this with
        {
            ChangedAt = changedAt,
            LatestGivenTime = LatestGivenTime > limit ? changedAt : LatestGivenTime,
            RollbackAt = RollbackAt > limit ? changedAt : RollbackAt,
        };
    }
}

/// <summary>How a change compares with what a record remembers.</summary>
public enum VersionVerdict
{
    /// <summary>It becomes the current version.</summary>
    Newer,

    /// <summary>It is the current version once more.</summary>
    Repeat,

    /// <summary>It is superseded.</summary>
    Older,
}
