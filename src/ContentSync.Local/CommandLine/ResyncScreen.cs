using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Shows the plan, progress and result of a resync on the terminal.</summary>
internal static class ResyncScreen
{
    /// <summary>Shows a progress bar while the run lasts, if the output is a terminal.</summary>
    public static async Task<ResyncRun> ShowAsync(IAnsiConsole screen, ResyncRunner runner, Func<Task<ResyncRun>> run)
    {
        if (!screen.Profile.Capabilities.Interactive && !screen.Profile.Out.IsTerminal) return await run().ConfigureAwait(false);
        return await screen.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new SpinnerColumn())
            .StartAsync(async context =>
            {
                var task = context.AddTask("planning", maxValue: 1);
                task.IsIndeterminate = true;
                runner.Progress += state => Update(task, state);
                return await run().ConfigureAwait(false);
            }).ConfigureAwait(false);
    }

    public static void Write(IAnsiConsole screen, ResyncSummary summary)
    {
        if (summary.Plan is { } plan) Plan(screen, plan);
        if (summary.Run is { } run) Run(screen, run, summary);
        if (summary.AsOf is { } asOf) screen.MarkupLineInterpolated($"[grey]{AsOfText.Of(asOf, summary.AsOfSource)}[/]");
        foreach (var issue in summary.Issues)
        {
            var contentId = TerminalText.Plain(issue.ContentId ?? "no contentId");
            screen.MarkupLineInterpolated($"[yellow]{issue.Place}: {contentId}: {TerminalText.Plain(issue.Message)}[/]");
        }

        More(screen, (summary.Plan?.Invalid ?? 0) - summary.Issues.Count, "invalid items");
        foreach (var duplicate in summary.Duplicates)
        {
            var differs = duplicate.Differs ? "with different contents" : "with the same content";
            screen.MarkupLineInterpolated(
                $"[yellow]{TerminalText.Plain(duplicate.ContentId)}: {string.Join(", ", duplicate.Places)} {differs}; {duplicate.Kept} counts[/]");
        }

        var duplicates = (summary.Plan?.DuplicatesSame ?? 0) + (summary.Plan?.DuplicatesDiffering ?? 0);
        More(screen, duplicates - summary.Duplicates.Count, "items that the catalog holds more than once");
        foreach (var contentId in summary.Newer)
            screen.MarkupLineInterpolated($"[yellow]{TerminalText.Plain(contentId)}: newer than the catalog; not sent[/]");
        More(screen, (summary.Run?.Superseded ?? summary.Plan?.Newer ?? 0) - summary.Newer.Count, "items newer than the catalog");
        foreach (var open in summary.Open)
        {
            var why = open.Code is { } code ? $" ({TerminalText.Plain(code)}: {TerminalText.Plain(open.Message)})" : "";
            screen.MarkupLineInterpolated($"[yellow]{TerminalText.Plain(open.ContentId)}: {open.State}{why}[/]");
        }

        More(screen, summary.Retrying + summary.Parked - summary.Open.Count, "pending or parked items");
        if (summary.ReportFault is { } fault) screen.MarkupLineInterpolated($"[yellow]{fault}[/]");
        if (summary.State == ResyncRunState.Refused) screen.MarkupLine("[yellow]The catalog was refused; nothing was sent.[/]");
        var colour = summary.ExitCode == ExitCodes.Done ? "green" : "yellow";
        screen.MarkupLineInterpolated($"[{colour}]{TerminalText.Plain(summary.Message)}[/]");
    }

    public static void WriteCancelled(IAnsiConsole screen, long remaining, long planned) =>
        screen.MarkupLineInterpolated($"Cancelled. {remaining:n0} of {planned:n0} planned items were not sent.");

    private static void More(IAnsiConsole screen, long rest, string what)
    {
        if (rest > 0) screen.MarkupLineInterpolated($"[grey]... and {rest:n0} more {what}; --report FILE lists all of them.[/]");
    }

    private static void Update(ProgressTask task, ResyncRun run)
    {
        task.IsIndeterminate = false;
        task.MaxValue = Math.Max(1, run.Counts.Planned);
        task.Value = run.Counts.Done;
        var now = TimeProvider.System.GetUtcNow();
        var end = run.EstimatedEnd(now) is { } at ? $"  {at - now:hh\\:mm\\:ss} left" : "";
        task.Description = $"{run.Counts.Done:n0} of {run.Counts.Planned:n0}  {run.Rate(now):n0}/s{end}";
    }

    private static void Plan(IAnsiConsole screen, PlanCounts plan)
    {
        var table = Table("Plan");
        Row(table, "new", plan.New, "not in the ledger; will be sent");
        if (plan.Unknown > 0) Row(table, "unknown", plan.Unknown, "delisted by id and never accepted; recorded, nothing will be sent");
        Row(table, "changed", plan.Changed, "differs from what AlipayHK holds; will be sent");
        Row(table, "in sync", plan.Unchanged - plan.Parked - plan.Pending, "unchanged; will not be sent");
        Row(table, "parked", plan.Parked, "unchanged, but rejected by AlipayHK; will not be sent");
        Row(table, "pending", plan.Pending, "unchanged, and not acknowledged by AlipayHK yet");
        Row(table, "newer", plan.Newer, "newer than the catalog; will not be sent");
        Row(table, "vanished", plan.Vanished, "no longer in the catalog; will be delisted");
        if (plan.Absent > 0) Row(table, "absent", plan.Absent, "no longer in the catalog; stay listed until their grace period ends");
        Row(table, "withheld", plan.Withheld, "absent, or one of the records that cannot be identified or mapped; stay listed");
        Row(table, "invalid", plan.Invalid, "skipped; fix the catalog");
        Row(table, "repeated", plan.Repeated, "additional lines with the same contentId");
        table.AddRow("read", $"{plan.Items:n0}", $"{plan.Delisting:n0} of {plan.Listed:n0} listed items would be delisted");
        screen.Write(table);
    }

    private static void Run(IAnsiConsole screen, RunCounts run, ResyncSummary summary)
    {
        var table = Table("Run");
        Row(table, "sent", run.Sent, "acknowledged by AlipayHK in a signed response");
        Row(table, "unchanged", run.Unchanged, "in sync before the run reached them");
        Row(table, "superseded", run.Superseded, "newer than the catalog; not sent");
        Row(table, "failed", run.Failed, "retried individually, each with its own delay");
        Row(table, "parked", run.Parked, "refused by AlipayHK, or all attempts failed");
        Row(table, "remaining", summary.Remaining ?? 0, "sent by the next run");
        Row(table, "pending now", summary.Retrying, "of the whole ledger; retried automatically");
        Row(table, "parked now", summary.Parked, "of the whole ledger; AlipayHK does not hold their newest version");
        table.AddRow("planned", $"{run.Planned:n0}", $"{summary.Rate:n0} per second");
        screen.Write(table);
    }

    private static Table Table(string title) => new Table().RoundedBorder().BorderColor(Color.Grey)
        .AddColumn(title).AddColumn(new TableColumn("Items").RightAligned()).AddColumn("Meaning");

    private static void Row(Table table, string name, long count, string meaning) =>
        table.AddRow(new Text(name), new Text($"{count:n0}"), new Text(meaning, Style.Parse("grey")));
}
