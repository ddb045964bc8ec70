namespace ContentSync.Content;

/// <summary>The result of reading one item: the item, or everything that is wrong with it.</summary>
/// <param name="Item">Null if there are violations.</param>
/// <param name="Violations">Empty if there is an item. Max 100; if there are more, the last one gives their number.</param>
/// <param name="ContentId">
/// The contentId, even of a refused item, so that reports can name it. Null if it is missing, too long or contains control characters.
/// </param>
public readonly record struct ContentReadResult(ContentItem? Item, IReadOnlyList<ContentViolation> Violations, string? ContentId)
{
    private readonly IReadOnlyList<ContentViolation>? _warnings;

    /// <summary>What is probably a mistake, though the item is taken as it is. Codes are in <see cref="WarningCodes"/>.</summary>
    public IReadOnlyList<ContentViolation> Warnings
    {
        get => _warnings ?? [];
        init => _warnings = value;
    }

    /// <summary>The revision of a refused item, as far as it could be read; null for a valid one, which has its own.</summary>
    internal long? RefusedNumber { get; init; }

    /// <summary>The occurredAt of a refused item, as far as it could be read; never set together with <see cref="RefusedNumber"/>.</summary>
    internal DateTimeOffset? RefusedOccurredAt { get; init; }

    /// <summary>Whether the item, valid or not, has neither revision nor occurredAt.</summary>
    internal bool HasNoVersion => Item is { } item
        ? item is { Number: null, OccurredAt: null }
        : RefusedNumber is null && RefusedOccurredAt is null;

    /// <summary>The version of the item, valid or not, if it first reached us at <paramref name="firstReceivedAt"/>.</summary>
    internal ChangeVersion VersionAt(DateTimeOffset firstReceivedAt) =>
        Item is { } item ? ChangeVersion.Of(item, firstReceivedAt) : new ChangeVersion(RefusedNumber, RefusedOccurredAt, firstReceivedAt);
}
