namespace ContentSync.Content;

/// <summary>The stable codes of <see cref="ContentViolation"/>.</summary>
public static class ViolationCodes
{
    /// <summary>Not valid JSON; the message names the line and byte.</summary>
    public const string MalformedJson = "malformed-json";

    /// <summary>The bytes are not UTF-8.</summary>
    public const string InvalidUtf8 = "invalid-utf8";

    /// <summary>A string contains half of a surrogate pair.</summary>
    public const string LoneSurrogate = "lone-surrogate";

    /// <summary>The item has more bytes than <see cref="ContentOptions.MaxItemBytes"/>.</summary>
    public const string ItemTooLarge = "item-too-large";

    /// <summary>A value has the wrong JSON type for its member.</summary>
    public const string WrongType = "wrong-type";

    /// <summary>A required member is missing.</summary>
    public const string MissingMember = "missing-member";

    /// <summary>An item has no such member; probably a typo.</summary>
    public const string UnknownMember = "unknown-member";

    /// <summary>An object repeats a member name.</summary>
    public const string DuplicateMember = "duplicate-member";

    /// <summary>contentId is empty or too long, or contains control characters.</summary>
    public const string InvalidContentId = "invalid-content-id";

    /// <summary>contentType is not one of <see cref="ContentOptions.ContentTypes"/>.</summary>
    public const string UnknownContentType = "unknown-content-type";

    /// <summary>contentStatus is neither 0 nor 1.</summary>
    public const string InvalidContentStatus = "invalid-content-status";

    /// <summary>revision is not an integer from 0 to 9,223,372,036,854,775,807.</summary>
    public const string InvalidRevision = "invalid-revision";

    /// <summary>occurredAt is not ISO 8601 with a zone.</summary>
    public const string InvalidOccurredAt = "invalid-occurred-at";

    /// <summary>The item has both revision and occurredAt.</summary>
    public const string RevisionAndOccurredAt = "revision-and-occurred-at";

    /// <summary>contentInfo of a listed item has no members.</summary>
    public const string EmptyContentInfo = "empty-content-info";

    /// <summary>contentInfo has more bytes than <see cref="ContentOptions.MaxContentInfoBytes"/>.</summary>
    public const string ContentInfoTooLarge = "content-info-too-large";

    /// <summary>contentInfo is nested deeper than <see cref="ContentOptions.MaxContentInfoDepth"/>.</summary>
    public const string ContentInfoTooDeep = "content-info-too-deep";

    /// <summary>A string or member name in contentInfo has more characters than <see cref="ContentOptions.MaxTextLength"/>.</summary>
    public const string TextTooLong = "text-too-long";

    /// <summary>contentInfo breaks a rule of the content type's JSON Schema.</summary>
    public const string Schema = "schema";

    /// <summary>A rule of a mapping file cannot be applied to the record, or the record cannot be read.</summary>
    public const string Mapping = "mapping";

    /// <summary>Not a valid CloudEvents 1.0 event.</summary>
    public const string InvalidEvent = "invalid-event";

    /// <summary>A CloudEvent carries no data.</summary>
    public const string MissingData = "missing-data";

    /// <summary>There are more violations than the list shows.</summary>
    public const string MoreViolations = "more-violations";
}
