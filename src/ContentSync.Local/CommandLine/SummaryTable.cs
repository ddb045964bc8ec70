using ContentSync.Local.Pipeline;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>The summary as a person reads it.</summary>
internal static class SummaryTable
{
    public static void Write(IAnsiConsole screen, SyncSummary summary)
    {
        var table = new Table().RoundedBorder().BorderColor(Color.Grey)
            .AddColumn("Outcome")
            .AddColumn(new TableColumn("Items").RightAligned())
            .AddColumn("Meaning");
        Row(table, "synchronized", summary.Synchronized, "green", "acknowledged by AlipayHK in a signed answer");
        Row(table, "unchanged", summary.Unchanged, "green", "AlipayHK holds it already; not sent");
        Row(table, "superseded", summary.Superseded, "blue", "a newer revision is known; not sent");
        Row(table, "invalid", summary.Invalid, "yellow", "not accepted; mend the catalog");
        Row(table, "rejected", summary.Rejected, "red", "AlipayHK refuses this content; change it");
        Row(table, "dead-lettered", summary.Parked, "red", "given up on after every retry");
        Row(table, "pending", summary.Pending, "yellow", "safe in the ledger; goes on with the next run");
        table.AddEmptyRow().AddRow(new Text("read"), new Text($"{summary.Read:n0}"), new Text($"{summary.Signatures:n0} signatures, {summary.AlipayHkCalls:n0} calls, {summary.ElapsedSeconds:0.0} s"));
        screen.Write(table);
        Issues(screen, summary);
        if (summary.StoppedBecause is { } reason) screen.MarkupLineInterpolated($"[yellow]{reason}[/]");
    }

    private static void Row(Table table, string outcome, long items, string colour, string meaning) =>
        table.AddRow(new Text(outcome), new Text($"{items:n0}", items == 0 ? Style.Plain : Style.Parse(colour)), new Text(meaning, Style.Parse("grey")));

    private static void Issues(IAnsiConsole screen, SyncSummary summary)
    {
        if (summary.Issues.Count == 0) return;
        var table = new Table().SimpleBorder().BorderColor(Color.Grey)
            .AddColumn(new TableColumn("Line").RightAligned()).AddColumn("Content").AddColumn("What").AddColumn("Why");
        foreach (var issue in summary.Issues)
        {
            var what = issue.Kind == SyncIssueKind.Parked ? "dead-lettered" : issue.Kind.ToString().ToLowerInvariant();
            table.AddRow(new Text($"{issue.Line}"), new Text(Plain(issue.ContentId ?? "-")), new Text(what), new Text(Plain($"{issue.Code}: {issue.Message}")));
        }

        screen.Write(table);
        var rest = summary.Invalid + summary.Rejected + summary.Parked - summary.Issues.Count;
        if (rest > 0) screen.MarkupLineInterpolated($"[grey]... and {rest:n0} more; --report FILE writes them all.[/]");
    }

    // Text from a catalog or from AlipayHK must not steer the terminal.
    private static string Plain(string text) => string.Create(text.Length, text, static (span, source) =>
    {
        for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(source[i]) ? '\uFFFD' : source[i];
    });
}
