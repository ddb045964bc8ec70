using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using ContentSync.Ledger;

namespace ContentSync.Local.CommandLine;

/// <summary><c>tail</c>: shows what happens to items, as it happens.</summary>
internal sealed class TailCommand(Terminal terminal)
{
    /// <summary>A look waits for this many times as long as the last one took, so that a large ledger is not read all the time.</summary>
    private const int WaitFactor = 10;

    private readonly FilterArguments _filter = new();

    private readonly Option<DateTimeOffset?> _from = new("--from")
    {
        Description = "Begin with what happened since then: 2h, yesterday, 2026-11-25 or a time with a zone. Default: now.",
        HelpName = "TIME",
        CustomParser = OptionValue.Time(TimeProvider.System),
    };

    private readonly Option<int> _interval = new("--interval")
    {
        Description = "How often to look.",
        HelpName = "SECONDS",
        CustomParser = OptionValue.Whole(1, 3_600, "of seconds"),
        DefaultValueFactory = _ => 2,
    };

    private readonly Option<bool> _ndjson = new("--ndjson") { Description = "Print one JSON object per line." };

    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        One line for each item that was accepted, or whose attempt ended: the newest state, if several follow fast. It stops
        with Ctrl-C, and goes on by itself after the host was restarted.

        Examples:
          contentsync tail
          contentsync tail --state parked --host http://localhost:7071
          contentsync tail --prefix SKU- --from 2h --ndjson
        """;

    public Command Create()
    {
        var command = new Command("tail", "Follow what happens to items.");
        _filter.AddTo(command);
        command.Options.Add(_from);
        command.Options.Add(_interval);
        command.Options.Add(_ndjson);
        _host.AddToWithoutJson(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
            await using var closingView = view.ConfigureAwait(false);
            // The host's clock recorded what is listed. It also shows whether the host can be reached at all.
            var now = (await view.StatusAsync(cancellationToken).ConfigureAwait(false)).Now;
            await FollowAsync(parsed, view, new OutcomeFollower(_filter.Read(parsed), parsed.GetValue(_from) ?? now), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Ctrl-C is how it ends.
        }

        return ExitCodes.Done;
    }

    private async Task FollowAsync(ParseResult parsed, ILedgerView view, OutcomeFollower follower, CancellationToken cancellationToken)
    {
        var interval = TimeSpan.FromSeconds(parsed.GetValue(_interval));
        var isLost = false;
        while (true)
        {
            var began = TimeProvider.System.GetTimestamp();
            try
            {
                var (items, leftOut) = await follower.LookAsync(view.ListAsync, cancellationToken).ConfigureAwait(false);
                if (isLost) terminal.Notes.Line($"[grey]Connected again.[/]");
                isLost = false;
                foreach (var item in items) Write(parsed, item);
                if (leftOut > 0) terminal.Notes.Line($"[grey]... and {Wording.Count(leftOut, "more item", "more items")}; 'list' shows all.[/]");
            }
            catch (Exception e) when (e is CommandException { IsTemporary: true } or LedgerUnavailableException)
            {
                if (!isLost) terminal.Notes.Line($"[yellow]{e.Message}[/] Trying again every {interval.TotalSeconds:0} s.");
                isLost = true;
            }

            var wait = TimeProvider.System.GetElapsedTime(began) * WaitFactor;
            await Task.Delay(wait > interval ? wait : interval, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Write(ParseResult parsed, ContentState item)
    {
        var output = parsed.InvocationConfiguration.Output;
        if (parsed.GetValue(_ndjson))
        {
            output.WriteLine(JsonSerializer.Serialize(item, ApiJson.Responses.ContentState));
            return;
        }

        var time = OutcomeFollower.At(item).ToString("u", CultureInfo.InvariantCulture);
        var state = item.ParkReason is { } reason ? $"{item.State}: {reason}" : item.State;
        var why = item.LastAttempt is { } last && last.Code != AlipayHk.ResultCodes.Success ? $"  {last.Code}: {last.Message}" : "";
        // A line of a file or pipe must not be wrapped.
        if (!terminal.Results.Profile.Out.IsTerminal) output.WriteLine(TerminalText.Plain($"{time}  {state}  {item.ContentId}{why}"));
        else if (item.State == "parked") terminal.Results.Line($"[grey]{time}[/]  [red]{state}[/]  {item.ContentId}{why}");
        else terminal.Results.Line($"[grey]{time}[/]  {state}  {item.ContentId}{why}");
    }
}
