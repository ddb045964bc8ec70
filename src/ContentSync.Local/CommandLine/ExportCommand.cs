using System.CommandLine;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>export FILE</c>: all records of the ledger as NDJSON.</summary>
internal sealed class ExportCommand(Terminal terminal)
{
    private readonly Argument<string> _file = new("FILE") { Description = "File to write; replaced only once the export is complete." };

    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        Writes every record of the ledger with its history as NDJSON: a header, a line for each record, and an end line
        that proves completeness. For backup, migration and audits; 'import' reads it.

        Examples:
          contentsync export ledger.ndjson
          contentsync export ledger.ndjson --host https://NAME.azurewebsites.net
        """;

    public Command Create()
    {
        var command = new Command("export", "Write all records of the ledger to a file.") { _file };
        _host.AddToWithoutJson(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var file = parsed.GetRequiredValue(_file);
        var partial = file + ".partial";
        var view = await _host.OpenAsync(parsed, cancellationToken).ConfigureAwait(false);
        await using var closingView = view.ConfigureAwait(false);
        try
        {
            var output = new FileStream(partial, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
            await using (output.ConfigureAwait(false))
            {
                await view.ExportAsync(output, cancellationToken).ConfigureAwait(false);
                if (!EndsWithEnd(output)) throw new CommandException("The export was cut off before its end; export again.");
            }

            File.Move(partial, file, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }

        terminal.Notes.Line($"[grey]Exported to {Markup.Escape(file)}, {new FileInfo(file).Length:n0} bytes.[/]");
        return ExitCodes.Done;
    }

    private static bool EndsWithEnd(FileStream written)
    {
        Span<byte> tail = stackalloc byte[(int)Math.Min(written.Length, 64)];
        written.Position = written.Length - tail.Length;
        written.ReadExactly(tail);
        return tail.LastIndexOf("\n{\"end\":true,"u8) >= 0 && tail[^1] == (byte)'\n';
    }
}
