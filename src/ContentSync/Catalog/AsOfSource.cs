namespace ContentSync.Catalog;

/// <summary>Where a catalog's as-of time comes from. The first of these that is present counts.</summary>
public enum AsOfSource
{
    /// <summary>Nothing says when the catalog was exported: the time it was written.</summary>
    TimeWritten = 0,

    /// <summary>The option of a run: <c>--as-of</c>, or <c>asOf</c> of a request.</summary>
    Option = 1,

    /// <summary>The catalog's first line.</summary>
    FirstLine = 2,

    /// <summary>The blob's metadata.</summary>
    Metadata = 3,

    /// <summary>The file beside the catalog.</summary>
    SideFile = 4,
}
