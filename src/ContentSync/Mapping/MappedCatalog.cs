using ContentSync.Catalog;

namespace ContentSync.Mapping;

/// <summary>A catalog whose feed is in another form than ours, with the mapping that makes items of its records.</summary>
/// <param name="source">Where the feed comes from.</param>
/// <param name="mapping">Applied to each record.</param>
public sealed class MappedCatalogSource(ICatalogSource source, CatalogMapping mapping) : ICatalogSource
{
    /// <inheritdoc/>
    public string Name => source.Name;

    /// <summary>What the last reading found.</summary>
    public MappingTally Tally { get; } = new();

    /// <inheritdoc/>
    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
        await source.FindNewestAsync(cancellationToken).ConfigureAwait(false) is { } snapshot
            ? new MappedSnapshot(snapshot, mapping, Tally)
            : null;
}

/// <summary>A snapshot of a feed, seen through a mapping.</summary>
public sealed class MappedSnapshot(ICatalogSnapshot feed, CatalogMapping mapping, MappingTally tally) : ICatalogSnapshot
{
    /// <inheritdoc/>
    public string Name => feed.Name;

    /// <summary>Of the feed and of the mapping: another mapping makes other items of the same feed.</summary>
    public string Digest => $"{feed.Digest} mapping {mapping.Digest}";

    /// <inheritdoc/>
    public DateTimeOffset WrittenAt => feed.WrittenAt;

    /// <inheritdoc/>
    public string? MappingDigest => mapping.Digest;

    /// <inheritdoc/>
    public string? MappingName => mapping.Name;

    /// <inheritdoc/>
    public DateTimeOffset AsOf => feed.AsOf;

    /// <inheritdoc/>
    public AsOfSource AsOfSource => feed.AsOfSource;

    /// <summary>Of the feed: its digest is that of the feed's bytes, and its number of items that of the feed's records.</summary>
    public CatalogDeclaration Declared => feed.Declared;

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) =>
        Open(await feed.OpenAsync(cancellationToken).ConfigureAwait(false), mapping, tally);

    /// <inheritdoc/>
    public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => feed.IsIntactAsync(cancellationToken);

    /// <summary>A feed that can be read once, such as standard input.</summary>
    public static Stream Open(Stream feed, CatalogMapping mapping, MappingTally tally) => new MappedStream(feed, mapping, tally);
}
