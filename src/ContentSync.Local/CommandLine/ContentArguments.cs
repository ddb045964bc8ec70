using System.CommandLine;
using ContentSync.Content;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Local.CommandLine;

/// <summary>
/// The options for content types and limits of items: those of every host. Without an option, the environment variable of the same setting
/// counts, such as <c>Content__MaxTextLength</c>; without that, the default.
/// </summary>
internal sealed class ContentArguments
{
    private readonly Option<string?> _schemas = new("--schemas")
    {
        Description = "Folder with one JSON Schema for contentInfo per content type, named SKU.schema.json and so on.",
        HelpName = "DIR",
    };

    private readonly Option<string[]> _contentTypes = new("--content-type")
    {
        Description = "contentType agreed with AlipayHK; can be repeated. Default: SKU and MOVIE.",
        HelpName = "TYPE",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<int?> _maxContentIdLength =
        Limit("--max-content-id-length", "Max characters in a contentId, 1 to 102.", new ContentOptions().MaxContentIdLength);

    private readonly Option<int?> _maxContentInfoBytes =
        Limit("--max-content-info-bytes", "Max bytes in contentInfo, 2 to 122880.", new ContentOptions().MaxContentInfoBytes);

    private readonly Option<int?> _maxContentInfoDepth =
        Limit("--max-content-info-depth", "Max nesting in contentInfo, 1 to 64.", new ContentOptions().MaxContentInfoDepth);

    private readonly Option<int?> _maxTextLength =
        Limit("--max-text-length", "Max characters in one string of contentInfo.", new ContentOptions().MaxTextLength);

    private readonly Option<int?> _maxItemBytes =
        Limit("--max-item-bytes", "Max bytes of a whole item as it is in the catalog or request.", new ContentOptions().MaxItemBytes);

    private readonly Option<RefusedVersionPolicy?> _refusedVersions = new("--refused-versions")
    {
        Description = "Whether to keep or delist an item whose newer version is not valid. Default: keep.",
        HelpName = "keep|delist",
        CustomParser = OptionValue.Name<RefusedVersionPolicy>(),
    };

    public IReadOnlyList<Option> All =>
    [
        _schemas, _contentTypes, _maxContentIdLength, _maxContentInfoBytes, _maxContentInfoDepth, _maxTextLength, _maxItemBytes,
        _refusedVersions,
    ];

    public void AddTo(Command command)
    {
        foreach (var option in All) command.Options.Add(option);
    }

    /// <exception cref="CommandException">An environment variable has no valid value.</exception>
    public ContentOptions Read(ParseResult parsed) => Read(parsed, new ConfigurationBuilder().AddEnvironmentVariables().Build());

    internal ContentOptions Read(ParseResult parsed, IConfiguration environment)
    {
        var options = Bind(environment.GetSection(ContentOptions.Section));
        if (parsed.GetValue(_contentTypes) is { Length: > 0 } types) options = WithTypes(options, types);
        options.SchemaDirectory = parsed.GetValue(_schemas) ?? options.SchemaDirectory;
        options.MaxContentIdLength = parsed.GetValue(_maxContentIdLength) ?? options.MaxContentIdLength;
        options.MaxContentInfoBytes = parsed.GetValue(_maxContentInfoBytes) ?? options.MaxContentInfoBytes;
        options.MaxContentInfoDepth = parsed.GetValue(_maxContentInfoDepth) ?? options.MaxContentInfoDepth;
        options.MaxTextLength = parsed.GetValue(_maxTextLength) ?? options.MaxTextLength;
        options.MaxItemBytes = parsed.GetValue(_maxItemBytes) ?? options.MaxItemBytes;
        options.RefusedVersions = parsed.GetValue(_refusedVersions) ?? options.RefusedVersions;
        return options;
    }

    private static ContentOptions Bind(IConfigurationSection section)
    {
        try
        {
            var options = new ContentOptions();
            section.Bind(options);
            // Bind appends to a list's defaults.
            var types = section.GetSection(nameof(ContentOptions.ContentTypes)).Get<string[]>();
            return types is { Length: > 0 } ? WithTypes(options, types) : options;
        }
        catch (InvalidOperationException e)
        {
            throw new CommandException($"An environment variable {ContentOptions.Section}__... is not valid: {e.Message}", e);
        }
    }

    private static ContentOptions WithTypes(ContentOptions options, string[] types)
    {
        options.ContentTypes.Clear();
        foreach (var type in types) options.ContentTypes.Add(type);
        return options;
    }

    private static Option<int?> Limit(string name, string description, int ifAbsent) =>
        new(name)
        {
            Description = FormattableString.Invariant($"{description} Default: {ifAbsent}."),
            HelpName = "N",
            CustomParser = OptionValue.OptionalWhole(1, int.MaxValue),
        };
}
