namespace ContentSync.Content;

/// <summary>Validates settings section <c>Content</c>.</summary>
public static class ContentOptionsValidator
{
    private const int MaxDepth = 64;

    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    public static IEnumerable<string> Faults(ContentOptions options)
    {
        const string Section = ContentOptions.Section;
        if (options.ContentTypes.Count == 0 || options.ContentTypes.Any(string.IsNullOrWhiteSpace))
        {
            yield return $"{Section}:{nameof(ContentOptions.ContentTypes)} must hold the content types agreed with AlipayHK, none of "
                + "them empty.";
        }

        if (options.MaxContentIdLength is < 1 or > ContentOptions.ContentIdLengthLimit)
            yield return $"{Section}:{nameof(ContentOptions.MaxContentIdLength)} must be from 1 to {ContentOptions.ContentIdLengthLimit}.";
        if (options.MaxContentInfoBytes is < 2 or > ContentOptions.ContentInfoBytesLimit)
        {
            yield return $"{Section}:{nameof(ContentOptions.MaxContentInfoBytes)} must be from 2 to "
                + $"{ContentOptions.ContentInfoBytesLimit}, so that every request fits into the ledger.";
        }

        if (options.MaxContentInfoDepth is < 1 or > MaxDepth)
            yield return $"{Section}:{nameof(ContentOptions.MaxContentInfoDepth)} must be from 1 to {MaxDepth}.";
        if (options.MaxTextLength < 1) yield return $"{Section}:{nameof(ContentOptions.MaxTextLength)} must be at least 1.";
        if (options.MaxItemBytes <= options.MaxContentInfoBytes)
        {
            yield return $"{Section}:{nameof(ContentOptions.MaxItemBytes)} must be more than "
                + $"{Section}:{nameof(ContentOptions.MaxContentInfoBytes)}.";
        }

        if (!Enum.IsDefined(options.RefusedVersions))
        {
            yield return $"{Section}:{nameof(ContentOptions.RefusedVersions)} must be {nameof(RefusedVersionPolicy.Keep)} or "
                + $"{nameof(RefusedVersionPolicy.Delist)}.";
        }
    }
}
