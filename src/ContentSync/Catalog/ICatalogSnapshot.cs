namespace ContentSync.Catalog;

/// <summary>Where snapshots of a catalog come from.</summary>
public interface ICatalogSource
{
    /// <summary>Identifies the source; each name has at most one run at a time.</summary>
    string Name { get; }

    /// <summary>The newest snapshot; null if there is none.</summary>
    /// <exception cref="CatalogSourceException">The source does not exist or refuses access.</exception>
    /// <exception cref="CatalogFormatException">What the source says about the snapshot is not valid.</exception>
    /// <exception cref="IOException">The source cannot be read now.</exception>
    ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken);
}

/// <summary>The state of a whole catalog at one time. Can be read more than once.</summary>
public interface ICatalogSnapshot
{
    /// <summary>For display.</summary>
    string Name { get; }

    /// <summary>Differs between two snapshots that do not hold the same bytes.</summary>
    string Digest { get; }

    /// <summary>When it was written.</summary>
    DateTimeOffset WrittenAt { get; }

    /// <summary>Digest of the mapping that its items are made with; null if it is in our own form.</summary>
    string? MappingDigest => null;

    /// <summary>Name of that mapping, for display.</summary>
    string? MappingName => null;

    /// <summary>
    /// The state of which time it shows. Its lines count as changed at that time, so that a change made after the export is not
    /// overwritten.
    /// </summary>
    DateTimeOffset AsOf => WrittenAt;

    /// <summary>Where <see cref="AsOf"/> comes from.</summary>
    AsOfSource AsOfSource => AsOfSource.TimeWritten;

    /// <summary>Whether a person declared that it wins regardless of what is newer.</summary>
    bool OverridesNewer => false;

    /// <summary>What was declared beside it; without what its own lines declare, except the time in its first line.</summary>
    CatalogDeclaration Declared => new();

    /// <summary>Opens its bytes from the start: NDJSON or a JSON array, compressed with gzip or not.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    ValueTask<Stream> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Whether it is unchanged since it was found: false if another process writes to it or has replaced it.</summary>
    ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken);
}
