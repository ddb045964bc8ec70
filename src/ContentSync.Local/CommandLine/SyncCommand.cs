using System.CommandLine;
using ContentSync.Local.Pipeline;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>sync FILE</c>: brings a catalog to AlipayHK and says what became of every item.</summary>
internal sealed class SyncCommand(IAnsiConsole screen)
{
    private readonly PipelineArguments _pipeline = new();

    private readonly Argument<string> _file = new("FILE") { Description = "The catalog: NDJSON or a JSON array, gzip or not; - for standard input." };

    private readonly Option<bool> _json = new("--json") { Description = "Print the summary as one JSON object on standard output." };

    private readonly Option<string?> _report = new("--report") { Description = "Write every invalid, rejected or dead-lettered item to this file, one JSON object a line.", HelpName = "FILE" };

    private readonly Option<int> _wait = new("--wait")
    {
        Description = "Seconds without any item coming to an end after which it stops waiting for retries; what is pending then goes on with the next run.",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 60,
    };

    /// <summary>What its own help says besides.</summary>
    public const string Lesson =
        """
        An item that AlipayHK holds already is not sent again, so running it twice costs nothing. Ctrl-C at any moment:
        what is in flight finishes or stays pending, and the next run goes on from there.

        An item:  {"contentId":"A-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"..."},"revision":7}

        Examples:
          contentsync-local sync catalog.ndjson
          gunzip -c export.gz | contentsync-local sync - --json --report failed.ndjson
          contentsync-local sync catalog.ndjson --faults unknown=0.05,latency=50ms
        """;

    public Command Create()
    {
        var command = new Command("sync", "Sync a catalog: validate, sign, send, verify and record every item.")
        {
            _file, _json, _report, _wait,
        };
        _pipeline.AddTo(command);
        _wait.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < 0) result.AddError("--wait takes a number of seconds, 0 or more.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var catalog = CatalogFile.Open(parsed.GetRequiredValue(_file));
        await using var pipeline = await LocalPipeline.OpenAsync(_pipeline.Read(parsed), TimeProvider.System, NullLoggerFactory.Instance, cancellationToken).ConfigureAwait(false);
        var run = new CatalogRun(pipeline, screen, TimeProvider.System) { RetryTimeout = TimeSpan.FromSeconds(parsed.GetValue(_wait)), ReportFile = parsed.GetValue(_report) };
        var summary = await run.RunAsync(catalog, cancellationToken).ConfigureAwait(false);
        if (parsed.GetValue(_json))
        {
            Console.Out.WriteLine(summary.ToJson());
            if (summary.StoppedBecause is { } reason) screen.MarkupLineInterpolated($"[yellow]{reason}[/]");
        }
        else
        {
            SummaryTable.Write(screen, summary);
        }

        return summary.ExitCode;
    }
}
