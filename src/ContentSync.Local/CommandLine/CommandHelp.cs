using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace ContentSync.Local.CommandLine;

/// <summary>The usual help, and below it what a newcomer to the command wants to know.</summary>
internal sealed class CommandHelp : SynchronousCommandLineAction
{
    private readonly HelpAction _usual = new();
    private readonly Dictionary<Command, string> _lessons = [];

    /// <summary>Puts this in place of the root's usual help.</summary>
    public void AddTo(RootCommand root) => root.Options.OfType<HelpOption>().Single().Action = this;

    /// <summary>Adds to a command's own help; the list of commands shows its description alone.</summary>
    public Command WithExplanation(Command command, string lesson)
    {
        _lessons[command] = lesson;
        return command;
    }

    public override int Invoke(ParseResult parseResult)
    {
        var exitCode = _usual.Invoke(parseResult);
        if (_lessons.TryGetValue(parseResult.CommandResult.Command, out var lesson)) parseResult.InvocationConfiguration.Output.WriteLine(lesson);
        return exitCode;
    }
}
