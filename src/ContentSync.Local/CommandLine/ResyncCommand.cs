using System.CommandLine;
using ContentSync.Catalog;
using ContentSync.Http;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>resync</c>: makes AlipayHK equal to a catalog, delisting included, or sends again what the ledger holds; in this process or in a running host.</summary>
internal sealed class ResyncCommand(IAnsiConsole screen)
{
    private readonly PipelineArguments _pipeline = new();

    private readonly HostArguments _host = new();

    private readonly Option<string?> _source = new("--source")
    {
        Description = "The whole catalog: a FILE with NDJSON or a JSON array, gzip or not; or ledger, to send again what the ledger holds. With --host: catalog, the one the host was started with, or ledger. Default with --host: catalog.",
        HelpName = "SOURCE",
    };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Show the plan and send nothing." };

    private readonly Option<double?> _allowDelist = new("--allow-delist") { Description = "Let this run delist, or the catalog have shrunk by, up to this share, 0 to 1.", HelpName = "SHARE" };

    private readonly Option<bool> _again = new("--again") { Description = "Run it also where this very catalog was handled already." };

    private readonly Option<bool> _cancel = new("--cancel") { Description = "End the run of this source that is interrupted, or with --host under way, instead of going on with it." };

    private readonly Option<bool> _pending = new("--pending") { Description = "Of the ledger: what is accepted and not acknowledged yet." };

    private readonly Option<bool> _failed = new("--failed") { Description = "Of the ledger: what was given up on after every retry." };

    private readonly Option<bool> _unknownOutcome = new("--unknown-outcome") { Description = "Of the ledger: what was sent without an answer that tells what AlipayHK holds." };

    private readonly Option<double?> _olderThan = new("--older-than") { Description = "Of the ledger: what AlipayHK acknowledged longer ago than this many days.", HelpName = "DAYS" };

    private readonly Option<bool> _json = new("--json") { Description = "Print plan and run as one JSON object on standard output." };

    /// <summary>What its own help says besides.</summary>
    public const string Lesson =
        """
        A file that is damaged or cut short is refused as a whole. A run that would delist more than a tenth of what is
        listed, or whose catalog shrank by more than a fifth, sends nothing until --allow-delist says that this is meant.
        Ctrl-C at any moment: the next run of the same file goes on from there. With --host it ends the following only; the
        host goes on with the run.

        Exit codes: 0 everything is in step; 1 some items were invalid, rejected or dead-lettered; 2 wrong usage, or a file
        or host that cannot be used; 3 stopped before the end, or by the guard.

        Examples:
          contentsync-local resync --source catalog.ndjson --dry-run
          contentsync-local resync --source catalog.ndjson --allow-delist 0.25
          contentsync-local resync --source ledger --failed --older-than 90
          contentsync-local resync --host http://localhost:7071
          contentsync-local resync --host http://localhost:7071 --cancel
        """;

    public Command Create()
    {
        var command = new Command("resync", "Make AlipayHK equal to a catalog: send what is new or changed, delist what the catalog no longer holds.")
        {
            _source, _dryRun, _allowDelist, _again, _cancel, _pending, _failed, _unknownOutcome, _olderThan, _json,
        };
        _pipeline.AddTo(command);
        _host.AddHostTo(command);
        _allowDelist.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (>= 0 and <= 1))) result.AddError("--allow-delist takes a share from 0 to 1, for example 0.25.");
        });
        _olderThan.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (> 0 and <= ResendRequest.MaxDays))) result.AddError("--older-than takes a number of days above 0.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var wish = Request(parsed);
        if (!_host.NamesHost(parsed)) return await RunHereAsync(parsed, wish, cancellationToken).ConfigureAwait(false);
        if (_pipeline.FirstTyped(parsed) is { } idle) throw new CommandException($"{idle} is for a run in this process; a running host has its own. Leave it out, or leave out --host.");
        await using var host = _host.Host(parsed);
        return await new ResyncInHost(host, screen).RunAsync(wish, parsed.GetValue(_cancel), parsed.GetValue(_json), parsed.InvocationConfiguration.Output, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>What is asked for, in the API's words; its source may be a file.</summary>
    private ResyncRequest Request(ParseResult parsed)
    {
        var inHost = _host.NamesHost(parsed);
        var source = parsed.GetValue(_source) ?? (inHost ? ResyncSources.CatalogKey : throw new CommandException("Name the catalog with --source FILE, or a running host with --host."));
        var resend = new ResendRequest(parsed.GetValue(_pending), parsed.GetValue(_failed), parsed.GetValue(_unknownOutcome), parsed.GetValue(_olderThan));
        var wish = new ResyncRequest(source, parsed.GetValue(_dryRun), parsed.GetValue(_allowDelist), parsed.GetValue(_again), resend == new ResendRequest() ? null : resend);
        if (inHost && source is not (ResyncSources.CatalogKey or ResyncSources.LedgerKey))
            throw new CommandException($"With --host, --source is {ResyncSources.CatalogKey} or {ResyncSources.LedgerKey}: the host reads the catalog that it was started with.");
        if (source != ResyncSources.LedgerKey && wish.Resend is not null) throw new CommandException($"--pending, --failed, --unknown-outcome and --older-than are for --source {ResyncSources.LedgerKey}.");
        return source == ResyncSources.LedgerKey && (wish.Again || wish.AllowedDelistShare is not null)
            ? throw new CommandException("--again and --allow-delist are for a catalog.")
            : wish;
    }

    private async Task<int> RunHereAsync(ParseResult parsed, ResyncRequest request, CancellationToken cancellationToken)
    {
        ICatalogSource source = request.Source == ResyncSources.LedgerKey ? new LedgerSource() : new FileCatalogSource(request.Source);
        await using var pipeline = await LocalPipeline.OpenAsync(_pipeline.Read(parsed), TimeProvider.System, NullLoggerFactory.Instance, cancellationToken).ConfigureAwait(false);
        var runner = pipeline.Resync.Runner;
        if (parsed.GetValue(_cancel)) return await CancelAsync(runner, source, cancellationToken).ConfigureAwait(false);

        var wish = request.ToParameters();
        var run = await ResyncScreen.ShowAsync(screen, runner, () => wish.DryRun ? runner.PlanAsync(source, wish, cancellationToken) : runner.RunAsync(source, wish, cancellationToken)).ConfigureAwait(false);
        if (run.State == ResyncRunState.Completed) await pipeline.Resync.Retries.FinishAsync(TimeSpan.FromSeconds(60), cancellationToken).ConfigureAwait(false);
        var summary = ResyncSummary.Of(run, pipeline.Resync.Retries, TimeProvider.System.GetUtcNow());
        if (parsed.GetValue(_json)) Console.Out.WriteLine(summary.ToJson());
        else ResyncScreen.Write(screen, summary);
        return summary.ExitCode;
    }

    private async Task<int> CancelAsync(ResyncRunner runner, ICatalogSource source, CancellationToken cancellationToken)
    {
        var run = await runner.CancelAsync(source.Name, null, cancellationToken).ConfigureAwait(false);
        if (run is null) screen.WriteLine("No run of this source is interrupted.");
        else screen.MarkupLineInterpolated($"Cancelled; {run.Remaining:n0} of {run.Counts.Planned:n0} planned items were not sent.");
        return ExitCodes.Done;
    }
}
