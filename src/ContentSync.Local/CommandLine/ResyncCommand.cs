using System.CommandLine;
using ContentSync.Catalog;
using ContentSync.Http;
using ContentSync.Http.Board;
using ContentSync.Local.Pipeline;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Microsoft.Extensions.DependencyInjection;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>
/// <c>resync</c>: brings AlipayHK into line with a catalog, delistings included, or sends items of the ledger again; in this process or in a
/// running host.
/// </summary>
internal sealed class ResyncCommand(Terminal terminal)
{
    private readonly PipelineArguments _pipeline = new();

    private readonly LogArguments _log = new();

    private readonly HostArguments _host = new();

    private readonly MapArgument _map = new();

    private readonly Option<string?> _source = new("--source")
    {
        Description = "File with the complete catalog (NDJSON or a JSON array, optionally gzipped), or 'ledger' to send items of the ledger again. "
            + "With --host: 'catalog' (the file that the host was started with; the default) or 'ledger'.",
        HelpName = "SOURCE",
    };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Show the plan and send nothing." };

    private readonly Option<double?> _allowDelist = new("--allow-delist")
    {
        Description = "Allow this run to delist up to this share of the listed items, and the catalog to have shrunk by up to this share; 0 to 1.",
        HelpName = "SHARE",
        CustomParser = OptionValue.OptionalNumber(share => share is >= 0 and <= 1, "a share from 0 to 1, for example 0.25"),
    };

    private readonly Option<bool> _again = new("--again") { Description = "Run even if this state of the catalog was already handled." };

    private readonly Option<bool> _overrideNewer = new("--override-newer")
    {
        Description = "Roll back: the catalog wins regardless of what is newer. The guard against mass delisting applies all the same.",
    };

    private readonly DeclarationArguments _declaration = new();

    private readonly Option<string?> _report = new("--report")
    {
        Description = "Write every item that is invalid, parked, pending, newer than the catalog, or in it more than once, to this file: one JSON "
            + "object per line.",
        HelpName = "FILE",
    };

    private readonly Option<bool> _cancel = new("--cancel")
    {
        Description = "Cancel the interrupted run of this source instead of continuing it. With --host: cancel the run under way.",
    };

    private readonly Option<bool> _pending = new("--pending") { Description = "From the ledger: items accepted but not yet acknowledged." };

    private readonly Option<bool> _failed = new("--failed") { Description = "From the ledger: items parked because all their attempts failed." };

    private readonly Option<bool> _unknownOutcome = new("--unknown-outcome")
    {
        Description = "From the ledger: items sent without a response that shows what AlipayHK holds.",
    };

    private readonly Option<double?> _olderThan = new("--older-than")
    {
        Description = "From the ledger: items that AlipayHK acknowledged more than this many days ago.",
        HelpName = "DAYS",
        CustomParser = OptionValue.OptionalNumber(days => days is > 0 and <= ResendRequest.MaxDays, "a number of days above 0"),
    };

