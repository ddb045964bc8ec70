using System.CommandLine;
using ContentSync.Catalog;
using ContentSync.Http;
using ContentSync.Local.Pipeline;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>
/// <c>resync</c>: brings AlipayHK into line with a catalog, delistings included, or sends items of the ledger again; in this process or in a
/// running host.
/// </summary>
internal sealed class ResyncCommand(IAnsiConsole screen)
{
    private readonly PipelineArguments _pipeline = new();

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
    };

    private readonly Option<bool> _again = new("--again") { Description = "Run even if this state of the catalog was already handled." };

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
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print the plan and the run as one JSON object to standard output." };

    public const string Explanation =
        """
        A damaged or truncated file is refused as a whole. A run that would delist more than 10 % of the listed items, or
        whose catalog shrank by more than 20 %, sends nothing unless --allow-delist allows it. Ctrl-C is safe at any time:
        the next run of the same file continues from there. With --host, Ctrl-C only stops following; the host continues
        the run.

        Exit codes: 0 everything is in sync; 1 some items were invalid, rejected or parked; 2 wrong usage, or an unusable
        file or host; 3 stopped before the end, or by the guard.

        Examples:
          contentsync-local resync --source catalog.ndjson --dry-run
          contentsync-local resync --source catalog.ndjson --allow-delist 0.25
          contentsync-local resync --source ledger --failed --older-than 90
          contentsync-local resync --host http://localhost:7071
          contentsync-local resync --host http://localhost:7071 --cancel
        """;

    public Command Create()
    {
        const string Description = "Bring AlipayHK into line with a catalog: send new and changed items, delist those no longer in the catalog.";
        var command = new Command("resync", Description)
        {
            _source, _map.Option, _dryRun, _allowDelist, _again, _cancel, _pending, _failed, _unknownOutcome, _olderThan, _json,
        };
        _pipeline.AddTo(command);
        _host.AddHostTo(command);
        _allowDelist.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (>= 0 and <= 1)))
                result.AddError("--allow-delist must be a share from 0 to 1, for example 0.25.");
        });
        _olderThan.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is not (null or (> 0 and <= ResendRequest.MaxDays)))
                result.AddError("--older-than must be a number of days above 0.");
        });
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

        await using var host = _host.Host(parsed);
        var output = parsed.InvocationConfiguration.Output;
        return await new ResyncInHost(host, screen)
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
        var request = new ResyncRequest(source, parsed.GetValue(_dryRun), parsed.GetValue(_allowDelist), parsed.GetValue(_again), resend);
        if (inHost && source is not (ResyncSources.CatalogKey or ResyncSources.LedgerKey))
        {
            throw new CommandException(
                $"With --host, --source must be {ResyncSources.CatalogKey} or {ResyncSources.LedgerKey}: "
                + "the host reads the catalog that it was started with.");
        }

        if (source != ResyncSources.LedgerKey && resend is not null)
            throw new CommandException($"--pending, --failed, --unknown-outcome and --older-than are only for --source {ResyncSources.LedgerKey}.");
        if (source == ResyncSources.LedgerKey && _map.IsGiven(parsed))
            throw new CommandException("--map is only for a catalog file, not for --source ledger.");
        return source == ResyncSources.LedgerKey && (request.Again || request.AllowedDelistShare is not null)
            ? throw new CommandException($"--again and --allow-delist are only for a catalog, not for --source {ResyncSources.LedgerKey}.")
            : request;
    }

    private async Task<int> RunInProcessAsync(ParseResult parsed, ResyncRequest request, CancellationToken cancellationToken)
    {
        ICatalogSource source = request.Source == ResyncSources.LedgerKey ? new LedgerSource() : new FileCatalogSource(request.Source);
        var mapping = await _map.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
        var mapped = mapping is null ? null : new MappedCatalogSource(source, mapping);
        source = mapped ?? source;
        await using var pipeline = await LocalPipeline
            .OpenAsync(_pipeline.Read(parsed), TimeProvider.System, NullLoggerFactory.Instance, cancellationToken).ConfigureAwait(false);
        var runner = pipeline.Resync.Runner;
        if (parsed.GetValue(_cancel)) return await CancelAsync(runner, source, cancellationToken).ConfigureAwait(false);

        var parameters = request.ToParameters();
        var run = await ResyncScreen.ShowAsync(screen, runner, () => parameters.DryRun && mapped is null
            ? runner.PlanAsync(source, parameters, cancellationToken)
            : runner.RunAsync(source, parameters, cancellationToken)).ConfigureAwait(false);
        if (run.State == ResyncRunState.Completed)
            await pipeline.Resync.Retries.FinishAsync(TimeSpan.FromSeconds(60), cancellationToken).ConfigureAwait(false);
        var summary = ResyncSummary.Of(run, pipeline.Resync.Retries, TimeProvider.System.GetUtcNow());
        if (parsed.GetValue(_json)) Console.Out.WriteLine(summary.ToJson());
        else ResyncScreen.Write(screen, summary);
        if (mapped is not null) MappingReport.Write(screen, mapped.Tally);
        return summary.ExitCode;
    }

    private async Task<int> CancelAsync(ResyncRunner runner, ICatalogSource source, CancellationToken cancellationToken)
    {
        var run = await runner.CancelAsync(source.Name, null, cancellationToken).ConfigureAwait(false);
        if (run is null) screen.WriteLine("There is no interrupted run of this source.");
        else ResyncScreen.WriteCancelled(screen, run.Remaining, run.Counts.Planned);
        return ExitCodes.Done;
    }
}
