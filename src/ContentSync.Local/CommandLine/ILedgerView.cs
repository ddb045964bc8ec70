using ContentSync.Http;
using ContentSync.Http.Board;

namespace ContentSync.Local.CommandLine;

/// <summary>What the commands need from a running host or a data folder.</summary>
internal interface ILedgerView : IAsyncDisposable
{
    Task<BoardState> StatusAsync(CancellationToken cancellationToken);

    /// <summary>Null from a host of an earlier version.</summary>
    Task<LedgerSize?> SizeAsync(CancellationToken cancellationToken);

    /// <summary>What is known of the send budget if <see cref="StatusAsync"/> has none, in one or two sentences.</summary>
    Task<string> BudgetNoteAsync(CancellationToken cancellationToken);

    /// <summary>The items that match, ordered by contentId; read a page at a time.</summary>
    IAsyncEnumerable<ContentState> ListAsync(ListQuery query, CancellationToken cancellationToken);

    /// <summary>Null when the item was never accepted.</summary>
    Task<ContentState?> FindAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>Writes every record as NDJSON.</summary>
    Task ExportAsync(Stream output, CancellationToken cancellationToken);

    /// <summary>Replays one item; null when it was never accepted.</summary>
    /// <exception cref="CommandException">The item is not parked, or the folder is in use.</exception>
    Task<ContentState?> ReplayAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>Replays every matching item.</summary>
    /// <exception cref="CommandException">The request is invalid, or the folder is in use.</exception>
    Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken);
}
