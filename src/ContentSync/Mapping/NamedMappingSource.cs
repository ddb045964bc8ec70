using ContentSync.Catalog;

namespace ContentSync.Mapping;

/// <summary>A source whose catalogs may name a mapping in their metadata.</summary>
/// <param name="source">Where catalogs come from.</param>
/// <param name="mappings">Mappings by name.</param>
public sealed class NamedMappingSource(ICatalogSource source, MappingCache mappings) : ICatalogSource
{
    /// <inheritdoc/>
    public string Name => source.Name;

    /// <inheritdoc/>
    /// <exception cref="CatalogSourceException">The newest catalog names a mapping that does not exist or cannot be used.</exception>
    public async ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken)
    {
        if (await source.FindNewestAsync(cancellationToken).ConfigureAwait(false) is not { } snapshot) return null;
        if (snapshot.Declared.Mapping is not { } name) return snapshot;
        try
        {
            var (mapping, fault) = await mappings.FindAsync(name, cancellationToken).ConfigureAwait(false);
            return mapping is not null
                ? new MappedSnapshot(snapshot, mapping, new MappingTally())
                : throw new CatalogSourceException($"{snapshot.Name} names a mapping in its metadata that cannot be used. {fault}");
        }
        catch (MappingException e)
        {
            throw new CatalogSourceException(e.Message, e);
        }
    }
}
