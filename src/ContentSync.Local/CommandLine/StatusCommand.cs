using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using ContentSync.Http.Board;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>status</c>: how the whole catalog stands.</summary>
internal sealed class StatusCommand(IAnsiConsole screen)
{
    private readonly HostArguments _host = new();

    /// <summary>What a newcomer wants to know.</summary>
    public const string Lesson =
        """
        Show how many contents are synchronized, pending and parked, whether sending is stopped, how
        the current or last resync stands, and what failed last.

        Exit code 0: nothing is parked and sending flows; 1: something needs a person.

        Examples:
          contentsync-local status
          contentsync-local status --host http://localhost:7071 --json
        """;

    public Command Create()
    {
        var command = new Command("status", "Show how the whole catalog stands and what needs a person.");
        _host.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        await using var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        var state = await view.StatusAsync(cancellationToken).ConfigureAwait(false);
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(state, ApiJson.Responses.BoardState));
        else Show(state);
        return state.OpenCircuit is null && state.ParkReasons.Values.Sum() == 0 ? ExitCodes.Done : ExitCodes.SomeFailed;
    }

    private void Show(BoardState state)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey).AddColumn("State").AddColumn(new TableColumn("Contents").RightAligned()).AddColumn("");
        var oldest = state.OldestPending is { } pending ? $"oldest: {TerminalText.Plain(pending.ContentId)}, since {pending.AcceptedAt:u}" : "";
        var reasons = string.Join(", ", state.ParkReasons.Where(reason => reason.Value > 0).Select(reason => string.Create(CultureInfo.InvariantCulture, $"{reason.Value:n0} {reason.Key}")));
        foreach (var (name, count) in state.States)
            table.AddRow(new Text(name), new Text(count.ToString("n0", CultureInfo.InvariantCulture)), new Text(name switch { "pending" => oldest, "parked" => reasons, _ => "" }));
        if (state.TemplateStatuses.Count > 0)
            table.AddRow(new Text("templates"), new Text(""), new Text(string.Join(", ", state.TemplateStatuses.Select(status => $"{status.Value} {TerminalText.Plain(status.Key)}"))));
        screen.Write(table);
        if (state.Resyncs.Count > 0) ShowResync(state.Resyncs[0]);
        if (state.OpenCircuit is { } stop) screen.MarkupLineInterpolated($"[red]Sending is stopped since {stop.Since:u}[/]: {TerminalText.Plain(stop.Code)}, {TerminalText.Plain(stop.Message)} {stop.Advice}");
        if (state.Failures.Count > 0) ShowFailures(state.Failures);
    }

    private void ShowResync(ResyncState run)
    {
        var counts = run.Counts is { } c ? string.Create(CultureInfo.InvariantCulture, $", {c.Planned - c.Remaining:n0} of {c.Planned:n0} done, {run.RatePerSecond:0.#} per second") : "";
        var end = run.EstimatedEnd is { } at ? $", done about {at:u}" : "";
        screen.MarkupLineInterpolated($"Resync of {TerminalText.Plain(run.Source ?? run.SourceName)}: {run.State} since {run.EndedAt ?? run.StartedAt ?? run.RequestedAt:u}{counts}{end}. {TerminalText.Plain(run.Message)}");
    }

    private void ShowFailures(IReadOnlyList<FailureState> failures)
    {
        var table = new Table().SimpleBorder().BorderColor(Color.Grey).AddColumn("Failed last").AddColumn("State").AddColumn("When").AddColumn("Why").AddColumn("What to do");
        foreach (var failure in failures)
        {
            var last = failure.LastAttempt;
            table.AddRow(
                new Text(TerminalText.Plain(failure.ContentId)),
                new Text(failure.ParkReason ?? failure.State),
                new Text(last.At.ToString("u", CultureInfo.InvariantCulture)),
                new Text($"{TerminalText.Plain(last.Code)}: {TerminalText.Plain(last.Message)}"),
                new Text(failure.Advice));
        }

        screen.Write(table);
    }
}
