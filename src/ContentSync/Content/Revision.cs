using System.Globalization;

namespace ContentSync.Content;

/// <summary>The kind of a revision's value.</summary>
public enum RevisionKind
{
    /// <summary>
    /// Microseconds since 1970-01-01 UTC: the caller's <c>occurredAt</c>, or the time of receipt if the caller sent neither
    /// <c>occurredAt</c> nor <c>revision</c>.
    /// </summary>
    Time = 0,

    /// <summary>The caller's integer <c>revision</c>.</summary>
    Number = 1,
}

/// <summary>
/// Orders the versions of an item. Two revisions of the same kind compare by value. A number and a time are not comparable: the one
/// accepted later counts as newer (see <see cref="CompareTo"/>).
/// </summary>
public readonly record struct Revision(long Value, RevisionKind Kind)
{
    /// <summary>Creates a revision from the caller's integer.</summary>
    public static Revision Of(long number) => new(number, RevisionKind.Number);

    /// <summary>
    /// Creates a revision from a time: occurredAt, or when the broker or the HTTP host received the item. Resolution 1 µs.
    /// </summary>
    public static Revision At(DateTimeOffset time) =>
        new((time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond, RevisionKind.Time);

    /// <summary>
    /// Negative if this revision is older than the <paramref name="accepted"/> one, zero if equal, positive if newer or not comparable.
    /// </summary>
    public int CompareTo(Revision accepted) => Kind == accepted.Kind ? Value.CompareTo(accepted.Value) : 1;

    /// <summary>Returns the number, or the time in ISO 8601 with microseconds, in UTC.</summary>
    public override string ToString() => Kind == RevisionKind.Number
        ? Value.ToString(CultureInfo.InvariantCulture)
        : DateTimeOffset.UnixEpoch
            .AddTicks(Value * TimeSpan.TicksPerMicrosecond)
            .ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}
