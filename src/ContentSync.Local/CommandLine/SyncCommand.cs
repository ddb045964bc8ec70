using System.CommandLine;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary><c>sync FILE</c>: sends a catalog to AlipayHK and reports the outcome of every item.</summary>
internal sealed class SyncCommand(Terminal terminal)
{
    private readonly PipelineArguments _pipeline = new();

    private readonly LogArguments _log = new();

    private readonly MapArgument _map = new();

    private readonly Argument<string> _file = new("FILE")
    {
        Description = "Catalog: NDJSON or a JSON array, or any feed with --map; optionally gzipped; - for standard input.",
    };

    private readonly DeclarationArguments _declaration = new();

    private readonly Option<bool> _json = new("--json") { Description = "Print the summary as one JSON object to standard output." };

    private readonly Option<string?> _report = new("--report")
    {
        Description = "Write every invalid, rejected or parked item to this file, one JSON object per line.",
        HelpName = "FILE",
    };

    private readonly Option<int> _wait = new("--wait")
    {
        Description = "Stop waiting for retries when no item has finished for this long; the next run continues with the pending items.",
        HelpName = "SECONDS",
        CustomParser = OptionValue.Whole(0, int.MaxValue, "of seconds"),
        DefaultValueFactory = _ => 60,
    };

    public const string Explanation =
        """
        Items that AlipayHK already holds are not sent again, so a second run sends nothing. Ctrl-C is safe at any time:
        items in flight finish or stay pending, and the next run continues from there.

        An item: {"contentId":"A-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"..."},"revision":7}

        Examples:
          contentsync sync catalog.ndjson
          gunzip -c export.gz | contentsync sync - --json --report failed.ndjson
          contentsync sync google.tsv --map google.mapping.json
          contentsync sync catalog.ndjson --faults unknown=0.05,latency=50ms
        """;

    public Command Create()
    {
        var command = new Command("sync", "Sync a catalog: validate, sign and send every item, verify the responses and record the outcomes.")
        {
            _file, _map.Option, _json, _report, _wait,
        };
        _declaration.AddTo(command);
        _log.AddTo(command);
        _pipeline.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var mapping = await _map.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
        var catalog = await CatalogFile
            .OpenAsync(parsed.GetRequiredValue(_file), _declaration.Read(parsed), mapping, TimeProvider.System, cancellationToken)
            .ConfigureAwait(false);
        await using var closingCatalog = catalog.ConfigureAwait(false);
        using var loggers = _log.ForCommand(parsed, terminal);
        var pipeline = await LocalPipeline
            .OpenAsync(_pipeline.Read(parsed), TimeProvider.System, loggers, cancellationToken).ConfigureAwait(false);
        await using var closingPipeline = pipeline.ConfigureAwait(false);
        if (pipeline.Warning is { } warning) terminal.Notes.Line($"[yellow]{warning}[/]");
        var run = new CatalogRun(pipeline, terminal.Notes, TimeProvider.System)
        {
            RetryTimeout = TimeSpan.FromSeconds(parsed.GetValue(_wait)),
            ReportFile = parsed.GetValue(_report),
        };
        var summary = await run.RunAsync(catalog, cancellationToken).ConfigureAwait(false);
        if (parsed.GetValue(_json))
        {
            parsed.InvocationConfiguration.Output.WriteLine(summary.ToJson());
            if (summary.StoppedBecause is { } reason) terminal.Notes.Line($"[yellow]{reason}[/]");
        }
        else
        {
            SummaryTable.Write(terminal, summary);
        }

        if (catalog.Tally is { } tally) MappingReport.Write(terminal.Notes, tally);
        return summary.ExitCode;
    }
}
