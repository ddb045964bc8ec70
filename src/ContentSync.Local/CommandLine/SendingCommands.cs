using System.CommandLine;
using System.Text.Json;
using ContentSync.Budget;
using ContentSync.Http;
using ContentSync.Local.Pipeline;
using ContentSync.Sqlite;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>pause</c>, <c>resume</c> and <c>rate</c>: the operator's switch of a host, or of a data folder and the host that runs on it.</summary>
internal sealed class SendingCommands(IAnsiConsole screen)
{
    public const string PauseExplanation =
        """
        Accepted items wait, spend no attempts and get no older. A host follows within ten seconds and keeps to it after a
        restart. Items that waited are sent after 'resume', in Azure with the next sweep.

        Examples:
          contentsync pause --reason "AlipayHK asked us to stop" --by Mei
          contentsync pause --content-type SKU --reason "wrong prices" --by Mei --host https://NAME.azurewebsites.net
        """;

    public const string ResumeExplanation =
        """
        Examples:
          contentsync resume
          contentsync resume --content-type SKU
        """;

    public const string RateExplanation =
        """
        The rate counts for all instances together and cannot exceed the configured one.

        Examples:
          contentsync rate 50 --host https://NAME.azurewebsites.net
          contentsync rate configured
        """;

    private const string ConfiguredRate = "configured";

    public Command CreatePause()
    {
        var (host, type) = (new HostArguments(), ContentType("Pause only this content type. Default: all sending."));
        var reason = new Option<string?>("--reason") { Description = "Why, for everyone to see. Required.", HelpName = "TEXT" };
        var by = new Option<string>("--by") { Description = "Your name.", HelpName = "NAME", DefaultValueFactory = _ => Environment.UserName };
        var command = new Command("pause", "Pause all sending, or one content type.") { reason, by, type };
        host.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed,
            host,
            view => view.PauseAsync(
                new PauseRequest(Given(parsed, reason), parsed.GetValue(by), parsed.GetValue(type)), cancellationToken),
            sendSwitch => sendSwitch.PauseAsync(parsed.GetValue(type), Given(parsed, reason), parsed.GetValue(by)!, cancellationToken)));
        return command;
    }

    public Command CreateResume()
    {
        var (host, type) = (new HostArguments(), ContentType("The content type whose pause ends. Default: the pause of all sending."));
        var command = new Command("resume", "End a pause.") { type };
        host.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed,
            host,
            view => view.ResumeAsync(new ResumeRequest(parsed.GetValue(type)), cancellationToken),
            sendSwitch => sendSwitch.ResumeAsync(parsed.GetValue(type), cancellationToken)));
        return command;
    }

    public Command CreateRate()
    {
        var host = new HostArguments();
        var rate = new Argument<ChosenRate?>("rate")
        {
            Description = $"Requests per second, or '{ConfiguredRate}'.",
            HelpName = "N",
            CustomParser = result => result.Tokens[0].Value == ConfiguredRate ? new ChosenRate(null)
                : OptionValue.OptionalNumber(
                    value => value is >= SendRateRequest.MinPerSecond and <= AlipayHk.AlipayHkOptionsValidator.HighestSendsPerSecond,
                    $"a number of requests per second from 0.1, or {ConfiguredRate}")(result) is { } number ? new ChosenRate(number) : null,
        };
        var command = new Command("rate", "Set the rate of all instances together.") { rate };
        host.AddTo(command);
        command.SetAction((parsed, cancellationToken) => RunAsync(
            parsed,
            host,
            view => view.SetRateAsync(new SendRateRequest(parsed.GetValue(rate)!.PerSecond), cancellationToken),
            sendSwitch => sendSwitch.SetRateAsync(parsed.GetValue(rate)!.PerSecond, cancellationToken)));
        return command;
    }

    private static string Given(ParseResult parsed, Option<string?> reason) => parsed.GetValue(reason)
        ?? throw new CommandException("Say why with --reason; everyone sees it.");

    private static Option<string?> ContentType(string description) => new("--content-type") { Description = description, HelpName = "TYPE" };

    private async Task<int> RunAsync(
        ParseResult parsed,
        HostArguments host,
        Func<HostView, Task<SendingState>> inHost,
        Func<SendSwitch, ValueTask<SharedSendState>> inFolder)
    {
        SendingState state;
        if (host.NamesHost(parsed))
        {
            var view = host.Host(parsed);
            await using var closing = view.ConfigureAwait(false);
            state = await inHost(view).ConfigureAwait(false);
        }
        else
        {
            var data = DataDirectory.Open(host.Folder(parsed));
            var store = new SqliteSendStateStore(data.SendStateFile, TimeProvider.System);
            var shared = await inFolder(new SendSwitch(TimeProvider.System, store)).ConfigureAwait(false);
            state = new SendingState(shared.Rate, null, PauseState.Of(shared));
        }

        if (host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(state, ApiJson.Responses.SendingState));
        else Show(state);
        return ExitCodes.Done;
    }

    private void Show(SendingState state)
    {
        foreach (var pause in state.Pauses) screen.Line($"[yellow]{TerminalText.Plain(pause.Sentence())}[/]");
        if (state.Pauses.Count == 0) screen.Line($"Sending is not paused.");
        foreach (var type in state.Pauses.Select(pause => pause.ContentType).OfType<string>())
            screen.Line($"[grey]resume --content-type {TerminalText.Plain(type)} ends that pause.[/]");
        screen.Line($"Rate: {(state.PerSecond is { } rate ? FormattableString.Invariant($"{rate:0.###} per second") : "as configured")}.");
    }

    /// <param name="PerSecond">Requests per second; null for the configured rate. A parser's own null counts as an error.</param>
    private sealed record ChosenRate(double? PerSecond);
}
