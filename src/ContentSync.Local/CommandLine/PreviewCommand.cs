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
        CustomParser = OptionValue.Address(
            uri => uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp, "an address such as https://open.example.com"),
        DefaultValueFactory = _ => new Uri("http://localhost:7072"),
    };

    private readonly Option<string> _clientId = new("--client-id")
    {
        Description = "Client-Id that AlipayHK assigned to you.",
        HelpName = "ID",
        DefaultValueFactory = _ => LocalOptions.SimulatedClientId,
    };

    private readonly ContentArguments _content = new();

    public const string Explanation =
        """
        Nothing is sent, signed or stored. A real run generates its own requestId and Request-Time.

        Example:
          contentsync preview catalog.ndjson | less
          contentsync preview google.tsv --map google.mapping.json | less
        """;

    public Command Create()
    {
        var command = new Command("preview", "Show what would be sent for each item of a catalog, without sending anything.")
        {
            _file, _map.Option, _gateway, _clientId,
        };
        _content.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var output = parsed.InvocationConfiguration.Output;
        var options = new AlipayHkOptions { BaseAddress = parsed.GetValue(_gateway), ClientId = parsed.GetValue(_clientId)! };
        var contentOptions = _content.Read(parsed);
        if (ContentOptionsValidator.Faults(contentOptions).ToArray() is { Length: > 0 } faults)
            throw new CommandException(new InvalidSettingsException(faults).Message);

        var schemas = await LoadSchemasAsync(contentOptions, cancellationToken).ConfigureAwait(false);
        var requestIds = new RequestIdSource();
        var (valid, invalid) = (0L, 0L);
        var mapping = await _map.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
        var catalog = await CatalogFile
            .OpenAsync(parsed.GetRequiredValue(_file), new CatalogDeclaration(), null, time, cancellationToken).ConfigureAwait(false);
        await using var closingCatalog = catalog.ConfigureAwait(false);
        var contentReader = new ContentReader(contentOptions, time, schemas);
        var entries = mapping is null
            ? new CatalogReader(contentReader, contentOptions).ReadAsync(catalog.Stream, cancellationToken)
            : MappedAsync(output, contentReader, catalog.Stream, mapping, cancellationToken);
        await foreach (var entry in entries.ConfigureAwait(false))
        {
            if (entry.Result.Item is { } item)
            {
                valid++;
                var preview = RequestPreview.Render(options, SynchronizeRequest.Prepare(item, requestIds.Create()), time.GetUtcNow());
                Show(output, entry.Line, item, entry.Result.Warnings, preview);
            }
            else
            {
                invalid++;
                Show(output, entry);
            }
        }

        screen.Line($"[grey]{valid:n0} valid, {invalid:n0} invalid; nothing was sent.[/]");
        return invalid > 0 ? ExitCodes.SomeFailed : ExitCodes.Done;
    }

    /// <summary>Shows the source of each record and what each rule made of it, then returns the item.</summary>
    private static async IAsyncEnumerable<CatalogEntry> MappedAsync(
        TextWriter output, ContentReader reader, Stream feed, CatalogMapping mapping, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var traced in MappingTrace.ReadAsync(feed, mapping, cancellationToken).ConfigureAwait(false))
        {
            output.WriteLine($"=== line {traced.Line}: {TerminalText.Plain(traced.Source)}");
            foreach (var (target, rule, result) in traced.Rules)
                output.WriteLine($"    {target} <- {TerminalText.Plain(rule)}  =  {TerminalText.Plain(result)}");
            if (traced.IsLeftOut) output.WriteLine("    left out by the selection; counts as absent");
            else yield return traced.Entry(reader);
        }
    }

    private static void Show(
        TextWriter output, long number, ContentItem item, IReadOnlyList<ContentViolation> warnings, RequestPreview preview)
    {
        output.WriteLine($"--- {number}: {TerminalText.Plain(item.ContentId)}, valid, content hash {item.Hash}");
        foreach (var warning in warnings) output.WriteLine(TerminalText.Plain($"Warning, {warning.Pointer}: {warning.Code}: {warning.Message}"));
        if (item.IsDelistingById)
            output.WriteLine("Delisted by id: a real run sends the contentInfo that the ledger holds, or nothing if it holds none.");
        output.WriteLine($"POST {preview.Url}");
        foreach (var (name, value) in preview.Headers) output.WriteLine($"{name}: {value}");
        output.WriteLine();
        output.WriteLine(preview.Body);
        output.WriteLine();
        output.WriteLine("String to sign (it ends with the last byte of the body):");
        output.WriteLine(preview.StringToSign);
        output.WriteLine();
    }

    private static void Show(TextWriter output, CatalogEntry entry)
    {
        output.WriteLine($"--- {entry.Line}: {TerminalText.Plain(entry.Result.ContentId ?? "no contentId")}, invalid");
        foreach (var violation in entry.Result.Violations)
        {
            var pointer = violation.Pointer.Length == 0 ? "(item)" : violation.Pointer;
            output.WriteLine(TerminalText.Plain($"{pointer}: {violation.Code}: {violation.Message}"));
        }

        output.WriteLine();
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
