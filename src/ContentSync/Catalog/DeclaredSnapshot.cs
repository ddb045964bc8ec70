namespace ContentSync.Catalog;

/// <summary>A snapshot together with what a run declares about it. Its bytes are checked against every declared digest while they are read.</summary>
/// <param name="snapshot">As its source found it.</param>
/// <param name="declared">What the run declares; it takes precedence over what the snapshot declares of itself.</param>
/// <param name="overridesNewer">Whether it wins regardless of what is newer.</param>
public sealed class DeclaredSnapshot(ICatalogSnapshot snapshot, CatalogDeclaration declared, bool overridesNewer) : ICatalogSnapshot
{
    /// <inheritdoc/>
    public string Name => snapshot.Name;

    /// <inheritdoc/>
    public string Digest => snapshot.Digest;

    /// <inheritdoc/>
    public string? MappingDigest => snapshot.MappingDigest;

    /// <inheritdoc/>
    public string? MappingName => snapshot.MappingName;

    /// <inheritdoc/>
    public DateTimeOffset WrittenAt => snapshot.WrittenAt;

    /// <inheritdoc/>
    public DateTimeOffset AsOf => declared.AsOf ?? snapshot.AsOf;

    /// <inheritdoc/>
    public AsOfSource AsOfSource => declared.AsOf is null ? snapshot.AsOfSource : AsOfSource.Option;

    /// <inheritdoc/>
    public bool OverridesNewer => overridesNewer;

    /// <inheritdoc/>
    public CatalogDeclaration Declared => new()
    {
        AsOf = declared.AsOf ?? snapshot.Declared.AsOf,
        Items = declared.Items ?? snapshot.Declared.Items,
        Sha256 = declared.Sha256 ?? snapshot.Declared.Sha256,
        Mapping = snapshot.Declared.Mapping,
    };

    /// <summary>Whether it was read to its end and held what was declared; false if nothing was declared.</summary>
    public bool IsProven { get; private set; }

    /// <inheritdoc/>
    public async ValueTask<Stream> OpenAsync(CancellationToken cancellationToken) =>
        Check(await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false));

    /// <summary>The same bytes, which fail at their end if they are not what was declared.</summary>
    /// <param name="bytes">The bytes of this snapshot; disposed of with the result.</param>
    public Stream Check(Stream bytes) => Check(bytes, [declared, snapshot.Declared], () => IsProven = true);

    /// <inheritdoc/>
    public ValueTask<bool> IsIntactAsync(CancellationToken cancellationToken) => snapshot.IsIntactAsync(cancellationToken);

    // What is declared of a feed holds for its bytes and its records, not for the items that a mapping makes of them.
    private static Stream Check(Stream bytes, IReadOnlyList<CatalogDeclaration> declarations, Action proven) => bytes is IItemTextStream mapped
        ? mapped.Over(feed => new DeclaredStream(feed, declarations, proven))
        : new DeclaredStream(bytes, declarations, proven);
}
