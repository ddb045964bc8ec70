namespace ContentSync.Catalog;

/// <summary>Where snapshots of a catalog come from.</summary>
public interface ICatalogSource
{
    /// <summary>Names the source; at most one run per name at a time.</summary>
    string Name { get; }

    /// <summary>The newest snapshot; null where there is none.</summary>
    /// <exception cref="IOException">The source cannot be read.</exception>
    ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken);
}

/// <summary>A whole catalog as it stood at one time. Can be read more than once.</summary>
public interface ICatalogSnapshot
{
    /// <summary>For people.</summary>
    string Name { get; }

    /// <summary>Tells two snapshots apart that do not hold the same bytes.</summary>
    string Digest { get; }

    /// <summary>When it was written: the revision of an item that brings none, so that what was changed since then stays.</summary>
    DateTimeOffset WrittenAt { get; }

    /// <summary>Its bytes from the start: NDJSON or a JSON array, gzip or not.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    ValueTask<Stream> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Whether it is still what was found: false where somebody writes to it or has replaced it.</summary>
    ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken);
}
