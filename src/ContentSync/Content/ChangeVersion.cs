using System.Globalization;

namespace ContentSync.Content;

/// <summary>What a change brings to be ordered by.</summary>
public enum VersionKind
{
    /// <summary>Neither a number nor a time: when it first reached us.</summary>
    Received = 0,

    /// <summary>The caller's integer <c>revision</c>.</summary>
    Number = 1,

    /// <summary>The caller's <c>occurredAt</c>.</summary>
    Given = 2,
}

/// <summary>The version of one change to an item. What makes it newer than another is in <see cref="Ledger.VersionOrder"/>.</summary>
/// <param name="Number">The caller's <c>revision</c>; null if it sent none.</param>
/// <param name="GivenTime">The caller's <c>occurredAt</c>; null if it sent none. Never set together with <paramref name="Number"/>.</param>
/// <param name="FirstReceivedAt">
/// When the change first reached us, by the store's clock: its acceptance over HTTP, the enqueue time of the original message, the as-of
/// time of a catalog. A redelivery keeps the time of the first delivery. <see cref="OnAcceptance"/> if the ledger is to set it.
/// </param>
public readonly record struct ChangeVersion(long? Number, DateTimeOffset? GivenTime, DateTimeOffset FirstReceivedAt)
{
    /// <summary>
    /// Stands for the time at which the ledger accepts the change, by the store's clock: a process cannot know that clock before the
    /// store's first response. Ticks added to it are added to that time.
    /// </summary>
    public static readonly DateTimeOffset OnAcceptance = DateTimeOffset.MinValue;

    /// <summary>What the change brings to be ordered by.</summary>
    public VersionKind Kind => Number is not null ? VersionKind.Number : GivenTime is not null ? VersionKind.Given : VersionKind.Received;

    /// <summary>The version that an item has if it first reached us at <paramref name="firstReceivedAt"/>.</summary>
    public static ChangeVersion Of(ContentItem item, DateTimeOffset firstReceivedAt) => new(item.Number, item.OccurredAt, firstReceivedAt);

    /// <summary>Replaces <see cref="OnAcceptance"/> by <paramref name="now"/>.</summary>
    public ChangeVersion AcceptedAt(DateTimeOffset now) =>
        FirstReceivedAt - OnAcceptance < TimeSpan.FromDays(1) ? this with { FirstReceivedAt = now + (FirstReceivedAt - OnAcceptance) } : this;

    /// <summary>Whether both are deliveries of the same change, as far as their numbers and times tell.</summary>
    public bool IsRepeatOf(ChangeVersion other) =>
        Number is not null || other.Number is not null ? Number == other.Number : Time == other.Time;

    /// <summary>Returns the number, or the time in ISO 8601 with microseconds, in UTC.</summary>
    public override string ToString() =>
        Number?.ToString(CultureInfo.InvariantCulture) ?? Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private DateTimeOffset Time => GivenTime ?? FirstReceivedAt;
}
