namespace ContentSync.Content;

/// <summary>The stable codes of <see cref="ContentReadResult.Warnings"/>.</summary>
public static class WarningCodes
{
    /// <summary>contentId contains characters that are not visible, such as a zero-width space.</summary>
    public const string InvisibleCharacter = "invisible-character";

    /// <summary>contentId begins or ends with white space.</summary>
    public const string SurroundingBlanks = "surrounding-blanks";

    /// <summary>occurredAt, or an event's time, is so far ahead of the clock that it counts as the time of receipt.</summary>
    public const string OccurredAtAhead = "occurred-at-ahead";

    /// <summary>
    /// contentInfo of a delisted item is not valid, so it is delisted with the contentInfo that was accepted last. What is wrong follows, with
    /// the codes of <see cref="ViolationCodes"/>.
    /// </summary>
    public const string ContentInfoIgnored = "content-info-ignored";

    /// <summary>contentId differs from another one of the same batch only in case or Unicode normalization.</summary>
    public const string SimilarContentId = "similar-content-id";
}
