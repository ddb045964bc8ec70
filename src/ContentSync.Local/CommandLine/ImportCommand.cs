using System.CommandLine;
using ContentSync.Ledger;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary><c>import FILE</c>: takes what <c>export</c> wrote.</summary>
internal sealed class ImportCommand(Terminal terminal)
{
    private readonly Argument<string> _file = new("FILE") { Description = "File that 'export' wrote." };

    private readonly HostArguments _host = new();

    public const string Explanation =
        """
        Takes the records of an export. What AlipayHK holds of them counts as unknown, so those that were pending or
        synchronized are pending again, and the next run sends them. A record that the ledger holds in the same or a newer
        version is left alone: importing twice is harmless, and an import that ended early is resumed by running it again.

        Exit codes: 0 imported; 2 a line is wrong (the message names it) or the ledger is unavailable.

        Examples:
          contentsync import ledger.ndjson
          contentsync import ledger.ndjson --host https://NAME.azurewebsites.net
        """;

    public Command Create()
    {
        var command = new Command("import", "Take the records of a file that 'export' wrote.") { _file };
        _host.AddToWithoutJson(command);
        command.SetAction(RunAsync);
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var input = new FileStream(parsed.GetRequiredValue(_file), FileMode.Open, FileAccess.Read, FileShare.Read);
        await using var closingInput = input.ConfigureAwait(false);
        ILedgerImport ledger = _host.NamesHost(parsed)
            ? _host.Host(parsed)
            : await FolderView.OpenForImportAsync(_host.Folder(parsed), cancellationToken).ConfigureAwait(false);
        await using var closingLedger = ((IAsyncDisposable)ledger).ConfigureAwait(false);
        var import = new LedgerImport(ledger);
        try
        {
            var counts = await import.RunAsync(input, isWhole: true, cancellationToken).ConfigureAwait(false);
            terminal.Results.MarkupLine($"{Wording.Count(counts.Imported, "record")} imported, {counts.Kept:n0} kept as they were.");
            return ExitCodes.Done;
        }
        catch (Exception e) when (e is LedgerFormatException or LedgerUnavailableException or CommandException)
        {
            var before = Wording.Count(import.Counts.Imported, "record was", "records were");
            throw new CommandException($"{e.Message} Before that, {before} imported. Run it again to continue.", e);
        }
    }
}
