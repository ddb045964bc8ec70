using System.CommandLine;
using ContentSync.Mapping;

namespace ContentSync.Local.CommandLine;

/// <summary>The option <c>--map FILE</c>.</summary>
internal sealed class MapArgument
{
    public Option<string?> Option { get; } = new("--map")
    {
        Description = "Mapping file that makes items of a feed in another form: CSV, TSV, XML or JSON. Draft one with: map new FEED.",
        HelpName = "FILE",
    };

    public bool IsGiven(ParseResult parsed) => parsed.GetValue(Option) is not null;

    /// <summary>Null if the option is not given.</summary>
    /// <exception cref="CommandException">The mapping cannot be used.</exception>
    public async Task<CatalogMapping?> LoadAsync(ParseResult parsed, CancellationToken cancellationToken) =>
        parsed.GetValue(Option) is { } file ? await LoadAsync(file, cancellationToken).ConfigureAwait(false) : null;

    /// <exception cref="CommandException">The mapping cannot be used.</exception>
    public static async Task<CatalogMapping> LoadAsync(string file, CancellationToken cancellationToken)
    {
        try
        {
            return await MappingFile.LoadAsync(file, cancellationToken).ConfigureAwait(false);
        }
        catch (MappingException e)
        {
            throw new CommandException(e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The mapping '{file}' cannot be read: {e.Message}", e);
        }
    }
}
