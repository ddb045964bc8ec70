using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Plan and progress of a resync as a person sees them.</summary>
internal static class ResyncScreen
{
    /// <summary>Shows a bar while it runs, where somebody is watching.</summary>
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
        foreach (var issue in summary.Issues) screen.MarkupLineInterpolated($"[yellow]{issue.Place}: {TerminalText.Plain(issue.ContentId)}: {TerminalText.Plain(issue.Message)}[/]");
        var colour = summary.ExitCode == ExitCodes.Done ? "green" : "yellow";
        screen.MarkupLineInterpolated($"[{colour}]{TerminalText.Plain(summary.Message)}[/]");
    }

    private static void Update(ProgressTask task, ResyncRun run)
    {
        task.IsIndeterminate = false;
        task.MaxValue = Math.Max(1, run.Counts.Planned);
        task.Value = run.Counts.Done;
        var now = TimeProvider.System.GetUtcNow();
        var end = run.EstimatedEnd(now) is { } at ? $"  done in {at - now:hh\\:mm\\:ss}" : "";
        task.Description = $"{run.Counts.Done:n0} of {run.Counts.Planned:n0}  {run.Rate(now):n0}/s{end}";
    }

    private static void Plan(IAnsiConsole screen, PlanCounts plan)
    {
        var table = Table("Plan");
        Row(table, "new", plan.New, "not known; to be sent");
        Row(table, "changed", plan.Changed, "to be sent");
        Row(table, "unchanged", plan.Unchanged, "in step; nothing is done");
        Row(table, "vanished", plan.Vanished, "no longer in the catalog; to be delisted");
        Row(table, "invalid", plan.Invalid, "left alone; mend the catalog");
        Row(table, "repeated", plan.Repeated, "further lines of the same content");
        table.AddRow("read", $"{plan.Items:n0}", $"{plan.Delisting:n0} of {plan.Listed:n0} listed contents would be delisted");
        screen.Write(table);
    }

    private static void Run(IAnsiConsole screen, RunCounts run, ResyncSummary summary)
    {
        var table = Table("Run");
        Row(table, "sent", run.Sent, "acknowledged by AlipayHK in a signed answer");
        Row(table, "unchanged", run.Unchanged, "in step before its turn");
        Row(table, "superseded", run.Superseded, "something newer is known; not sent");
        Row(table, "failed", run.Failed, $"retried one by one; {summary.Retrying:n0} of them still wait, {summary.ParkedAfterRetry:n0} were given up on");
        Row(table, "parked", run.Parked, "refused by AlipayHK or given up on");
        Row(table, "remaining", summary.Remaining ?? 0, "goes on with the next run");
        table.AddRow("planned", $"{run.Planned:n0}", $"{summary.Rate:n0} per second");
        screen.Write(table);
    }

    private static Table Table(string title) => new Table().RoundedBorder().BorderColor(Color.Grey)
        .AddColumn(title).AddColumn(new TableColumn("Items").RightAligned()).AddColumn("Meaning");

    private static void Row(Table table, string name, long count, string meaning) =>
        table.AddRow(new Text(name), new Text($"{count:n0}"), new Text(meaning, Style.Parse("grey")));
}
