using System.Text.Json;
using ContentSync.Http;
using ContentSync.Resync;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Starts a resync in a running host and follows it to its end, or cancels it.</summary>
internal sealed class ResyncInHost(HostView host, Terminal terminal)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <param name="request">What to run; its source also selects the run to cancel.</param>
    /// <param name="cancel">Cancels the run under way instead of starting one.</param>
    /// <param name="json">Prints the run as the API returns it, instead of tables.</param>
    /// <param name="output">Receives the JSON.</param>
    /// <param name="cancellationToken">Stops following; the host continues the run.</param>
    /// <returns>See <see cref="ExitCodes"/>.</returns>
    public async Task<int> RunAsync(ResyncRequest request, bool cancel, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        if (cancel) return await CancelAsync(request.Source, json, output, cancellationToken).ConfigureAwait(false);
        var (run, isNew) = await host.StartResyncAsync(request, cancellationToken).ConfigureAwait(false);
        if (!isNew && request != new ResyncRequest(request.Source))
        {
            throw new CommandException(
                $"Run {run.RunId} of the {request.Source} is under way with other parameters. Wait until it ends, or end it with --cancel.")
            {
                ExitCode = ExitCodes.Stopped,
            };
        }

        if (!isNew) terminal.Notes.Line($"[grey]Run {run.RunId} is already under way; following it.[/]");
        try
        {
            run = await ShowAsync(run, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            terminal.Notes.Line($"[yellow]Stopped following; run {run.RunId} continues in the host.[/]");
            terminal.Notes.MarkupLine("[yellow]Watch it with status or on the board, or end it with --cancel.[/]");
            return ExitCodes.Stopped;
        }

        return Write(run, json, output);
    }

    private async Task<int> CancelAsync(string source, bool json, TextWriter output, CancellationToken cancellationToken)
    {
        var runs = await host.ListResyncsAsync(cancellationToken).ConfigureAwait(false);
        var underWay = runs.FirstOrDefault(run => run.Source == source && IsUnderWay(run));
        var cancelled = underWay is null ? null : await host.CancelResyncAsync(underWay.RunId, cancellationToken).ConfigureAwait(false);
        if (cancelled is null) terminal.Results.Line($"No run of the {source} is under way.");
        else if (json) output.WriteLine(JsonSerializer.Serialize(cancelled, ApiJson.Responses.ResyncState));
        else ResyncScreen.WriteCancelled(terminal.Results, cancelled.Counts?.Remaining ?? 0, cancelled.Counts?.Planned ?? 0);
        return ExitCodes.Done;
    }

    private int Write(ResyncState run, bool json, TextWriter output)
    {
        var summary = ResyncSummary.Of(run);
        if (json) output.WriteLine(JsonSerializer.Serialize(run, ApiJson.Responses.ResyncState));
        else ResyncScreen.Write(terminal.Results, summary);
        return summary.ExitCode;
    }

    private async Task<ResyncState> ShowAsync(ResyncState run, CancellationToken cancellationToken)
    {
        var newest = run;
        var codes = new CausesWatch(async () =>
        {
            var state = await host.StatusAsync(cancellationToken).ConfigureAwait(false);
            return state.Causes.Select(cause => KeyValuePair.Create(cause.Code, cause.Count));
        });
        var following = FollowAsync(run, state => newest = state, cancellationToken);
        return await ProgressScreen
            .ShowAsync(terminal.Notes, TimeProvider.System, () => Progress(newest, codes), following).ConfigureAwait(false);
    }

    private async Task<ResyncState> FollowAsync(ResyncState run, Action<ResyncState> show, CancellationToken cancellationToken)
    {
        while (IsUnderWay(run))
        {
            show(run);
            await Task.Delay(Interval, cancellationToken).ConfigureAwait(false);
            run = await host.FindResyncAsync(run.RunId, cancellationToken).ConfigureAwait(false)
                ?? throw new CommandException($"The host no longer keeps run {run.RunId}.");
        }

        return run;
    }

    private static bool IsUnderWay(ResyncState run) =>
        EnumText.TryRead<ResyncRunState>(run.State, out var state) && state is ResyncRunState.Planning or ResyncRunState.Sending;

    private static ProgressState Progress(ResyncState run, CausesWatch codes) => run.Counts is not { } counts
        ? ResyncScreen.Planning
        : ResyncScreen.Progress(
            run.Source ?? run.SourceName,
            counts.Planned - counts.Remaining,
            counts.Planned,
            run.RatePerSecond ?? 0,
            run.EstimatedEnd - TimeProvider.System.GetUtcNow(),
            codes.Line());
}
