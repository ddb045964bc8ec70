using ContentSync.Mapping;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Shows what mapping a feed found.</summary>
internal static class MappingReport
{
    public static void Write(IAnsiConsole screen, MappingTally tally)
    {
        screen.Line($"[grey]Feed:[/] {tally.Shape ?? "empty"}.");
        var (records, mapped) = (Wording.Count(tally.Records, "record"), Wording.Count(tally.Mapped, "item"));
        screen.Line($"{records}: {mapped}, {tally.LeftOut:n0} left out, {tally.Failed:n0} failed.");
        foreach (var (field, count) in tally.Faults)
            screen.Line($"[red]fault[/] {(field.Length == 0 ? "(record)" : TerminalText.Plain(field))}: {count:n0}");
        foreach (var (kind, count, examples) in tally.Warnings)
        {
            var places = string.Join(", ", examples.Select(TerminalText.Plain));
            screen.Line($"[yellow]warning[/] {LintKinds.NameOf(kind)}: {count:n0} (such as {places})");
        }
    }
}
