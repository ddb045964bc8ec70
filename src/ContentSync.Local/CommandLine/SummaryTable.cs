using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Prints a sync summary as a table.</summary>
internal static class SummaryTable
{
    public static void Write(Terminal terminal, SyncSummary summary)
    {
        var screen = terminal.Results;
        var table = new Table().RoundedBorder().BorderColor(Color.Grey)
            .AddColumn("Outcome")
            .AddColumn(new TableColumn("Items").RightAligned())
            .AddColumn("Meaning");
        Row(table, "synchronized", summary.Synchronized, "green", "acknowledged by AlipayHK in a signed response");
        Row(table, "unchanged", summary.Unchanged, "green", "AlipayHK already holds this version; not sent");
        Row(table, "superseded", summary.Superseded, "blue", "a newer version was accepted, or another line counts; not sent");
        Row(table, "invalid", summary.Invalid, "yellow", "not accepted; fix the catalog");
        Row(table, "parked: rejected", summary.Rejected, "red", "refused by AlipayHK; change the item");
        Row(table, "parked: exhausted", summary.Exhausted, "red", "all attempts failed; replay it once the cause is fixed");
        Row(table, "pending", summary.Pending, "yellow", "safe in the ledger; sent by the next run");
        var effort = FormattableString.Invariant(
            $"{Wording.Count(summary.Signatures, "signature")}, {Wording.Count(summary.Requests, "request")}, {summary.ElapsedSeconds:0.0} s");
        table.AddEmptyRow().AddRow(new Text("read"), new Text($"{summary.Read:n0}"), new Text(effort));
        screen.Write(table);
        if (summary.AsOf is { } asOf) screen.Line($"[grey]{AsOfText.Of(asOf, summary.AsOfSource)}[/]");
        if (summary.Superseded - summary.Repetitions is > 0 and var newer)
        {
            var items = Wording.Count(newer, "item is newer than this catalog and was", "items are newer than this catalog and were");
            screen.Line($"[yellow]{items} not sent.[/]");
            screen.MarkupLine("[yellow]To make the catalog win, run resync with --override-newer.[/]");
        }

        Issues(screen, summary);
        if (summary.StoppedBecause is { } reason) terminal.Notes.Line($"[yellow]{reason}[/]");
    }

    private static void Row(Table table, string outcome, long items, string colour, string meaning) =>
        table.AddRow(
            new Text(outcome), new Text($"{items:n0}", items == 0 ? Style.Plain : Style.Parse(colour)), new Text(meaning, Style.Parse("grey")));

    private static void Issues(IAnsiConsole screen, SyncSummary summary)
    {
        if (summary.Issues.Count == 0) return;
        var rest = summary.IssueCount - summary.Issues.Count;
        if (screen.IsNarrow())
        {
            foreach (var issue in summary.Issues)
            {
                var where = issue.Line > 0 ? $"line {issue.Line}: " : "";
                screen.Block($"{where}{issue.ContentId ?? "-"}  {issue.Kind.ToString().ToLowerInvariant()}", $"{issue.Code}: {issue.Message}");
            }

            ShowRest(screen, rest);
            return;
        }

        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn(new TableColumn("Line").RightAligned()).AddColumn("Item").AddColumn("Outcome").AddColumn("Why");
        foreach (var issue in summary.Issues)
        {
            table.AddRow(
                new Text(issue.Line > 0 ? $"{issue.Line}" : "-"),
                new Text(Plain(issue.ContentId ?? "-")),
                new Text(issue.Kind.ToString().ToLowerInvariant()),
                new Text(Plain($"{issue.Code}: {issue.Message}")));
        }

        screen.Write(table);
        ShowRest(screen, rest);
    }

    private static void ShowRest(IAnsiConsole screen, long rest)
    {
        if (rest > 0) screen.Line($"[grey]... and {rest:n0} more; --report FILE lists all of them.[/]");
    }

    // Control characters in text from a catalog or from AlipayHK must not reach the terminal.
    private static string Plain(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '\uFFFD' : source[i];
    });
}
