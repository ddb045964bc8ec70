using ContentSync.Http;
using ContentSync.Http.Board;

namespace ContentSync.Local.CommandLine;

/// <summary>What the commands ask, of a running host or of a data folder.</summary>
internal interface ILedgerView : IAsyncDisposable
{
    Task<BoardState> StatusAsync(CancellationToken cancellationToken);

    /// <summary>Null where the content was never accepted.</summary>
    Task<ContentState?> FindAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>Replays one content; null where it was never accepted.</summary>
    /// <exception cref="CommandException">It is not parked, or the folder is in use.</exception>
    Task<ContentState?> ReplayAsync(string contentId, CancellationToken cancellationToken);

    /// <summary>Replays what matches.</summary>
    /// <exception cref="CommandException">The wish is not valid, or the folder is in use.</exception>
    Task<ReplayResponse> ReplayAsync(ReplayRequest request, CancellationToken cancellationToken);
}
