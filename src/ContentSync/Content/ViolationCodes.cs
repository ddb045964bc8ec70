namespace ContentSync.Content;

/// <summary>The stable codes of <see cref="ContentViolation"/>.</summary>
public static class ViolationCodes
{
    /// <summary>Not JSON; the message says at which line and byte.</summary>
    public const string MalformedJson = "malformed-json";

    /// <summary>The bytes are not UTF-8.</summary>
    public const string InvalidUtf8 = "invalid-utf8";

    /// <summary>A text holds half of a surrogate pair.</summary>
    public const string LoneSurrogate = "lone-surrogate";

    /// <summary>More bytes than <see cref="ContentOptions.MaxItemBytes"/>.</summary>
    public const string ItemTooLarge = "item-too-large";

    /// <summary>A value of another JSON type than the member takes.</summary>
    public const string WrongType = "wrong-type";

    /// <summary>A required member is not there.</summary>
    public const string MissingMember = "missing-member";

    /// <summary>A member that an item does not have; likely a typing error.</summary>
    public const string UnknownMember = "unknown-member";

    /// <summary>The same member name twice in one object.</summary>
    public const string DuplicateMember = "duplicate-member";

    /// <summary>contentId is empty, too long, or holds characters that an id may not.</summary>
    public const string InvalidContentId = "invalid-content-id";

    /// <summary>contentType is none of <see cref="ContentOptions.ContentTypes"/>.</summary>
    public const string UnknownContentType = "unknown-content-type";

    /// <summary>contentStatus is neither 0 nor 1.</summary>
    public const string InvalidContentStatus = "invalid-content-status";

    /// <summary>revision is not an integer from 0 to 9,223,372,036,854,775,807.</summary>
    public const string InvalidRevision = "invalid-revision";

    /// <summary>occurredAt is not ISO 8601 with a zone.</summary>
    public const string InvalidOccurredAt = "invalid-occurred-at";

    /// <summary>occurredAt lies further ahead of the clock than <see cref="ContentOptions.MaxOccurredAtAhead"/>.</summary>
    public const string OccurredAtAhead = "occurred-at-ahead";

    /// <summary>Both revision and occurredAt are there.</summary>
    public const string RevisionAndOccurredAt = "revision-and-occurred-at";

    /// <summary>More bytes than <see cref="ContentOptions.MaxContentInfoBytes"/>.</summary>
    public const string ContentInfoTooLarge = "content-info-too-large";

    /// <summary>Nested deeper than <see cref="ContentOptions.MaxContentInfoDepth"/>.</summary>
    public const string ContentInfoTooDeep = "content-info-too-deep";

    /// <summary>A text or member name in contentInfo with more characters than <see cref="ContentOptions.MaxTextLength"/>.</summary>
    public const string TextTooLong = "text-too-long";

    /// <summary>A rule of the content type's JSON Schema is broken.</summary>
    public const string Schema = "schema";

    /// <summary>There are more violations than are listed.</summary>
    public const string MoreViolations = "more-violations";
}
