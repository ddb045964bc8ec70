namespace ContentSync.Mapping;

/// <summary>The mappings that catalogs, messages and requests name.</summary>
public interface IMappingStore
{
    /// <summary>Where the mappings are, for display.</summary>
    string Place { get; }

    /// <summary>Loads a mapping.</summary>
    /// <param name="name">A valid name; see <see cref="MappingName"/>.</param>
    /// <param name="cancellationToken">Stops the loading.</param>
    /// <returns>The mapping; null if there is none of this name.</returns>
    /// <exception cref="MappingException">The mapping cannot be used until it is corrected.</exception>
    /// <exception cref="IOException">The mapping cannot be read now.</exception>
    ValueTask<CatalogMapping?> FindAsync(string name, CancellationToken cancellationToken);
}

/// <summary>The name under which a mapping is stored: <c>google.tsv</c> for the file <c>google.tsv.mapping.json</c>.</summary>
public static class MappingName
{
    /// <summary>Maximum length in characters.</summary>
    public const int MaxLength = 64;

    /// <summary>The form of a name, for messages.</summary>
    public const string Expected = "1 to 64 letters, digits, '.', '-' or '_', beginning with a letter or digit";

    /// <summary>Ends the name of every mapping file.</summary>
    public const string FileSuffix = ".mapping.json";

    /// <summary>Whether a text is a name. It is part of a path, so it may hold no separator.</summary>
    public static bool IsValid(string name) =>
        name.Length is > 0 and <= MaxLength
        && char.IsAsciiLetterOrDigit(name[0])
        && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_');
}

/// <summary>No mappings.</summary>
/// <param name="place">Says why there are none.</param>
public sealed class NoMappings(string place) : IMappingStore
{
    /// <inheritdoc/>
    public string Place => place;

    /// <inheritdoc/>
    public ValueTask<CatalogMapping?> FindAsync(string name, CancellationToken cancellationToken) => ValueTask.FromResult<CatalogMapping?>(null);
}
