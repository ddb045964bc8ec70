namespace ContentSync.Content;

/// <summary>The stable codes of <see cref="ContentReadResult.Warnings"/>.</summary>
public static class WarningCodes
{
    /// <summary>contentId contains characters that are not visible, such as a zero-width space.</summary>
    public const string InvisibleCharacter = "invisible-character";

    /// <summary>contentId begins or ends with white space.</summary>
    public const string SurroundingBlanks = "surrounding-blanks";

    /// <summary>contentId differs from another one of the same batch only in case or Unicode normalization.</summary>
    public const string SimilarContentId = "similar-content-id";
}
