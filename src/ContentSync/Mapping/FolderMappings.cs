namespace ContentSync.Mapping;

/// <summary>Mappings in a folder, with their look-up tables beside them.</summary>
public sealed class FolderMappings(string folder) : IMappingStore
{
    /// <inheritdoc/>
    public string Place => folder;

    /// <inheritdoc/>
    public async ValueTask<CatalogMapping?> FindAsync(string name, CancellationToken cancellationToken)
    {
        var file = Path.Combine(folder, name + MappingName.FileSuffix);
        try
        {
            return File.Exists(file) ? await MappingFile.LoadAsync(file, cancellationToken).ConfigureAwait(false) : null;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"The mapping {file} may not be read; give this program's user the right to read it.", e);
        }
    }
}
