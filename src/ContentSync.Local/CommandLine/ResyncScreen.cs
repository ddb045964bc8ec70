using System.Globalization;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Shows the plan, progress and result of a resync on the terminal.</summary>
internal static class ResyncScreen
{
    /// <summary>Shows how far the run is while it lasts, if the output is a terminal.</summary>
    /// <param name="screen">Where to show it.</param>
    /// <param name="runner">Executes the run.</param>
    /// <param name="causes">Why items are not in sync; asked every two seconds.</param>
    /// <param name="run">Starts the run.</param>
    public static async Task<ResyncRun> ShowAsync(
        IAnsiConsole screen, ResyncRunner runner, Func<Task<IEnumerable<KeyValuePair<string, long>>>> causes, Func<Task<ResyncRun>> run)
    {
        ResyncRun? newest = null;
        runner.Progress += state => newest = state;
        var (work, codes) = (run(), new CausesWatch(causes));
        return await ProgressScreen.ShowAsync(
            screen,
            TimeProvider.System,
            () =>
            {
                if (newest is not { Counts: var counts } known) return Planning;
                var now = TimeProvider.System.GetUtcNow();
                return Progress(known.Source, counts.Done, counts.Planned, known.Rate(now), known.EstimatedEnd(now) - now, codes.Line());
            },
            work).ConfigureAwait(false);
    }

    /// <summary>Before the plan is made.</summary>
    public static ProgressState Planning { get; } = new("Comparing the catalog with the ledger ...", null, []);

    public static ProgressState Progress(string source, long done, long planned, double rate, TimeSpan? left, string? codes)
    {
        List<string> lines =
        [
            string.Create(CultureInfo.InvariantCulture, $"{done:n0} of {Wording.Count(planned, "item")}"),
            ProgressScreen.RateLine(rate, left > TimeSpan.Zero ? left : null),
        ];
        if (codes is not null) lines.Add(codes);
        return new ProgressState(source, planned == 0 ? 1 : (double)done / planned, lines);
    }

    public static void Write(IAnsiConsole screen, ResyncSummary summary)
    {
        if (summary.Plan is { } plan) Plan(screen, plan);
        if (summary.Run is { } run) Run(screen, run, summary);
        if (summary.AsOf is { } asOf) screen.Line($"[grey]{AsOfText.Of(asOf, summary.AsOfSource)}[/]");
        foreach (var issue in summary.Issues)
        {
            var contentId = TerminalText.Plain(issue.ContentId ?? "no contentId");
            screen.Line($"[yellow]{issue.Place}: {contentId}: {TerminalText.Plain(issue.Message)}[/]");
        }

        More(screen, (summary.Plan?.Invalid ?? 0) - summary.Issues.Count, "invalid items");
        foreach (var duplicate in summary.Duplicates)
        {
            var differs = duplicate.Differs ? "with different contents" : "with the same content";
            screen.Line(
                $"[yellow]{TerminalText.Plain(duplicate.ContentId)}: {string.Join(", ", duplicate.Places)} {differs}; {duplicate.Kept} counts[/]");
        }

        var duplicates = (summary.Plan?.DuplicatesSame ?? 0) + (summary.Plan?.DuplicatesDiffering ?? 0);
        More(screen, duplicates - summary.Duplicates.Count, "items that the catalog holds more than once");
        foreach (var contentId in summary.Newer)
            screen.Line($"[yellow]{TerminalText.Plain(contentId)}: newer than the catalog; not sent[/]");
        More(screen, (summary.Run?.Superseded ?? summary.Plan?.Newer ?? 0) - summary.Newer.Count, "items newer than the catalog");
        foreach (var open in summary.Open)
        {
            var why = open.Code is { } code ? $" ({TerminalText.Plain(code)}: {TerminalText.Plain(open.Message)})" : "";
            screen.Line($"[yellow]{TerminalText.Plain(open.ContentId)}: {open.State}{why}[/]");
        }

        More(screen, summary.Retrying + summary.Parked - summary.Open.Count, "pending or parked items");
        if (summary.ReportFault is { } fault) screen.Line($"[yellow]{fault}[/]");
        if (summary.State == ResyncRunState.Refused) screen.MarkupLine("[yellow]The catalog was refused; nothing was sent.[/]");
        var colour = summary.ExitCode == ExitCodes.Done ? "green" : "yellow";
        screen.Write(new Text(TerminalText.Plain(summary.Message) + "\n", Style.Parse(colour)));
    }

    public static void WriteCancelled(IAnsiConsole screen, long remaining, long planned) =>
        screen.Line($"Cancelled. {remaining:n0} of {Wording.Count(planned, "planned item was", "planned items were")} not sent.");

    private static void More(IAnsiConsole screen, long rest, string what)
    {
        if (rest > 0) screen.Line($"[grey]... and {rest:n0} more {what}; --report FILE lists all of them.[/]");
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
        if (plan.AbsentNewer > 0) Row(table, "absent, newer", plan.AbsentNewer, "accepted after the catalog's as-of time; stay listed");
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

/// <summary>Asks every two seconds why items are not in sync, beside the display.</summary>
internal sealed class CausesWatch(Func<Task<IEnumerable<KeyValuePair<string, long>>>> causes)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private Task _asking = Task.CompletedTask;
    private long? _askedAt;
    private string? _line;

    /// <summary>The newest figures in one line; null if everything is in sync.</summary>
    public string? Line()
    {
        if (_asking.IsCompleted && (_askedAt is not { } at || TimeProvider.System.GetElapsedTime(at) > Interval)) _asking = AskAsync();
        return _line;
    }

    private async Task AskAsync()
    {
        _askedAt = TimeProvider.System.GetTimestamp();
        try
        {
            _line = ProgressScreen.CodesLine("not in sync", await causes().ConfigureAwait(false));
        }
        catch (Exception e) when (e is CommandException or LedgerUnavailableException or OperationCanceledException)
        {
            // The run itself reports what is wrong.
        }
    }
}
