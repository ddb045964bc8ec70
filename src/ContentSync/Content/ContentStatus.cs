namespace ContentSync.Content;

/// <summary>Whether AlipayHK may show the item. On the wire, <c>contentStatus</c> is the JSON number 0 or 1.</summary>
public enum ContentStatus
{
    /// <summary>0: delisted. AlipayHK has no delete; this is the only way to take an item down.</summary>
    Invalid = 0,

    /// <summary>1: listed.</summary>
    Valid = 1,
}
