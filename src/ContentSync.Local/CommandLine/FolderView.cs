using System.Runtime.CompilerServices;
using ContentSync.Budget;
using ContentSync.Http;
using ContentSync.Http.Board;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Sqlite;
using ContentSync.Synchronization;

namespace ContentSync.Local.CommandLine;

/// <summary>A data folder. It can be read while another process uses it; replaying needs exclusive use.</summary>
internal sealed class FolderView : ILedgerView
{
    private readonly string _folder;
    private readonly SqliteLedgerOptions _options;
    private readonly SqliteLedgerReader _reader;

    private FolderView(string folder, SqliteLedgerOptions options, SqliteLedgerReader reader)
    {
        _folder = folder;
        _options = options;
        _reader = reader;
    }

    /// <exception cref="LedgerUnavailableException">There is no ledger, or it cannot be read.</exception>
    public static async Task<FolderView> OpenAsync(string folder, CancellationToken cancellationToken)
    {
        // DataDirectory.Open would create the folder.
        var options = new SqliteLedgerOptions(Path.Combine(Path.GetFullPath(folder), DataDirectory.LedgerName));
        return new FolderView(folder, options, await SqliteLedger.OpenReadOnlyAsync(options, cancellationToken).ConfigureAwait(false));
    }

    public async Task<BoardState> StatusAsync(CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetUtcNow();
        var figures = await LedgerFiguresReader.ReadAsync(_reader.ListItemsAsync, _reader.CountAsync, now, cancellationToken).ConfigureAwait(false);
        var store = FileResyncStore.OpenReadOnly(Path.Combine(_folder, DataDirectory.ResyncName));
        var runs = new List<ResyncRun>();
        await foreach (var history in store.ListAsync(cancellationToken).ConfigureAwait(false)) runs.AddRange(history.Runs);
        var current = await new RunOutcomes(_reader.ListItemsAsync).RefreshAsync(runs, cancellationToken).ConfigureAwait(false);
        var sending = await SendingAsync(cancellationToken).ConfigureAwait(false);
        return BoardState.Of(figures, sending.Circuit?.ToOpenCircuit(), now) with
        {
            Pauses = PauseState.Of(sending),
            Resyncs = BoardState.ToShow([.. current.OrderByDescending(run => run.RequestedAt)], new ResyncSources(null), now),
            ResyncSources = [],
        };
    }

    public async Task<LedgerSize?> SizeAsync(CancellationToken cancellationToken)
    {
        var counts = await _reader.CountAsync(cancellationToken).ConfigureAwait(false);
        return LedgerSize.Of(counts.States.Values.Sum(), counts.IsComplete, DataDirectory.LedgerBytes(_folder), new RetentionOptions());
    }

    public async Task<string> BudgetNoteAsync(CancellationToken cancellationToken)
    {
        const string Unknown = "The send budget is not known here: --rate sets it for the process that sends.";
        var sending = await SendingAsync(cancellationToken).ConfigureAwait(false);
        var use = BudgetUse.Of(sending, TimeProvider.System.GetUtcNow());
        var leased = use.Processes == 0 ? "" : $" One is sending and leases {use.Leased} requests per second.";
        var set = sending.Rate is { } rate ? FormattableString.Invariant($" 'rate' limits it to {rate:0.###} per second.") : "";
        return Unknown + leased + set;
    }

    private async Task<SharedSendState> SendingAsync(CancellationToken cancellationToken)
    {
        var file = Path.Combine(_folder, DataDirectory.SendStateName);
        if (!File.Exists(file)) return new SharedSendState();
        return (await new SqliteSendStateStore(file, TimeProvider.System).ReadAsync(cancellationToken).ConfigureAwait(false)).State;
    }

    public async IAsyncEnumerable<ContentState> ListAsync(ListQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = new SyncRecordFilter
        {
            State = query.State,
            ContentType = query.ContentType,
            ResultCode = query.ResultCode,
            IsStale = query.IsStale,
            ParkReason = query.Reason,
            IdPrefix = query.Prefix,
            From = query.From,
            To = query.To,
        };
        string? after = null;
        while (true)
        {
            var page = await _reader.PageAsync(filter, after, ListContentHandler.MaxLimit, cancellationToken).ConfigureAwait(false);
            foreach (var item in page.Items) yield return ContentState.Of(item);
            if (page.Next is null) yield break;
            after = page.Next;
        }
    }

    public async Task<ContentState?> FindAsync(string contentId, CancellationToken cancellationToken) =>
        await _reader.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is { } record ? ContentState.DetailsOf(record) : null;

    public async Task ExportAsync(Stream output, CancellationToken cancellationToken)
    {
        var horizon = await _reader.HorizonAsync(cancellationToken).ConfigureAwait(false);
        var records = _reader.ListAsync(new SyncRecordFilter(), cancellationToken);
        await new LedgerExport(output).WriteAsync(records, horizon, TimeProvider.System.GetUtcNow(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens the ledger of a folder for writing; creates both if they do not exist.</summary>
    /// <exception cref="CommandException">The folder is in use or cannot be used.</exception>
    public static async Task<SqliteLedger> OpenForImportAsync(string folder, CancellationToken cancellationToken)
    {
        var options = new SqliteLedgerOptions(DataDirectory.Open(folder).LedgerFile);
        return await OpenForWritingAsync(options, "import into", cancellationToken).ConfigureAwait(false);
    }

    public async Task<ContentState?> ReplayAsync(string contentId, CancellationToken cancellationToken)
    {
        if (await _reader.FindAsync(contentId, cancellationToken).ConfigureAwait(false) is not { } current) return null;
        var ledger = await OpenForWritingAsync(cancellationToken).ConfigureAwait(false);
        await using var closingLedger = ledger.ConfigureAwait(false);
        return await ledger.ReplayAsync(contentId, TimeSpan.Zero, cancellationToken).ConfigureAwait(false) is { } record
            ? ContentState.Of(record)
            : throw new CommandException($"'{contentId}' is {EnumText.Of(current.State)}; only parked items can be replayed.")
            {
                ExitCode = ExitCodes.SomeFailed,
            };
    }

    public async Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken)
    {
        var ledger = await OpenForWritingAsync(cancellationToken).ConfigureAwait(false);
        await using var closingLedger = ledger.ConfigureAwait(false);
        var queue = new NullQueue();
        var options = new ReplayOptions();
        var parked = new ParkedReplay(ledger, queue, options, TimeProvider.System);
        return await new FilteredReplay(parked, ledger, queue, options).ReplayAsync(request, cancellationToken).ConfigureAwait(false);
    }

    public ValueTask DisposeAsync() => _reader.DisposeAsync();

    private Task<SqliteLedger> OpenForWritingAsync(CancellationToken cancellationToken) =>
        OpenForWritingAsync(_options, "replay in", cancellationToken);

    private static async Task<SqliteLedger> OpenForWritingAsync(SqliteLedgerOptions options, string purpose, CancellationToken cancellationToken)
    {
        try
        {
            return await SqliteLedger.OpenAsync(options, TimeProvider.System, cancellationToken).ConfigureAwait(false);
        }
        catch (DataInUseException e)
        {
            throw new CommandException($"{e.Message} To {purpose} the host that uses it, name the host: --host http://localhost:7071", e);
        }
    }

    /// <summary>This command sends nothing; the next run finds the pending items in the ledger.</summary>
    private sealed class NullQueue : ISyncQueue
    {
        public ValueTask EnqueueAsync(IReadOnlyList<SyncMessage> messages, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
