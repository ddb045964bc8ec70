using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>A content on its way into the ledger.</summary>
/// <param name="Item">The validated content.</param>
/// <param name="Revision">The item's own revision, or the time of receipt.</param>
/// <param name="Prepare">Fixes request id and body; called at most once, and only where the record's content changes. What it throws fails the whole call.</param>
public sealed record Submission(ContentItem Item, Revision Revision, Func<ContentItem, PreparedRequest> Prepare);

/// <summary>A request as it will be sent on every attempt.</summary>
public readonly record struct PreparedRequest(string RequestId, ReadOnlyMemory<byte> Body);

/// <summary>What the ledger did with a submission.</summary>
public enum AcceptanceKind
{
    /// <summary>Taken in as the newest revision, pending.</summary>
    Accepted,

    /// <summary>The same content is pending already; at most its revision moved on. Same request.</summary>
    AlreadyPending,

    /// <summary>AlipayHK holds this very content; nothing to send.</summary>
    Unchanged,

    /// <summary>A newer revision was accepted before; this one is dropped.</summary>
    Superseded,

    /// <summary>The same integer revision or occurredAt was accepted before with other content; nothing changed.</summary>
    RevisionConflict,

    /// <summary>This very content is parked: rejected by AlipayHK before, or given up on at this same revision. Not sent again by itself.</summary>
    Parked,
}

/// <param name="Kind">What was done.</param>
/// <param name="Record">The record after it.</param>
public readonly record struct Acceptance(AcceptanceKind Kind, SyncRecord Record);
