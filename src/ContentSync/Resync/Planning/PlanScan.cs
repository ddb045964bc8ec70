using System.Runtime.ExceptionServices;
using ContentSync.Catalog;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Reads a catalog for its planning: finds the items one after the other, reads them in pieces on all processors, and hands the
/// pieces on in the order of the catalog. Holds a few pieces at a time, however large the catalog is.
/// </summary>
internal sealed class PlanScan(CatalogReader reader)
{
    // One for each processor to work on, and a few that are ready for the next one to come free.
    private readonly int _mostAhead = Math.Min(Environment.ProcessorCount, 16) + 2;

    private readonly Queue<Task<PlanChunk>> _ahead = new();
    private readonly Stack<PlanChunk> _idle = new();

    /// <summary>Reads to the end, or until a piece is not wanted.</summary>
    /// <param name="catalog">Read once, from where it stands.</param>
    /// <param name="take">Takes the pieces; false ends the reading.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="CatalogFormatException">As <see cref="CatalogReader.ReadAsync(Stream, CancellationToken)"/>, after every piece before that place.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public async Task RunAsync(Stream catalog, Func<PlanChunk, bool> take, CancellationToken cancellationToken)
    {
        try
        {
            var (wanted, fault) = await ReadAsync(catalog, take, cancellationToken).ConfigureAwait(false);
            while (wanted && _ahead.Count > 0) wanted = await TakeAsync(take).ConfigureAwait(false);
            if (wanted) fault?.Throw();
        }
        finally
        {
            await ((Task)Task.WhenAll(_ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<(bool Wanted, ExceptionDispatchInfo? Fault)> ReadAsync(Stream catalog, Func<PlanChunk, bool> take, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? fault = null;
        var piece = new PlanChunk(0);
        try
        {
            await foreach (var items in reader.TextsAsync(catalog, cancellationToken).ConfigureAwait(false))
            {
                for (var i = 0; i < items.Count; i++)
                {
                    piece.Add(items[i]);
                    if (!piece.IsFull) continue;
                    Begin(piece);
                    if (_ahead.Count == _mostAhead && !await TakeAsync(take).ConfigureAwait(false)) return (false, null);
                    piece = Next(piece.FirstOrdinal + piece.Count);
                }
            }
        }
        catch (Exception e) when (e is CatalogFormatException or IOException)
        {
            // What is wrong further up in the file is told first.
            fault = ExceptionDispatchInfo.Capture(e);
        }

        Begin(piece);
        return (true, fault);
    }

    private void Begin(PlanChunk piece) => _ahead.Enqueue(Task.Run(() => piece.Read(reader)));

    private async Task<bool> TakeAsync(Func<PlanChunk, bool> take)
    {
        var piece = await _ahead.Dequeue().ConfigureAwait(false);
        var wanted = take(piece);
        _idle.Push(piece);
        return wanted;
    }

    private PlanChunk Next(long firstOrdinal)
    {
        if (!_idle.TryPop(out var piece)) return new PlanChunk(firstOrdinal);
        piece.Clear(firstOrdinal);
        return piece;
    }
}
