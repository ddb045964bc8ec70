using System.CommandLine;
using ContentSync.AlipayHk;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>resync --source FILE</c>: makes AlipayHK equal to a catalog, delisting included.</summary>
internal sealed class ResyncCommand(IAnsiConsole screen)
{
    private readonly PipelineArguments _pipeline = new();

    private readonly Option<string> _source = new("--source") { Description = "The whole catalog: NDJSON or a JSON array, gzip or not.", HelpName = "FILE", Required = true };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Show the plan and send nothing." };

    private readonly Option<double?> _allowDelist = new("--allow-delist") { Description = "Let this run delist, or the catalog have shrunk by, up to this share, 0 to 1.", HelpName = "SHARE" };

    private readonly Option<bool> _again = new("--again") { Description = "Run it also where this very file was handled already." };

    private readonly Option<bool> _cancel = new("--cancel") { Description = "End the interrupted run of this file instead of going on with it." };

    private readonly Option<double> _rate = new("--rate") { Description = "Sends per second, of which a fifth is left to single changes; 0 for no limit.", HelpName = "N", DefaultValueFactory = _ => 0 };

    private readonly Option<bool> _json = new("--json") { Description = "Print plan and run as one JSON object on standard output." };

    /// <summary>What its own help says besides.</summary>
    public const string Lesson =
        """
        A file that is damaged or cut short is refused as a whole. A run that would delist more than a tenth of what is
        listed, or whose catalog shrank by more than a fifth, sends nothing until --allow-delist says that this is meant.
        Ctrl-C at any moment: the next run of the same file goes on from there.

        Examples:
          contentsync-local resync --source catalog.ndjson --dry-run
          contentsync-local resync --source catalog.ndjson
          contentsync-local resync --source catalog.ndjson --allow-delist 0.25
        """;

    public Command Create()
    {
        var command = new Command("resync", "Make AlipayHK equal to a catalog: send what is new or changed, delist what the catalog no longer holds.")
        {
            _source, _dryRun, _allowDelist, _again, _cancel, _rate, _json,
        };
        _pipeline.AddTo(command);
        _allowDelist.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is < 0 or > 1) result.AddError("--allow-delist takes a share from 0 to 1, for example 0.25.");
        });
        _rate.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() < 0) result.AddError("--rate takes a number, 0 or more.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var source = new FileCatalogSource(parsed.GetRequiredValue(_source));
        var options = _pipeline.Read(parsed);
        await using var pipeline = await LocalPipeline.OpenAsync(options, TimeProvider.System, NullLoggerFactory.Instance, cancellationToken).ConfigureAwait(false);
        using var retries = new RetryWatch(pipeline.Queue, TimeProvider.System);
        var runner = Runner(pipeline, new ResyncOptions { SendsPerSecond = parsed.GetValue(_rate) }, retries);
        if (parsed.GetValue(_cancel)) return await CancelAsync(runner, source, cancellationToken).ConfigureAwait(false);

        var wish = new ResyncWish { DryRun = parsed.GetValue(_dryRun), AllowShare = parsed.GetValue(_allowDelist), Again = parsed.GetValue(_again) };
        var run = await ResyncScreen.ShowAsync(screen, runner, () => wish.DryRun ? runner.PlanAsync(source, wish, cancellationToken) : runner.RunAsync(source, wish, cancellationToken)).ConfigureAwait(false);
        if (run.State == ResyncRunState.Completed) await retries.FinishAsync(TimeSpan.FromSeconds(60), cancellationToken).ConfigureAwait(false);
        var summary = ResyncSummary.Of(run, retries, TimeProvider.System.GetUtcNow());
        if (parsed.GetValue(_json)) Console.Out.WriteLine(summary.ToJson());
        else ResyncScreen.Write(screen, summary);
        return summary.ExitCode;
    }

    private async Task<int> CancelAsync(ResyncRunner runner, FileCatalogSource source, CancellationToken cancellationToken)
    {
        var run = await runner.CancelAsync(source.Name, null, cancellationToken).ConfigureAwait(false);
        if (run is null) screen.WriteLine("No run of this file is interrupted.");
        else screen.MarkupLineInterpolated($"Cancelled; {run.Remaining:n0} of {run.Counts.Planned:n0} planned items were not sent.");
        return ExitCodes.Done;
    }

    private static ResyncRunner Runner(LocalPipeline pipeline, ResyncOptions options, RetryWatch retries)
    {
        var reader = new CatalogReader(pipeline.Reader, pipeline.ContentOptions);
        var planner = pipeline.CreatePlanner(reader);
        var pages = new ResyncPages(reader, pipeline.Synchronizer, pipeline.Ledger, TimeProvider.System);
        var lanes = new InProcessLanes(new PackSender(pipeline.Synchronizer, retries, options, TimeProvider.System), new LanePaces(options, TimeProvider.System));
        return new ResyncRunner(
            planner, new ResendPlanner(pipeline.Ledger, TimeProvider.System), pages, lanes, FileResyncStore.Open(pipeline.Data.ResyncFolder), new RequestIdSource(), options, TimeProvider.System);
    }
}
