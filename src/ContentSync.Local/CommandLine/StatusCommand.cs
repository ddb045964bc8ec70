using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Http;
using ContentSync.Http.Board;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>status</c>: the state of the whole catalog.</summary>
internal sealed class StatusCommand(IAnsiConsole screen)
{
    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        Shows how many items are synchronized, pending and parked, whether the circuit breaker is open, the current or
        latest resync, and the latest failures.

        Exit codes: 0 no item is parked and the circuit breaker is closed; 1 something needs attention.

        Examples:
          contentsync-local status
          contentsync-local status --host http://localhost:7071 --json
        """;

    public Command Create()
    {
        var command = new Command("status", "Show the state of the whole catalog and what needs attention.");
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
        var table = new Table().RoundedBorder().BorderColor(Color.Grey)
            .AddColumn("State").AddColumn(new TableColumn("Items").RightAligned()).AddColumn("Details");
        var oldest = state.OldestPending is { } pending ? $"oldest: {TerminalText.Plain(pending.ContentId)}, since {pending.AcceptedAt:u}" : "";
        var reasons = string.Join(", ", state.ParkReasons
            .Where(reason => reason.Value > 0)
            .Select(reason => string.Create(CultureInfo.InvariantCulture, $"{reason.Value:n0} {reason.Key}")));
        foreach (var (name, count) in state.States)
        {
            var details = name switch { "pending" => oldest, "parked" => reasons, _ => "" };
            table.AddRow(new Text(name), new Text(count.ToString("n0", CultureInfo.InvariantCulture)), new Text(details));
        }

        if (state.TemplateStatuses.Count > 0)
        {
            var statuses = string.Join(", ", state.TemplateStatuses.Select(status => $"{status.Value} {TerminalText.Plain(status.Key)}"));
            table.AddRow(new Text("templates"), new Text(""), new Text(statuses));
        }

        screen.Write(table);
        foreach (var (status, count) in state.TemplateStatuses.Where(status => TemplateStatuses.IsInactive(status.Key)))
            screen.MarkupLineInterpolated($"[yellow]AlipayHK reports the template of {count} item(s) as {status}[/], although it holds them.");
        if (state.Resyncs.Count > 0) ShowResync(state.Resyncs[0]);
        if (state.OpenCircuit is { } open)
        {
            var reason = $"{TerminalText.Plain(open.Code)}, {TerminalText.Plain(open.Message)}";
            screen.MarkupLineInterpolated($"[red]The circuit breaker has been open since {open.Since:u}[/]: {reason} {open.Advice}");
        }

        if (state.Failures.Count > 0) ShowFailures(state.Failures);
    }

    private void ShowResync(ResyncState run)
    {
        var counts = "";
        if (run.Counts is { } c)
        {
            var done = c.Planned - c.Remaining;
            counts = string.Create(CultureInfo.InvariantCulture, $", {done:n0} of {c.Planned:n0} items done, {run.RatePerSecond:0.#} per second");
        }

        var end = run.EstimatedEnd is { } at ? $", expected to end at {at:u}" : "";
        var source = TerminalText.Plain(run.Source ?? run.SourceName);
        var when = run.EndedAt is { } endedAt ? $"at {endedAt:u}" : $"since {run.StartedAt ?? run.RequestedAt:u}";
        screen.MarkupLineInterpolated($"Resync of {source}: {run.State} {when}{counts}{end}. {TerminalText.Plain(run.Message)}");
    }

    private void ShowFailures(IReadOnlyList<FailureState> failures)
    {
        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn("Latest failures").AddColumn("State").AddColumn("When").AddColumn("Why").AddColumn("What to do");
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
