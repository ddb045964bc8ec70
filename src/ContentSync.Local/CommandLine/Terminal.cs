using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Where a command writes: results to standard output, so that they can be piped; progress and notes to standard error.</summary>
internal sealed class Terminal(IAnsiConsole results, IAnsiConsole notes)
{
    private const int RedirectedWidth = 160;

    public IAnsiConsole Results => results;

    public IAnsiConsole Notes => notes;

    public static Terminal Of(TextWriter output, TextWriter error) => new(Create(output), Create(error));

    // A log file or pipe has no width of its own.
    private static IAnsiConsole Create(TextWriter writer)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer) });
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = RedirectedWidth;
        return console;
    }
}
