using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>show ID</c>: one content and its attempts.</summary>
internal sealed class ShowCommand(IAnsiConsole screen)
{
    private readonly Argument<string> _contentId = new("ID") { Description = "The contentId, compared exactly." };

    private readonly HostArguments _host = new();

    /// <summary>What a newcomer wants to know.</summary>
    public const string Lesson =
        """
        Show where one content stands, what AlipayHK holds of it, and how its attempts ended.

        Exit code 0: it is known; 1: it was never accepted.

        Examples:
          contentsync-local show SKU-DEMO-1
          contentsync-local show SKU-DEMO-1 --host http://localhost:7071 --json
        """;

    public Command Create()
    {
        var command = new Command("show", "Show where one content stands and how its attempts ended.")
        {
            _contentId,
        };
        _host.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var contentId = parsed.GetRequiredValue(_contentId);
        await using var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        var state = await view.FindAsync(contentId, cancellationToken).ConfigureAwait(false)
            ?? throw new CommandException($"No content with the id '{contentId}' was ever accepted here. Ids are compared exactly, case included.") { ExitCode = ExitCodes.SomeFailed };
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(state, ApiJson.Responses.ContentState));
        else Write(screen, state);
        return ExitCodes.Done;
    }

    /// <summary>One content as a person reads it.</summary>
    public static void Write(IAnsiConsole screen, ContentState state)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey).HideHeaders().AddColumn("").AddColumn("");
        Row("content", state.ContentId);
        Row("type, status", $"{state.ContentType}, {(state.ContentStatus == 1 ? "1 (listed)" : "0 (delisted)")}");
        Row("state", state.ParkReason is { } reason ? $"{state.State}: {reason}" : state.State);
        Row("revision", state.Revision);
        Row("accepted", Time(state.AcceptedAt));
        Row("next attempt", Time(state.DueAt));
        Row("AlipayHK holds", state.SynchronizedRevision is { } revision ? $"revision {revision}, since {Time(state.SynchronizedAt)}" : null);
        Row("template", state.TemplateCode is { } code ? $"{code}, {state.TemplateStatus}" : null);
        Row("request id", state.RequestId);
        Row("attempts spent", state.Attempts.ToString(CultureInfo.InvariantCulture));
        foreach (var attempt in state.History ?? []) Row("attempt", $"{Time(attempt.At)}  {attempt.Code}: {attempt.Message}  (request {attempt.RequestId}, Tracer-Id {attempt.TracerId ?? "none"}{(attempt.TemplateCode is { } template ? $", template {template} {attempt.TemplateStatus}" : "")})");
        Row("contentInfo", state.ContentInfo);
        screen.Write(table);

        void Row(string name, string? value)
        {
            if (value is not null) table.AddRow(new Text(name, Style.Parse("grey")), new Text(TerminalText.Plain(value)));
        }
    }

    private static string? Time(DateTimeOffset? time) => time?.ToString("u", CultureInfo.InvariantCulture);
}
