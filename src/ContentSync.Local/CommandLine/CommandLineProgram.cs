using System.CommandLine;
using System.CommandLine.Invocation;
using ContentSync.Catalog;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Parses the command line, runs the command, and turns every failure into one sentence and an exit code.</summary>
public static class CommandLineProgram
{
    /// <summary>The command's name when it is installed as a tool.</summary>
    public const string Name = "contentsync";

    /// <summary>How long a command may take to shut down after Ctrl-C; a second Ctrl-C ends it immediately.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(20);

    // Without it, an argument such as @promo would be taken for a file with further arguments.
    private static readonly ParserConfiguration Parser = new() { ResponseFileTokenReplacer = null };

    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="output">For results.</param>
    /// <param name="error">For progress, notes and faults.</param>
    /// <param name="cancellationToken">Stops the command as Ctrl-C does.</param>
    /// <returns>See <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        var terminal = Terminal.Of(output, error);
        var screen = terminal.Notes;
        var root = Commands(terminal);
        var parsed = root.Parse(args, Parser);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var sentence in parsed.Errors.Select(fault => fault.Message).Distinct()) screen.Line($"[red]{sentence}[/]");
            var command = parsed.CommandResult.Command;
            // What follows a mistyped command belongs to that command, not to this one.
            if (parsed.UnmatchedTokens is [var word, ..] && Typo.Nearest(word, command) is { } meant) screen.Line($"Did you mean [green]{meant}[/]?");
            screen.Line($"[grey]See:[/] {PathOf(command)} --help");
            return ExitCodes.Unusable;
        }

        try
        {
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = ShutdownTimeout,
                Output = output,
                Error = error,
            };
            return await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        catch (CommandException e)
        {
            foreach (var line in e.Message.Split('\n')) screen.Line($"[red]{line.TrimEnd()}[/]");
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Stopped;
        }
        catch (Exception e) when (e is CatalogFormatException or IOException or UnauthorizedAccessException or Ledger.LedgerUnavailableException)
        {
            screen.Line($"[red]{e.Message}[/]");
            return ExitCodes.Unusable;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            screen.Line($"[red]This is a fault of the program: {e.GetType().Name}, {e.Message}[/]");
            screen.Line($"[grey]Please report it with the command and this sentence. What was accepted is in the ledger; the next run continues.[/]");
            return ExitCodes.Unusable;
        }
    }

    /// <summary>The command as it is typed: with the commands above it.</summary>
    private static string PathOf(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : Name;

    /// <summary>Every command with its options and arguments.</summary>
    internal static RootCommand Commands(Terminal terminal)
    {
        var screen = terminal.Notes;
        var serve = new ServeCommand(terminal);
        var root = new RootCommand(
            """
            ContentSync keeps AlipayHK in sync with a catalog.

            Without a command it syncs the bundled sample catalog to a simulated AlipayHK, then serves the HTTP API on
            http://localhost:7071 until Ctrl-C. Nothing leaves this machine unless --gateway names another address.

            Exit codes: 0 everything is synchronized or unchanged; 1 some items were invalid, rejected or parked;
            2 wrong usage, or an unusable file, key or port; 3 stopped before the end.
            """);
        serve.AddTo(root);
        var help = new CommandHelp();
        help.AddTo(root);
        root.Subcommands.Add(help.WithExplanation(new SyncCommand(terminal).Create(), SyncCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new StatusCommand(terminal.Results).Create(), StatusCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ListCommand(terminal).Create(), ListCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new TailCommand(terminal).Create(), TailCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ShowCommand(terminal.Results).Create(), ShowCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ReplayCommand(terminal.Results).Create(), ReplayCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ExportCommand(terminal).Create(), ExportCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ImportCommand(terminal).Create(), ImportCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ResyncCommand(terminal).Create(), ResyncCommand.Explanation));
        var sending = new SendingCommands(terminal.Results);
        root.Subcommands.Add(help.WithExplanation(sending.CreatePause(), SendingCommands.PauseExplanation));
        root.Subcommands.Add(help.WithExplanation(sending.CreateResume(), SendingCommands.ResumeExplanation));
        root.Subcommands.Add(help.WithExplanation(sending.CreateRate(), SendingCommands.RateExplanation));
        new DeadLettersCommand(terminal.Results).AddTo(root, help);
        root.Subcommands.Add(help.WithExplanation(new PreviewCommand(screen).Create(), PreviewCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new MapCommand(screen).Create(), MapCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new KeygenCommand(screen).Create(), KeygenCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new SimulateCommand(screen).Create(), SimulateCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new CompletionCommand().Create(), CompletionCommand.Explanation));
        OptionValue.RefuseEmpty(root);
        return root;
    }
}
