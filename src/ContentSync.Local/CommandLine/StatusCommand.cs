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
    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(2);

    private readonly HostArguments _host = new();

    private readonly Option<bool> _watch = new("--watch") { Description = "Show it again every two seconds, until Ctrl-C." };

    public const string Explanation =
        """
        Shows how many items are synchronized, pending and parked, whether the circuit breaker is open, the current or
        latest resync, and the causes that keep items from being in sync.

        Exit codes: 0 no item is parked or stale, and sending is neither paused nor stopped; 1 something needs attention. A stale item
        is one of which AlipayHK holds an older version, because the newer one was not valid.

        Examples:
          contentsync status
          contentsync status --host http://localhost:7071 --json
          contentsync status --watch
        """;

    public Command Create()
    {
        var command = new Command("status", "Show the state of the whole catalog and what needs attention.");
        command.Options.Add(_watch);
        _host.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        await using var closingView = view.ConfigureAwait(false);
        while (true)
        {
            var exitCode = await ShowAsync(parsed, view, cancellationToken).ConfigureAwait(false);
            if (!parsed.GetValue(_watch)) return exitCode;
            await Task.Delay(WatchInterval, cancellationToken).ConfigureAwait(false);
            if (screen.Profile.Out.IsTerminal) screen.Clear();
        }
    }

    private async Task<int> ShowAsync(ParseResult parsed, ILedgerView view, CancellationToken cancellationToken)
    {
        var state = await view.StatusAsync(cancellationToken).ConfigureAwait(false);
        var size = await view.SizeAsync(cancellationToken).ConfigureAwait(false);
        var budgetNote = state.Budget is null ? await view.BudgetNoteAsync(cancellationToken).ConfigureAwait(false) : null;
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(Json(state, size));
        else Show(state, size, budgetNote);
        var isSending = state.OpenCircuit is null && state.Pauses.Count == 0;
        return isSending && state.ParkReasons.Values.Sum() == 0 && state.Stale == 0 ? ExitCodes.Done : ExitCodes.SomeFailed;
    }

    // As the API has it, with the ledger's size as one more member.
    private static string Json(BoardState state, LedgerSize? size)
    {
        var json = JsonSerializer.SerializeToNode(state, ApiJson.Responses.BoardState)!.AsObject();
        if (size is not null) json["ledger"] = JsonSerializer.SerializeToNode(size, ApiJson.Responses.LedgerSize);
        return json.ToJsonString(ApiJson.Responses.Options);
    }

    private void Show(BoardState state, LedgerSize? size, string? budgetNote)
    {
        // First, because nothing else matters while nothing is sent.
        foreach (var pause in state.Pauses) screen.Line($"[yellow]{TerminalText.Plain(pause.Sentence())}[/]");
        if (state.OpenCircuit is { } open)
        {
            var reason = Wording.Sentence($"{TerminalText.Plain(open.Code)}: {TerminalText.Plain(open.Message)}");
            screen.Line($"[red]The circuit breaker has been open since {open.Since:u}, so nothing is sent.[/] {reason} {open.Advice}");
        }

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

        if (state.Types.Count > 1)
        {
            var types = string.Join(", ", state.Types.Select(type => $"{type.Value:n0} {TerminalText.Plain(type.Key)}"));
            table.AddRow(new Text("types"), new Text(""), new Text(types));
        }

        if (state.TemplateStatuses.Count > 0)
        {
            var statuses = string.Join(", ", state.TemplateStatuses.Select(status => $"{status.Value} {TerminalText.Plain(status.Key)}"));
            table.AddRow(new Text("templates"), new Text(""), new Text(statuses));
        }

        screen.Write(table);
        foreach (var (status, count) in state.TemplateStatuses.Where(status => TemplateStatuses.IsInactive(status.Key)))
            screen.Line($"[yellow]AlipayHK reports the template of {Wording.Count(count, "item")} as {status}[/], although it holds them.");
        if (!state.IsComplete) screen.Line($"[yellow]The numbers are too low[/] until the host has counted everything once.");
        if (state.Stale > 0) ShowStale(state);
        if (state.Resyncs.Count > 0) ShowResync(state.Resyncs[0]);
        if (state.Budget is { } budget) screen.Line($"{budget.Sentence()}");
        else if (budgetNote is not null) screen.Line($"[grey]{budgetNote}[/]");
        if (size is not null) screen.Line($"[grey]{Sentence(size)}[/]");
        foreach (var vault in state.Budget?.Vaults ?? []) screen.Line($"{TerminalText.Plain(vault.Sentence())}");
        if (state.Causes.Count > 0) ShowCauses(state.Causes);
    }

    private static string Sentence(LedgerSize size)
    {
        var bytes = size.Bytes is { } count ? $" in {Bytes(count)}" : "";
        var bodies = size.SentBodies ? "with" : "without";
        return $"The ledger holds {Wording.Count(size.Items, "item")}{bytes}. It keeps an item's last ten attempts and requests for "
            + $"{Wording.Count(size.HistoryDays, "day")}, {bodies} the bodies of earlier requests; delisted items for "
            + $"{Wording.Count(size.DelistedDays, "day")}; finished resyncs for {Wording.Count(size.RunsDays, "day")}.";
    }

    private static string Bytes(long count) => count switch
    {
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e3:0.#} kB"),
        < 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:0.#} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count / 1e9:0.##} GB"),
    };

    private void ShowStale(BoardState state)
    {
        screen.Line($"[yellow]AlipayHK holds an older version of {Wording.Count(state.Stale, "item")}[/], because a newer one was not valid.");
        if (state.OldestStale is not { } oldest) return;
        screen.Line(
            $"The first one: {TerminalText.Plain(oldest.ContentId)}, since {oldest.Since:u}: {oldest.Code}: {TerminalText.Plain(oldest.Message)}");
        screen.Line($"List them with: list --stale. Correct them at their source and send them again.");
    }

    private void ShowResync(ResyncState run)
    {
        var counts = "";
        if (run.Counts is { } c)
        {
            var done = c.Planned - c.Remaining;
            var planned = Wording.Count(c.Planned, "item");
            counts = string.Create(CultureInfo.InvariantCulture, $", {done:n0} of {planned} done, {run.RatePerSecond:0.#} per second");
        }

        var end = run.EstimatedEnd is { } at ? $", expected to end at {at:u}" : "";
        var source = TerminalText.Plain(run.Source ?? run.SourceName);
        var when = run.EndedAt is { } endedAt ? $"at {endedAt:u}" : $"since {run.StartedAt ?? run.RequestedAt:u}";
        screen.Line($"Resync of {source}: {run.State} {when}{counts}{end}. {TerminalText.Plain(run.Message)}");
    }

    private void ShowCauses(IReadOnlyList<CauseState> causes)
    {
        if (screen.IsNarrow())
        {
            screen.WriteLine();
            foreach (var cause in causes) screen.Block($"{Count(cause)} {Cause(cause)}", $"since {cause.Since:u}", Examples(cause), cause.Advice);
            return;
        }

        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn(new TableColumn("Items").RightAligned().NoWrap()).AddColumn("Cause").AddColumn(new TableColumn("Since").NoWrap())
            .AddColumn("Examples").AddColumn("What to do");
        foreach (var cause in causes)
        {
            table.AddRow(
                new Text(Count(cause)),
                new Text(TerminalText.Plain(Cause(cause))),
                new Text(cause.Since.ToString("u", CultureInfo.InvariantCulture)),
                new Text(TerminalText.Plain(Examples(cause))),
                new Text(cause.Advice));
        }

        screen.Write(table);
    }

    private static string Count(CauseState cause) => cause.Count.ToString("n0", CultureInfo.InvariantCulture);

    private static string Cause(CauseState cause) => $"{cause.Code}: {cause.Message} ({cause.ParkReason ?? "retried automatically"})";

    private static string Examples(CauseState cause) => string.Join(", ", cause.ContentIds);
}
