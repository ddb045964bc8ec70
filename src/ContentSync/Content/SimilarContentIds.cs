namespace ContentSync.Content;

/// <summary>
/// Finds contentIds that differ from an earlier one only in case or Unicode normalization: probably one item that two systems spell
/// differently. Remembers the ids of one batch or catalog, up to <see cref="MaxIds"/>. Not thread-safe.
/// </summary>
internal sealed class SimilarContentIds
{
    /// <summary>Ids that are remembered; later ones are only compared with these. About 20 MB.</summary>
    public const int MaxIds = 100_000;

    private readonly Dictionary<string, string> _ids = new(StringComparer.Ordinal);

    /// <summary>Adds the item's id; returns the result, with a warning if its id resembles an earlier one.</summary>
    public ContentReadResult Examine(ContentReadResult read)
    {
        if (read.Item is not { ContentId: var contentId }) return read;
        var folded = UnicodeFold.Of(contentId);
        if (!_ids.TryGetValue(folded, out var earlier))
        {
            if (_ids.Count < MaxIds) _ids.Add(folded, contentId);
            return read;
        }

        if (earlier == contentId) return read;
        var warning = new ContentViolation(
            "/contentId",
            WarningCodes.SimilarContentId,
            $"contentId differs from '{Excerpt.Of(earlier)}' only in case or Unicode normalization; they are two items. "
                + "Spell it the same everywhere if it is one.");
        return read with { Warnings = [.. read.Warnings, warning] };
    }
}
