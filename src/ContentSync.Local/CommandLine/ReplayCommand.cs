using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>replay [ID]</c>: sends parked items again.</summary>
internal sealed class ReplayCommand(IAnsiConsole screen)
{
    private readonly Argument<string?> _contentId = new("ID")
    {
        Description = "contentId of one parked item. Without it, give a filter.",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string?> _type = new("--type") { Description = "Only items of this contentType.", HelpName = "TYPE" };

    private readonly Option<string?> _code = new("--code") { Description = "Only items whose last attempt ended with this code.", HelpName = "CODE" };

    private readonly Option<string?> _reason = new("--reason")
    {
        Description = "Only items parked for this reason: rejected, attemptsExhausted or ageExceeded.",
        HelpName = "REASON",
    };

    private readonly Option<DateTimeOffset?> _from = new("--from")
    {
        Description = "Only items parked at this time or later: yesterday, 2h, 2026-11-25, or ISO 8601 with a time zone.",
        HelpName = "TIME",
        CustomParser = OptionValue.Time(TimeProvider.System),
    };

    private readonly Option<DateTimeOffset?> _to = new("--to")
    {
        Description = "Only items parked before this time.",
        HelpName = "TIME",
        CustomParser = OptionValue.Time(TimeProvider.System),
    };

    private readonly Option<bool> _all = new("--all") { Description = "All parked items." };

    private readonly Option<int?> _limit = new("--limit")
    {
        Description = $"Max items to replay, 1 to {FilteredReplay.MaxLimit}.",
        HelpName = "N",
        CustomParser = OptionValue.OptionalWhole(1, FilteredReplay.MaxLimit),
    };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Count the items that would be replayed, and change nothing." };

    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        Give one ID, or a filter. With --host, the running host sends the items, ten per second. Without it, they become
        pending in the data folder, and the next run sends them.

        Examples:
          contentsync replay SKU-DEMO-1 --host http://localhost:7071
          contentsync replay --code UNKNOWN_EXCEPTION --dry-run
          contentsync replay --code UNKNOWN_EXCEPTION --from yesterday
          contentsync replay --from 2024-05-21T22:00:00Z --to 2024-05-22T06:00:00Z
        """;

    public Command Create()
    {
        var command = new Command("replay", "Send parked items again, unchanged: one by its ID, or all that match a filter.")
        {
            _contentId, _type, _code, _reason, _from, _to, _all, _limit, _dryRun,
        };
        _host.AddTo(command);
        command.Validators.Add(result =>
        {
            Option[] filters = [_type, _code, _reason, _from, _to, _all, _limit, _dryRun];
            var filtered = filters.Any(option => result.GetResult(option) is not null);
            if (result.GetValue(_contentId) is not null && filtered) result.AddError("Give either an ID or a filter, not both.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(_contentId) is { } contentId) return await ReplayOneAsync(parsed, contentId, cancellationToken).ConfigureAwait(false);
        var request = new ReplayRequest(
            parsed.GetValue(_type),
            parsed.GetValue(_code),
            parsed.GetValue(_reason),
            Time(parsed, _from),
            Time(parsed, _to),
            parsed.GetValue(_all),
            parsed.GetValue(_limit),
            parsed.GetValue(_dryRun));
        if (FilteredReplay.Fault(request) is not null)
        {
            throw new CommandException(
                "Give an ID or a filter: --type, --code, --reason (rejected, attemptsExhausted or ageExceeded), "
                + "--from and --to, or --all.");
        }

        var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        await using var closingView = view.ConfigureAwait(false);
        var result = await view.ReplayAsync(request, cancellationToken).ConfigureAwait(false);
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(result, ApiJson.Responses.ReplayResponse));
        else Show(parsed, result);
        return ExitCodes.Done;
    }

    private async Task<int> ReplayOneAsync(ParseResult parsed, string contentId, CancellationToken cancellationToken)
    {
        var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        await using var closingView = view.ConfigureAwait(false);
        var state = await view.ReplayAsync(contentId, cancellationToken).ConfigureAwait(false)
            ?? throw ShowCommand.Unknown(contentId);
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(state, ApiJson.Responses.ContentState));
        else screen.Line($"[green]{TerminalText.Plain(contentId)}[/] is pending again. {NextStep(parsed)}");
        return ExitCodes.Done;
    }

    private void Show(ParseResult parsed, ReplayResponse result)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey).AddColumn("Code").AddColumn(new TableColumn("Items").RightAligned());
        foreach (var (code, count) in result.Codes)
            table.AddRow(new Text(code.Length == 0 ? "none" : TerminalText.Plain(code)), new Text($"{count:n0}"));
        if (result.Codes.Count > 0) screen.Write(table);
        if (result.DryRun) screen.Line($"{Items(result.Matched)} would be replayed; nothing was changed.");
        else screen.Line($"{Items(result.Replayed)} {(result.Replayed == 1 ? "is" : "are")} pending again. {NextStep(parsed)}");
        if (result.More) screen.MarkupLine("[grey]More items match than --limit allows.[/]");
    }

    private static string? Time(ParseResult parsed, Option<DateTimeOffset?> option) =>
        parsed.GetValue(option)?.ToString("O", CultureInfo.InvariantCulture);

    private static string Items(long count) => Wording.Count(count, "item");

    private string NextStep(ParseResult parsed) =>
        _host.NamesHost(parsed) ? "The host sends what is pending, unless sending is paused or stopped." : "The next run sends.";
}
