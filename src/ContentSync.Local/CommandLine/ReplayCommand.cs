using System.CommandLine;
using System.Text.Json;
using ContentSync.Http;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>replay [ID]</c>: sends parked contents again.</summary>
internal sealed class ReplayCommand(IAnsiConsole screen)
{
    private readonly Argument<string?> _contentId = new("ID") { Description = "One parked content; without it, name a filter.", Arity = ArgumentArity.ZeroOrOne };

    private readonly Option<string?> _type = new("--type") { Description = "Only this contentType.", HelpName = "TYPE" };

    private readonly Option<string?> _code = new("--code") { Description = "Only contents whose last attempt ended with this code.", HelpName = "CODE" };

    private readonly Option<string?> _reason = new("--reason") { Description = "Only contents parked for this reason: rejected, attemptsExhausted or ageExceeded.", HelpName = "REASON" };

    private readonly Option<string?> _from = new("--from") { Description = "Only contents parked at this time or later: ISO 8601 with a zone.", HelpName = "TIME" };

    private readonly Option<string?> _to = new("--to") { Description = "Only contents parked before this time.", HelpName = "TIME" };

    private readonly Option<bool> _all = new("--all") { Description = "Everything that is parked." };

    private readonly Option<int?> _limit = new("--limit") { Description = $"Most contents, 1 to {FilteredReplay.MaxLimit}.", HelpName = "N" };

    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Only count what would be replayed." };

    private readonly HostArguments _host = new();

    /// <summary>What a newcomer wants to know.</summary>
    public const string Lesson =
        """
        Send parked contents again, unchanged: one by its id, or those that match a filter.

        With --host a running host sends them, ten a second. Without it they become pending in the data folder, and the next
        run sends them.

        Examples:
          contentsync-local replay SKU-DEMO-1 --host http://localhost:7071
          contentsync-local replay --code UNKNOWN_EXCEPTION --dry-run
          contentsync-local replay --from 2024-05-21T22:00:00Z --to 2024-05-22T06:00:00Z
        """;

    public Command Create()
    {
        var command = new Command("replay", "Send parked contents again, unchanged.")
        {
            _contentId, _type, _code, _reason, _from, _to, _all, _limit, _dryRun,
        };
        _host.AddTo(command);
        command.Validators.Add(result =>
        {
            var filters = new Option[] { _type, _code, _reason, _from, _to, _all, _limit, _dryRun }.Any(option => result.GetResult(option) is not null);
            if (result.GetValue(_contentId) is not null && filters) result.AddError("Name an ID, or a filter, not both.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(_contentId) is { } contentId) return await ReplayOneAsync(parsed, contentId, cancellationToken).ConfigureAwait(false);
        var wish = new ReplayRequest(parsed.GetValue(_type), parsed.GetValue(_code), parsed.GetValue(_reason), parsed.GetValue(_from), parsed.GetValue(_to), parsed.GetValue(_all), parsed.GetValue(_limit), parsed.GetValue(_dryRun));
        if (FilteredReplay.Fault(wish) is not null)
            throw new CommandException("Name an ID, or a filter: --type, --code, --reason (rejected, attemptsExhausted, ageExceeded), --from and --to (such as 2024-05-21T22:42:21Z), or --all; --limit from 1 to 10000.");
        await using var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        var result = await view.ReplayAsync(wish, cancellationToken).ConfigureAwait(false);
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(result, ApiJson.Responses.ReplayResponse));
        else Show(parsed, result);
        return ExitCodes.Done;
    }

    private async Task<int> ReplayOneAsync(ParseResult parsed, string contentId, CancellationToken cancellationToken)
    {
        await using var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        var state = await view.ReplayAsync(contentId, cancellationToken).ConfigureAwait(false)
            ?? throw new CommandException($"No content with the id '{contentId}' was ever accepted here. Ids are compared exactly, case included.") { ExitCode = ExitCodes.SomeFailed };
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(state, ApiJson.Responses.ContentState));
        else screen.MarkupLineInterpolated($"[green]{TerminalText.Plain(contentId)}[/] is pending again. {WhenSent(parsed)}");
        return ExitCodes.Done;
    }

    private void Show(ParseResult parsed, ReplayResponse result)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey).AddColumn("Code").AddColumn(new TableColumn("Contents").RightAligned());
        foreach (var (code, count) in result.Codes) table.AddRow(new Text(code.Length == 0 ? "none" : TerminalText.Plain(code)), new Text($"{count:n0}"));
        if (result.Codes.Count > 0) screen.Write(table);
        if (result.DryRun) screen.MarkupLineInterpolated($"{result.Matched:n0} would be replayed; nothing was changed.");
        else screen.MarkupLineInterpolated($"{result.Replayed:n0} are pending again. {WhenSent(parsed)}");
        if (result.More) screen.MarkupLine("[grey]More match than the limit lets through.[/]");
    }

    private string WhenSent(ParseResult parsed) => _host.NamesHost(parsed) ? "The host sends now." : "The next run sends them.";
}
