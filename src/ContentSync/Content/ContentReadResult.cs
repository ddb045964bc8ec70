namespace ContentSync.Content;

/// <summary>What reading one item came to: the item, or everything that is wrong with it.</summary>
/// <param name="Item">Null where there is a violation.</param>
/// <param name="Violations">Empty where there is an item. At most 100; where there were more, the last one says how many.</param>
/// <param name="ContentId">The contentId where one could be read, also of an item that was refused, so that a report can name it. Null where it is missing, too long or holds control characters.</param>
public readonly record struct ContentReadResult(ContentItem? Item, IReadOnlyList<ContentViolation> Violations, string? ContentId);
