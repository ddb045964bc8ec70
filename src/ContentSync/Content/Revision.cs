using System.Globalization;

namespace ContentSync.Content;

/// <summary>What a revision's number counts.</summary>
public enum RevisionKind
{
    /// <summary>Microseconds since 1970-01-01 UTC: the caller's <c>occurredAt</c>, or the time of receipt where the caller gave neither.</summary>
    Time = 0,

    /// <summary>The caller's own integer <c>revision</c>.</summary>
    Number = 1,
}

/// <summary>
/// Orders the states of one content. Two revisions of the same kind compare by value. A number and a time
/// cannot be compared; there the one accepted later counts as newer (see <see cref="CompareTo"/>).
/// </summary>
public readonly record struct Revision(long Value, RevisionKind Kind)
{
    /// <summary>A caller's integer revision.</summary>
    public static Revision Of(long number) => new(number, RevisionKind.Number);

    /// <summary>A point in time: occurredAt, or when the broker or the HTTP host received the content. Resolution one microsecond.</summary>
    public static Revision At(DateTimeOffset time) => new((time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond, RevisionKind.Time);

    /// <summary>Negative when this one is older than what is <paramref name="accepted"/> already, zero when equal, positive when newer or not comparable.</summary>
    public int CompareTo(Revision accepted) => Kind == accepted.Kind ? Value.CompareTo(accepted.Value) : 1;

    /// <summary>The number, or the time in ISO 8601 with microseconds, in UTC.</summary>
    public override string ToString() => Kind == RevisionKind.Number
        ? Value.ToString(CultureInfo.InvariantCulture)
        : DateTimeOffset.UnixEpoch.AddTicks(Value * TimeSpan.TicksPerMicrosecond).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
