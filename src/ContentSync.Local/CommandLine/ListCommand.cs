using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ContentSync.Http;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>list</c>: the items that match a filter, for people or for programs.</summary>
internal sealed class ListCommand(Terminal terminal)
{
    private const int ShownByDefault = 50;

    private static readonly string[] Columns =
    [
        "contentId", "contentType", "contentStatus", "revision", "state", "parkReason", "attempts", "acceptedAt", "synchronizedAt", "code", "message",
        "tracerId", "staleSince", "staleCode", "staleMessage",
    ];

    private readonly FilterArguments _filter = new();

    private readonly Option<DateTimeOffset?> _from = new("--from")
    {
        Description = "Only items whose last attempt ended, or whose content was accepted after it, at this time or later: "
            + "2h, yesterday, 2026-11-25 or a time with a zone.",
        HelpName = "TIME",
        CustomParser = OptionValue.Time(TimeProvider.System),
    };

    private readonly Option<DateTimeOffset?> _to = new("--to")
    {
        Description = "The same, before this time.",
        HelpName = "TIME",
        CustomParser = OptionValue.Time(TimeProvider.System),
    };

    private readonly Option<int?> _limit = new("--limit")
    {
        Description = $"Max items. Default: {ShownByDefault} in a table, all with --json, --ndjson or --csv.",
        HelpName = "N",
        CustomParser = OptionValue.OptionalWhole(1, int.MaxValue),
    };

    private readonly Option<bool> _ndjson = new("--ndjson") { Description = "Print one JSON object per line to standard output." };

    private readonly Option<bool> _csv = new("--csv") { Description = "Print CSV (RFC 4180) with a header line to standard output." };

    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        The items are read a page at a time, so a list may have any length: on one machine in the order of their contentId,
        in Azure in that of the ledger's partitions. In --csv an apostrophe stands before a text that begins like a formula,
        so that no spreadsheet runs it.

        Examples:
          contentsync list --state parked
          contentsync list --state parked --csv > parked.csv
          contentsync list --reason ageExceeded --from 2h --prefix SKU-
          contentsync list --code CONTENT_RISKY --host http://localhost:7071 --ndjson
        """;

    private enum Format
    {
        Table,
        Json,
        Ndjson,
        Csv,
    }

    public Command Create()
    {
        var command = new Command("list", "List the items that match a filter, or export them.")
        {
            _from, _to, _limit, _ndjson, _csv,
        };
        _filter.AddTo(command);
        _host.AddTo(command);
        command.Validators.Add(result =>
        {
            if (new[] { _ndjson, _csv, _host.Json }.Count(option => result.GetResult(option) is { Implicit: false }) > 1)
                result.AddError("Give only one of --json, --ndjson and --csv.");
        });
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var format = parsed.GetValue(_ndjson) ? Format.Ndjson
            : parsed.GetValue(_csv) ? Format.Csv
            : _host.IsJson(parsed) ? Format.Json
            : Format.Table;
        var limit = parsed.GetValue(_limit) ?? (format == Format.Table ? ShownByDefault : int.MaxValue);
        var query = _filter.Read(parsed) with { From = parsed.GetValue(_from), To = parsed.GetValue(_to) };
        var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        await using var closingView = view.ConfigureAwait(false);
        var output = parsed.InvocationConfiguration.Output;
        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn("Item").AddColumn("State").AddColumn(new TableColumn("Accepted").NoWrap()).AddColumn("Last attempt");
        var count = 0;
        var hasMore = false;
        if (format == Format.Csv) output.Write(string.Join(',', Columns) + "\r\n");
        await foreach (var item in view.ListAsync(query, cancellationToken).ConfigureAwait(false))
        {
            if (count == limit)
            {
                hasMore = true;
                break;
            }

            count++;
            switch (format)
            {
                case Format.Table when terminal.Results.IsNarrow():
                    terminal.Results.Block($"{item.ContentId}  {State(item)}", $"accepted {Time(item.AcceptedAt)}", $"last attempt {Last(item)}");
                    break;
                case Format.Table: AddRow(table, item); break;
                case Format.Csv: output.Write(string.Join(',', Values(item).Select(Quoted)) + "\r\n"); break;
                case Format.Ndjson: output.WriteLine(Json(item)); break;
                default: output.Write((count == 1 ? "[\n" : ",\n") + Json(item)); break;
            }
        }

        if (format == Format.Json) output.WriteLine(count == 0 ? "[]" : "\n]");
        if (table.Rows.Count > 0) terminal.Results.Write(table);
        if (format == Format.Table && count == 0) terminal.Results.MarkupLine("No item matches.");
        if (hasMore) terminal.Notes.Line($"[grey]More items match than the {count:n0} shown; --limit N shows more, --csv or --ndjson all.[/]");
        return ExitCodes.Done;
    }

    private static void AddRow(Table table, ContentState item) => table.AddRow(
        new Text(TerminalText.Plain(item.ContentId)),
        new Text(State(item)),
        new Text(Time(item.AcceptedAt)),
        new Text(TerminalText.Plain(Last(item))));

    private static string State(ContentState item) =>
        (item.ParkReason is { } reason ? $"{item.State}: {reason}" : item.State) + (item.Stale is null ? "" : ", stale");

    private static string Last(ContentState item) => item.Stale is { } stale ? $"{Time(stale.Since)} refused: {stale.Code}: {stale.Message}"
        : item.LastAttempt is { } last ? $"{Time(last.At)} {last.Code}: {last.Message}"
        : "none";

    private static string Json(ContentState item) => JsonSerializer.Serialize(item, ApiJson.Responses.ContentState);

    private static IEnumerable<string?> Values(ContentState item) =>
    [
        item.ContentId, item.ContentType, item.ContentStatus.ToString(CultureInfo.InvariantCulture), item.Revision, item.State, item.ParkReason,
        item.Attempts.ToString(CultureInfo.InvariantCulture), Iso(item.AcceptedAt), Iso(item.SynchronizedAt),
        item.LastAttempt?.Code, item.LastAttempt?.Message, item.LastAttempt?.TracerId,
        Iso(item.Stale?.Since), item.Stale?.Code, item.Stale?.Message,
    ];

    // A spreadsheet would run a text that begins like a formula, so an apostrophe goes before it, as on the board.
    private static string Quoted(string? value)
    {
        if (value is null) return "";
        var text = value is ['=' or '+' or '-' or '@' or '\t' or '\r', ..] ? $"'{value}" : value;
        return text.AsSpan().IndexOfAny("\",\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private static string Time(DateTimeOffset time) => time.ToString("u", CultureInfo.InvariantCulture);

    private static string? Iso(DateTimeOffset? time) => time?.ToString("O", CultureInfo.InvariantCulture);
}
