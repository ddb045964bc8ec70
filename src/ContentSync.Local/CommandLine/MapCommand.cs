using System.CommandLine;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping;
using ContentSync.Mapping.Feeds;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>map new</c> and <c>map check</c>: draft a mapping for a feed, and try one.</summary>
internal sealed class MapCommand(IAnsiConsole screen)
{
    private const int MaxShown = 15;

    private readonly Argument<string> _feed = new("FEED") { Description = "CSV, TSV, XML or JSON, optionally gzipped; - for standard input." };

    private readonly Argument<string> _mapping = new("MAPPING") { Description = "Mapping file." };

    private readonly Option<string?> _out = new("--out")
    {
        Description = "Write the draft to this file, which must not exist. Default: standard output.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _schemas = new("--schemas")
    {
        Description = "Folder with one JSON Schema for contentInfo per content type, named SKU.schema.json and so on.",
        HelpName = "DIR",
    };

    public const string Explanation =
        """
        A mapping file says how a record of a feed becomes an item. Its values are Liquid expressions such as
        {{ title | entities | squeeze }}. Nothing is sent or stored.

        Exit codes of map check: 0 every record becomes an item, or is left out by the selection; 1 some cannot;
        2 the mapping or the feed cannot be used.

        Examples:
          contentsync map new google.tsv --out google.mapping.json
          contentsync map check google.tsv google.mapping.json
          contentsync sync google.tsv --map google.mapping.json
        """;

    public Command Create()
    {
        var draft = new Command("new", "Inspect a feed and draft a mapping for it.") { _feed, _out };
        draft.SetAction(DraftAsync);
        var check = new Command("check", "Map a whole feed and summarize faults and warnings.") { _feed, _mapping, _schemas };
        check.SetAction(CheckAsync);
        return new Command("map", "Draft and check mappings from feeds in other forms to items.") { draft, check };
    }

    private async Task<int> DraftAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var feed = await CatalogFile
            .OpenAsync(parsed.GetRequiredValue(_feed), new CatalogDeclaration(), null, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        await using var closingFeed = feed.ConfigureAwait(false);
        var draft = await MappingDraft.InspectAsync(feed.Stream, new FeedLayout(), cancellationToken).ConfigureAwait(false);
        screen.Line($"[grey]Feed:[/] {draft.Shape}; {Wording.Count(draft.Records, "record")} inspected.");
        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn("Field").AddColumn(new TableColumn("Filled").RightAligned()).AddColumn("First value");
        foreach (var (name, filled, example) in draft.Fields)
            table.AddRow(new Text(TerminalText.Plain(name)), new Text($"{(double)filled / draft.Records:P0}"), new Text(TerminalText.Plain(example)));
        screen.Write(table);
        if (parsed.GetValue(_out) is { } file) Save(file, draft.Mapping);
        else parsed.InvocationConfiguration.Output.Write(draft.Mapping);
        screen.MarkupLine("[grey]Replace the target fields by those of AlipayHK's table, then run: map check.[/]");
        return ExitCodes.Done;
    }

    private static void Save(string file, string mapping)
    {
        try
        {
            using var stream = new FileStream(file, FileMode.CreateNew);
            using var writer = new StreamWriter(stream);
            writer.Write(mapping);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The draft '{file}' cannot be written: {e.Message}", e);
        }
    }

    private async Task<int> CheckAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var mapping = await MapArgument.LoadAsync(parsed.GetRequiredValue(_mapping), cancellationToken).ConfigureAwait(false);
        var options = new ContentOptions { SchemaDirectory = parsed.GetValue(_schemas) };
        var schemas = await LoadSchemasAsync(options, cancellationToken).ConfigureAwait(false);
        var reader = new CatalogReader(new ContentReader(options, TimeProvider.System, schemas), options);
        var catalog = await CatalogFile
            .OpenAsync(parsed.GetRequiredValue(_feed), new CatalogDeclaration(), mapping, TimeProvider.System, cancellationToken)
            .ConfigureAwait(false);
        await using var closingCatalog = catalog.ConfigureAwait(false);
        var (valid, invalid) = (0L, 0L);
        await foreach (var entry in reader.ReadAsync(catalog.Stream, cancellationToken).ConfigureAwait(false))
        {
            if (entry.Result.Item is not null) valid++;
            else if (++invalid <= MaxShown) Show(entry);
        }

        MappingReport.Write(screen, catalog.Tally!);
        screen.Line($"{valid:n0} valid, {invalid:n0} invalid; nothing was sent.");
        return invalid > 0 ? ExitCodes.SomeFailed : ExitCodes.Done;
    }

    private void Show(CatalogEntry entry)
    {
        foreach (var violation in entry.Result.Violations)
        {
            var pointer = violation.Pointer.Length == 0 ? "" : $"{violation.Pointer}: ";
            var text = $"{entry}: {entry.Result.ContentId ?? "no contentId"}: {pointer}{violation.Message}";
            screen.Line($"[yellow]{TerminalText.Plain(text)}[/]");
        }
    }

    private static async Task<ContentSchemas> LoadSchemasAsync(ContentOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await ContentSchemas.LoadAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (ContentSchemaException e)
        {
            throw new CommandException(e.Message, e);
        }
    }
}
