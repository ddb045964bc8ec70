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
        foreach (var issue in summary.Issues)
            screen.MarkupLineInterpolated($"[yellow]{issue.Place}: {TerminalText.Plain(issue.ContentId)}: {TerminalText.Plain(issue.Message)}[/]");
        if (summary.State == ResyncRunState.Refused) screen.MarkupLine("[yellow]The catalog was refused; nothing was sent.[/]");
        var colour = summary.ExitCode == ExitCodes.Done ? "green" : "yellow";
        screen.MarkupLineInterpolated($"[{colour}]{TerminalText.Plain(summary.Message)}[/]");
    }

    public static void WriteCancelled(IAnsiConsole screen, long remaining, long planned) =>
        screen.MarkupLineInterpolated($"Cancelled. {remaining:n0} of {planned:n0} planned items were not sent.");

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
        Row(table, "changed", plan.Changed, "differs from what AlipayHK holds; will be sent");
        Row(table, "unchanged", plan.Unchanged, "in sync; will not be sent");
        Row(table, "vanished", plan.Vanished, "no longer in the catalog; will be delisted");
        if (plan.Withheld > 0) Row(table, "not delisted", plan.Withheld, "more than a tenth of the feed is invalid, so nothing is delisted");
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
        Row(table, "superseded", run.Superseded, "a newer version was accepted; not sent");
        Row(table, "failed", run.Failed, $"retried individually; {summary.Retrying:n0} still waiting, {summary.ParkedAfterRetry:n0} parked");
        Row(table, "parked", run.Parked, "refused by AlipayHK, or all attempts failed");
        Row(table, "remaining", summary.Remaining ?? 0, "sent by the next run");
        table.AddRow("planned", $"{run.Planned:n0}", $"{summary.Rate:n0} per second");
        screen.Write(table);
    }

    private static Table Table(string title) => new Table().RoundedBorder().BorderColor(Color.Grey)
        .AddColumn(title).AddColumn(new TableColumn("Items").RightAligned()).AddColumn("Meaning");

    private static void Row(Table table, string name, long count, string meaning) =>
        table.AddRow(new Text(name), new Text($"{count:n0}"), new Text(meaning, Style.Parse("grey")));
}
