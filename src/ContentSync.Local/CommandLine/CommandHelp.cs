using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace ContentSync.Local.CommandLine;

/// <summary>The standard help, followed by an explanation and examples for first-time users of the command.</summary>
internal sealed class CommandHelp : SynchronousCommandLineAction
{
    private readonly HelpAction _standardHelp = new();
    private readonly Dictionary<Command, string> _explanations = [];

    /// <summary>Replaces the root's standard help.</summary>
    public void AddTo(RootCommand root) => root.Options.OfType<HelpOption>().Single().Action = this;

    /// <summary>Extends a command's own help; the list of commands shows only the description.</summary>
    public Command WithExplanation(Command command, string explanation)
    {
        _explanations[command] = explanation;
        return command;
    }

    public override int Invoke(ParseResult parseResult)
    {
        var exitCode = InvokeStandardHelp(parseResult);
        if (_explanations.TryGetValue(parseResult.CommandResult.Command, out var explanation))
            parseResult.InvocationConfiguration.Output.WriteLine(explanation);
        return exitCode;
    }

    // The standard help calls the program what its file is called, which is not the command's name.
    private int InvokeStandardHelp(ParseResult parseResult)
    {
        var configuration = parseResult.InvocationConfiguration;
        var output = configuration.Output;
        using var text = new StringWriter();
        configuration.Output = text;
        try
        {
            return _standardHelp.Invoke(parseResult);
        }
        finally
        {
            configuration.Output = output;
            output.Write(text.ToString().Replace(RootCommand.ExecutableName, CommandLineProgram.Name, StringComparison.Ordinal));
        }
    }
}