    private readonly Option<int> _wait = new("--wait")
    {
        Description = "Stop waiting for retries when no item has finished for this long; the next run continues with the pending items.",
        HelpName = "SECONDS",
        CustomParser = OptionValue.Whole(0, int.MaxValue, "of seconds"),
        DefaultValueFactory = _ => 60,
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print the plan and the run as one JSON object to standard output." };

    public const string Explanation =
        """
        A damaged or truncated file is refused as a whole, and so is one that does not hold what it declares: in its first or
        last line {"catalog":{"items":3000}}, in FILE.meta.json {"items":3000,"sha256":"...","asOf":"..."}, or by option. A
        run that would delist more than 10 % of the items listed within a week, or whose catalog shrank by more than 20 %
        within it, sends nothing unless --allow-delist allows it. Ctrl-C is safe at any time: the next run of the same file
        continues from there. With --host, Ctrl-C only stops following; the host continues the run.

        An item that is newer than the catalog stays: it was changed after the time that the catalog shows. To go back to an
        older catalog, add --override-newer.

        Exit codes: 0 everything is in sync; 1 some items are invalid, parked, newer than the catalog (also if it lacks them), or
        in it more than once with different contents; 2 wrong usage, or an unusable file or host; 3 stopped before the end, by the guard, or
        with items pending.

        Examples:
          contentsync resync --source catalog.ndjson --dry-run
          contentsync resync --source catalog.ndjson --allow-delist 0.25
          contentsync resync --source yesterday.ndjson --override-newer
          contentsync resync --source ledger --failed --older-than 90
          contentsync resync --host http://localhost:7071
          contentsync resync --host http://localhost:7071 --cancel
        """;

    public Command Create()
    {
        const string Description = "Bring AlipayHK into line with a catalog: send new and changed items, delist those no longer in the catalog.";
        var command = new Command("resync", Description)
        {
            _source, _map.Option, _dryRun, _allowDelist, _again, _overrideNewer, _cancel, _pending, _failed, _unknownOutcome, _olderThan,
            _report, _wait, _json,
        };
        _declaration.AddTo(command);
        _log.AddTo(command);
        _pipeline.AddTo(command);
        _host.AddHostTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var request = Request(parsed);
        if (!_host.NamesHost(parsed)) return await RunInProcessAsync(parsed, request, cancellationToken).ConfigureAwait(false);
        if ((_map.IsGiven(parsed) ? _map.Option.Name : _pipeline.FirstGiven(parsed)) is { } option)
        {
            throw new CommandException(
                $"{option} applies to a run in this process; a running host has its own setting. Leave out {option}, or leave out --host.");
        }

        if (parsed.GetValue(_report) is not null)
            throw new CommandException("--report applies to a run in this process. A running host names the items in its API and on its board.");

        var host = _host.Host(parsed);
        await using var closingHost = host.ConfigureAwait(false);
        var output = parsed.InvocationConfiguration.Output;
        return await new ResyncInHost(host, terminal)
            .RunAsync(request, parsed.GetValue(_cancel), parsed.GetValue(_json), output, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The request as the API takes it, except that its source may be a file.</summary>
    private ResyncRequest Request(ParseResult parsed)
    {
        var inHost = _host.NamesHost(parsed);
        var source = parsed.GetValue(_source) ?? (inHost
            ? ResyncSources.CatalogKey
            : throw new CommandException("Name the catalog with --source FILE, or a running host with --host."));
        var filter = new ResendRequest(
            parsed.GetValue(_pending), parsed.GetValue(_failed), parsed.GetValue(_unknownOutcome), parsed.GetValue(_olderThan));
        var resend = filter == new ResendRequest() ? null : filter;
        var declared = _declaration.Read(parsed);
        var request = new ResyncRequest(
            source,
            parsed.GetValue(_dryRun),
            parsed.GetValue(_allowDelist),
            parsed.GetValue(_again),
            parsed.GetValue(_overrideNewer),
            declared.AsOf,
            declared.Items,
            declared.Sha256,
            resend);
        if (inHost && source is not (ResyncSources.CatalogKey or ResyncSources.LedgerKey))
        {
            throw new CommandException(
                $"With --host or CONTENTSYNC_HOST, --source must be {ResyncSources.CatalogKey} or {ResyncSources.LedgerKey}: "
                + "the host reads the catalog that it was started with. With --data DIR this process reads the file.");
        }

        if (source != ResyncSources.LedgerKey && resend is not null)
            throw new CommandException($"--pending, --failed, --unknown-outcome and --older-than are only for --source {ResyncSources.LedgerKey}.");
        if (source == ResyncSources.LedgerKey && _map.IsGiven(parsed))
            throw new CommandException($"{_map.Option.Name} is only for a catalog, not for --source {ResyncSources.LedgerKey}.");
        return source == ResyncSources.LedgerKey && request.IsForCatalog
            ? throw new CommandException(
                "--again, --allow-delist, --override-newer, --as-of, --expect-items and --expect-sha256 are only for a catalog, "
                + $"not for --source {ResyncSources.LedgerKey}.")
            : request;
    }

    private async Task<int> RunInProcessAsync(ParseResult parsed, ResyncRequest request, CancellationToken cancellationToken)
    {
        ICatalogSource source = request.Source == ResyncSources.LedgerKey ? new LedgerSource() : new FileCatalogSource(request.Source);
        var mapping = await _map.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
        var mapped = mapping is null ? null : new MappedCatalogSource(source, mapping);
        source = mapped ?? source;
        using var loggers = _log.ForCommand(parsed, terminal);
        var pipeline = await LocalPipeline
            .OpenAsync(_pipeline.Read(parsed), TimeProvider.System, loggers, cancellationToken).ConfigureAwait(false);
        await using var closingPipeline = pipeline.ConfigureAwait(false);
        if (pipeline.Warning is { } warning) terminal.Notes.Line($"[yellow]{warning}[/]");
        var runner = pipeline.Resync.Runner;
        if (parsed.GetValue(_cancel)) return await CancelAsync(runner, source, cancellationToken).ConfigureAwait(false);

        using var report = new ResyncReport(pipeline, parsed.GetValue(_report));
        var parameters = request.ToParameters();
        runner.PlanRead = report.AddAsync;
        runner.NewerFound += report.AddNewer;
        var run = await ResyncScreen.ShowAsync(terminal.Notes, runner, () => CausesAsync(pipeline, cancellationToken), () => parameters.DryRun
            ? runner.PlanAsync(source, parameters, cancellationToken)
            : runner.RunAsync(source, parameters, cancellationToken)).ConfigureAwait(false);
        if (run.State == ResyncRunState.Completed)
        {
            await pipeline.Resync.FinishRetriesAsync(TimeSpan.FromSeconds(parsed.GetValue(_wait)), cancellationToken).ConfigureAwait(false);
            run = await pipeline.Runs.FindAsync(run.RunId, cancellationToken).ConfigureAwait(false) ?? run;
        }

        if (source is not LedgerSource) await report.AddInvalidAsync(request.Source, mapping, cancellationToken).ConfigureAwait(false);
        await report.AddOpenAsync(cancellationToken).ConfigureAwait(false);
        var summary = ResyncSummary.Of(run, TimeProvider.System.GetUtcNow()) with { ReportFault = report.Close() };
        if (parsed.GetValue(_json)) parsed.InvocationConfiguration.Output.WriteLine(summary.ToJson());
        else ResyncScreen.Write(terminal.Results, summary);
        if (mapped is { Tally.Shape: not null }) MappingReport.Write(terminal.Notes, mapped.Tally);
        return summary.ExitCode;
    }

    private static async Task<IEnumerable<KeyValuePair<string, long>>> CausesAsync(LocalPipeline pipeline, CancellationToken cancellationToken)
    {
        var figures = await pipeline.Services.GetRequiredService<LedgerFiguresReader>().ReadAsync(cancellationToken).ConfigureAwait(false);
        return figures.Causes.Select(cause => KeyValuePair.Create(cause.Code, cause.Count));
    }

    private async Task<int> CancelAsync(ResyncRunner runner, ICatalogSource source, CancellationToken cancellationToken)
    {
        var run = await runner.CancelAsync(source.Name, null, cancellationToken).ConfigureAwait(false);
        if (run is null) terminal.Results.WriteLine("There is no interrupted run of this source.");
        else ResyncScreen.WriteCancelled(terminal.Results, run.Remaining, run.Counts.Planned);
        return ExitCodes.Done;
    }
}
