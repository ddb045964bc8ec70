using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Shows rows as blocks of lines where a table with several columns would break ids and times apart.</summary>
internal static class NarrowScreen
{
    private const int MinTableWidth = 100;

    public static bool IsNarrow(this IAnsiConsole screen) => screen.Profile.Width < MinTableWidth;

    /// <summary>Writes a row: its first line as it is, the others indented.</summary>
    public static void Block(this IAnsiConsole screen, string first, params IEnumerable<string> others)
    {
        screen.Write(new Text(TerminalText.Plain(first) + "\n"));
        foreach (var line in others.Where(line => line.Length > 0))
            screen.Write(new Padder(new Text(TerminalText.Plain(line)), new Padding(2, 0, 0, 0)));
    }
}
