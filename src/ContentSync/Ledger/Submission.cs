using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>An item to be accepted by the ledger.</summary>
/// <param name="Item">The validated item.</param>
/// <param name="Revision">The item's own revision, or the time it was received.</param>
/// <param name="Prepare">
/// Creates the request id and body. Called at most once, and only if the item's content changes. An exception it throws fails the
/// whole call.
/// </param>
public sealed record Submission(ContentItem Item, Revision Revision, Func<ContentItem, PreparedRequest> Prepare);

/// <summary>The request that every attempt sends.</summary>
public readonly record struct PreparedRequest(string RequestId, ReadOnlyMemory<byte> Body);

/// <summary>The outcome of a submission.</summary>
public enum AcceptanceKind
{
    /// <summary>Accepted as the newest version; the item is pending.</summary>
    Accepted,

    /// <summary>The same content is already pending. Its request stays the same; its revision may have been raised.</summary>
    AlreadyPending,

    /// <summary>AlipayHK holds the same content; there is nothing to send.</summary>
    Unchanged,

    /// <summary>A newer revision has already been accepted; this one is dropped.</summary>
    Superseded,

    /// <summary>The same revision or occurredAt has already been accepted with different content; nothing changed.</summary>
    RevisionConflict,

    /// <summary>
    /// The same content is parked: AlipayHK rejected it, or it failed every attempt at the same revision. It is not sent again
    /// automatically.
    /// </summary>
    Parked,
}

/// <param name="Kind">The outcome.</param>
/// <param name="Record">The record after the call.</param>
public readonly record struct Acceptance(AcceptanceKind Kind, SyncRecord Record);
