using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>An item to be accepted by the ledger.</summary>
/// <param name="Item">The validated item.</param>
/// <param name="Version">The item's revision or occurredAt, and when it first reached us.</param>
/// <param name="Prepare">
/// Creates the request id and body. Called only if the item's content changes, and once for each content: a delisting by id gets that of
/// the record. An exception it throws fails the whole call.
/// </param>
public sealed record Submission(ContentItem Item, ChangeVersion Version, Func<ContentItem, PreparedRequest> Prepare)
{
    /// <summary>
    /// When a person declared that this item wins regardless of what is newer (a rollback); null for an ordinary change. By the store's
    /// clock. It identifies the rollback: repeating it changes nothing, so that an interrupted run can repeat its items.
    /// </summary>
    public DateTimeOffset? OverrideDeclaredAt { get; init; }

    /// <summary>Whether the body of the version that it replaces is kept, if that was sent; see <see cref="SentHistory"/>.</summary>
    public bool KeepsSentBody { get; init; }

    /// <summary>
    /// The submission with its time of receipt, if the ledger is to set that. Call it once, before the rules are applied: applying them
    /// again after a conflict must not make the change younger.
    /// </summary>
    public Submission AcceptedAt(DateTimeOffset now) => this with { Version = Version.AcceptedAt(now) };

    /// <summary>Whether it wins regardless of what is newer.</summary>
    public bool OverridesNewer => OverrideDeclaredAt is not null;
}

/// <summary>The request that every attempt sends.</summary>
public readonly record struct PreparedRequest(string RequestId, ReadOnlyMemory<byte> Body);

/// <summary>The outcome of a submission.</summary>
public enum AcceptanceKind
{
    /// <summary>Accepted as the newest version; the item is pending.</summary>
    Accepted,

    /// <summary>The same content is already pending. Its request stays the same; its version may have been raised.</summary>
    AlreadyPending,

    /// <summary>AlipayHK holds the same content; there is nothing to send.</summary>
    Unchanged,

    /// <summary>A newer version has already been accepted; this one is dropped.</summary>
    Superseded,

    /// <summary>The same revision or occurredAt has already been accepted with different content; nothing changed.</summary>
    RevisionConflict,

    /// <summary>
    /// The same content is parked: AlipayHK rejected it, or it failed every attempt at the same revision. It is not sent again
    /// automatically.
    /// </summary>
    Parked,

    /// <summary>Delisted by id, but the ledger holds no content of the item: recorded as a tombstone, nothing is sent.</summary>
    DelistedUnknown,
}

/// <param name="Kind">The outcome.</param>
/// <param name="Record">The record after the call.</param>
public readonly record struct Acceptance(AcceptanceKind Kind, SyncRecord Record)
{
    /// <summary>
    /// Whether its time was more than <see cref="VersionOrder.MaxAhead"/> ahead of the store's clock, so that it counted as the time of first
    /// receipt: a clock of the caller's is wrong.
    /// </summary>
    public bool TimeWasAhead { get; init; }
}
