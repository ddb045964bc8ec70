using System.CommandLine;
using System.Runtime.CompilerServices;
using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Local.Pipeline;
using ContentSync.Mapping;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>preview FILE</c>: shows what would be sent for each item, without sending anything.</summary>
internal sealed class PreviewCommand(IAnsiConsole screen)
{
    private readonly MapArgument _map = new();

    private readonly Argument<string> _file = new("FILE")
    {
        Description = "Catalog: NDJSON or a JSON array, or any feed with --map; optionally gzipped; - for standard input.",
    };

    private readonly Option<Uri> _gateway = new("--gateway")
    {
        Description = "Address that the requests would go to.",
        HelpName = "URL",
        DefaultValueFactory = _ => new Uri("http://localhost:7072"),
    };

    private readonly Option<string> _clientId = new("--client-id")
    {
        Description = "Client-Id that AlipayHK assigned to you.",
        HelpName = "ID",
        DefaultValueFactory = _ => LocalOptions.SimulatedClientId,
    };

    private readonly Option<string?> _schemas = new("--schemas")
    {
        Description = "Folder with one JSON Schema for contentInfo per content type, named SKU.schema.json and so on.",
        HelpName = "DIR",
    };

    public const string Explanation =
        """
        Nothing is sent, signed or stored. A real run generates its own requestId and Request-Time.

        Example:
          contentsync-local preview catalog.ndjson | less
          contentsync-local preview google.tsv --map google.mapping.json | less
        """;

    public Command Create()
    {
        var command = new Command("preview", "Show what would be sent for each item of a catalog, without sending anything.")
        {
            _file, _map.Option, _gateway, _clientId, _schemas,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var options = new AlipayHkOptions { BaseAddress = parsed.GetValue(_gateway), ClientId = parsed.GetValue(_clientId)! };
        var contentOptions = new ContentOptions { SchemaDirectory = parsed.GetValue(_schemas) };
        var schemas = await LoadSchemasAsync(contentOptions, cancellationToken).ConfigureAwait(false);
        var requestIds = new RequestIdSource();
        var (valid, invalid) = (0L, 0L);
        await using var catalog = CatalogFile.Open(parsed.GetRequiredValue(_file));
        var contentReader = new ContentReader(contentOptions, time, schemas);
        var mapping = await _map.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
        var entries = mapping is null
            ? new CatalogReader(contentReader, contentOptions).ReadAsync(catalog.Stream, cancellationToken)
            : MappedAsync(contentReader, catalog.Stream, mapping, cancellationToken);
        await foreach (var entry in entries.ConfigureAwait(false))
        {
            if (entry.Result.Item is { } item)
            {
                valid++;
                Show(entry.Line, item, RequestPreview.Render(options, SynchronizeRequest.Prepare(item, requestIds.Create()), time.GetUtcNow()));
            }
            else
            {
                invalid++;
                Show(entry);
            }
        }

        screen.MarkupLineInterpolated($"[grey]{valid:n0} valid, {invalid:n0} invalid; nothing was sent.[/]");
        return invalid > 0 ? ExitCodes.SomeFailed : ExitCodes.Done;
    }

    /// <summary>Shows the source of each record and what each rule made of it, then returns the item.</summary>
    private static async IAsyncEnumerable<CatalogEntry> MappedAsync(
        ContentReader reader, Stream feed, CatalogMapping mapping, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var traced in MappingTrace.ReadAsync(feed, mapping, cancellationToken).ConfigureAwait(false))
        {
            Console.Out.WriteLine($"=== line {traced.Line}: {TerminalText.Plain(traced.Source)}");
            foreach (var (target, rule, result) in traced.Rules)
                Console.Out.WriteLine($"    {target} <- {TerminalText.Plain(rule)}  =  {TerminalText.Plain(result)}");
            if (traced.IsLeftOut) Console.Out.WriteLine("    left out by the selection; counts as absent");
            else yield return traced.Entry(reader);
        }
    }

    private static void Show(long number, ContentItem item, RequestPreview preview)
    {
        Console.Out.WriteLine($"--- {number}: {item.ContentId}, valid, content hash {item.Hash}");
        Console.Out.WriteLine($"POST {preview.Url}");
        foreach (var (name, value) in preview.Headers) Console.Out.WriteLine($"{name}: {value}");
        Console.Out.WriteLine();
        Console.Out.WriteLine(preview.Body);
        Console.Out.WriteLine();
        Console.Out.WriteLine("String to sign (it ends with the last byte of the body):");
        Console.Out.WriteLine(preview.StringToSign);
        Console.Out.WriteLine();
    }

    private static void Show(CatalogEntry entry)
    {
        Console.Out.WriteLine($"--- {entry.Line}: {entry.Result.ContentId ?? "no contentId"}, invalid");
        foreach (var violation in entry.Result.Violations)
        {
            var pointer = violation.Pointer.Length == 0 ? "(item)" : violation.Pointer;
            Console.Out.WriteLine($"{pointer}: {violation.Code}: {violation.Message}");
        }

        Console.Out.WriteLine();
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
