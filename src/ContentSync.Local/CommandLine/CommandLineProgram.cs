using System.CommandLine;
using System.CommandLine.Invocation;
using ContentSync.Catalog;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Parses the command line, runs the command, and turns every failure into one sentence and an exit code.</summary>
public static class CommandLineProgram
{
    /// <summary>How long a command may take to shut down after Ctrl-C; a second Ctrl-C ends it immediately.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(20);

    private const int RedirectedWidth = 160;

    /// <returns>See <see cref="ExitCodes"/>.</returns>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        var screen = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        // A log file or pipe has no width of its own.
        if (Console.IsErrorRedirected) screen.Profile.Width = RedirectedWidth;
        var root = Commands(screen);
        var parsed = root.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var error in parsed.Errors) screen.MarkupLineInterpolated($"[red]{error.Message}[/]");
            var command = parsed.CommandResult.Command;
            screen.MarkupLineInterpolated($"[grey]See:[/] contentsync-local {(command == root ? "" : command.Name + " ")}--help");
            return ExitCodes.Unusable;
        }

        try
        {
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = ShutdownTimeout };
            return await parsed.InvokeAsync(configuration, cancellationToken).ConfigureAwait(false);
        }
        catch (CommandException e)
        {
            screen.MarkupLineInterpolated($"[red]{e.Message}[/]");
            return e.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return ExitCodes.Stopped;
        }
        catch (Exception e) when (e is CatalogFormatException or IOException or UnauthorizedAccessException or Ledger.LedgerUnavailableException)
        {
            screen.MarkupLineInterpolated($"[red]{e.Message}[/]");
            return ExitCodes.Unusable;
        }
    }

    private static RootCommand Commands(IAnsiConsole screen)
    {
        var serve = new ServeCommand(screen);
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
        root.Subcommands.Add(help.WithExplanation(new SyncCommand(screen).Create(), SyncCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new StatusCommand(screen).Create(), StatusCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ShowCommand(screen).Create(), ShowCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ReplayCommand(screen).Create(), ReplayCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new ResyncCommand(screen).Create(), ResyncCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new PreviewCommand(screen).Create(), PreviewCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new MapCommand(screen).Create(), MapCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new KeygenCommand(screen).Create(), KeygenCommand.Explanation));
        root.Subcommands.Add(help.WithExplanation(new SimulateCommand(screen).Create(), SimulateCommand.Explanation));
        return root;
    }
}
