namespace ContentSync.Content;

/// <summary>Whether AlipayHK may show the content. On the wire this is the JSON number 0 or 1 (protocol field <c>contentStatus</c>).</summary>
public enum ContentStatus
{
    /// <summary>0: delisted. AlipayHK has no delete; this is the only way to take content down.</summary>
    Invalid = 0,

    /// <summary>1: listed.</summary>
    Valid = 1,
}
