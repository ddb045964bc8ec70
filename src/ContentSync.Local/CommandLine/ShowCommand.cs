using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>show ID</c>: one item and its attempts.</summary>
internal sealed class ShowCommand(IAnsiConsole screen)
{
    private readonly Argument<string> _contentId = new("ID") { Description = "contentId of the item, compared exactly." };

    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        Shows the state of one item, the revision that AlipayHK holds, the last ten attempts, and the last ten requests that were sent with
        their digests.

        Exit codes: 0 the item is known; 1 it was never accepted.

        Examples:
          contentsync show SKU-DEMO-1
          contentsync show SKU-DEMO-1 --host http://localhost:7071 --json
        """;

    public Command Create()
    {
        var command = new Command("show", "Show the state of one item and how its attempts ended.")
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
        var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        await using var closingView = view.ConfigureAwait(false);
        var state = await view.FindAsync(contentId, cancellationToken).ConfigureAwait(false)
            ?? throw Unknown(contentId);
        if (_host.IsJson(parsed)) parsed.InvocationConfiguration.Output.WriteLine(JsonSerializer.Serialize(state, ApiJson.Responses.ContentState));
        else Write(screen, state);
        return ExitCodes.Done;
    }

    /// <summary>For an item that was never accepted.</summary>
    internal static CommandException Unknown(string contentId) =>
        new($"No item with the contentId '{contentId}' was ever accepted here. contentIds are compared exactly, including case.")
        {
            ExitCode = ExitCodes.SomeFailed,
        };

    private static void Write(IAnsiConsole screen, ContentState state)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey).HideHeaders().AddColumn("").AddColumn("");
        Row("contentId", state.ContentId);
        Row("type, status", $"{state.ContentType ?? "unknown type"}, {(state.ContentStatus == 1 ? "1 (listed)" : "0 (delisted)")}");
        Row("state", state.ParkReason is { } reason ? $"{state.State}: {reason}" : state.State);
        Row("revision", state.Revision);
        Row("accepted", Time(state.AcceptedAt));
        Row("next attempt", Time(state.DueAt));
        Row("AlipayHK holds", state.SynchronizedRevision is { } revision ? $"revision {revision}, since {Time(state.SynchronizedAt)}" : null);
        if (state.Stale is { } stale)
            Row("STALE", $"since {Time(stale.Since)}: revision {stale.Revision} was refused ({stale.Code}): {stale.Message}");
        Row("template", state.TemplateCode is { } code ? $"{code}, {state.TemplateStatus}" : null);
        Row("request id", state.RequestId);
        Row("attempts", state.Attempts.ToString(CultureInfo.InvariantCulture));
        foreach (var attempt in state.History ?? [])
        {
            var template = attempt.TemplateCode is { } templateCode ? $", template {templateCode} {attempt.TemplateStatus}" : "";
            var version = attempt.Revision is { } attempted ? $"revision {attempted}, {attempt.Outcome}: " : "";
            Row("attempt", $"{Time(attempt.At)}  {version}{attempt.Code}: {attempt.Message}  "
                + $"(request {attempt.RequestId}, Tracer-Id {attempt.TracerId ?? "none"}{template})");
        }

        foreach (var sent in state.Sent ?? [])
        {
            Row("sent", $"{Time(sent.At)}  revision {sent.Revision}, {sent.Outcome}: {sent.Code}  (request {sent.RequestId}, digest {sent.Digest})");
            Row("sent contentInfo", sent.ContentInfo);
        }

        Row("contentInfo", state.ContentInfo);
        screen.Write(table);

        void Row(string name, string? value)
        {
            if (value is not null) table.AddRow(new Text(name, Style.Parse("grey")), new Text(TerminalText.Plain(value)));
        }
    }

    private static string? Time(DateTimeOffset? time) => time?.ToString("u", CultureInfo.InvariantCulture);
}
