using System.Runtime.ExceptionServices;
using ContentSync.Catalog;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Reads a catalog for planning: finds the items sequentially, parses them in chunks on all processors, and passes the chunks on in the
/// order of the catalog. Holds a few chunks at a time, however large the catalog is.
/// </summary>
internal sealed class PlanScan(CatalogReader reader, PlanPartitioning partitioning)
{
    // One per processor, and two that are ready for the next idle processor.
    private readonly int _maxAhead = Math.Min(Environment.ProcessorCount, 16) + 2;

    private readonly Queue<Task<PlanChunk>> _ahead = new();
    private readonly Stack<PlanChunk> _idle = new();

    /// <summary>Reads to the end, or until a chunk is refused.</summary>
    /// <param name="catalog">Read once, from its current position.</param>
    /// <param name="firstOrdinal">Items before this one, counted from 0, were taken earlier; they are skipped without being parsed.</param>
    /// <param name="take">Receives the chunks; false stops the reading.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CatalogFormatException">
    /// See <see cref="CatalogReader.ReadAsync(Stream, CancellationToken)"/>; thrown after every chunk before that position.
    /// </exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public async Task RunAsync(
        Stream catalog, long firstOrdinal, Func<PlanChunk, ValueTask<bool>> take, CancellationToken cancellationToken)
    {
        try
        {
            var (more, fault) = await ReadAsync(catalog, firstOrdinal, take, cancellationToken).ConfigureAwait(false);
            while (more && _ahead.Count > 0) more = await TakeAsync(take).ConfigureAwait(false);
            if (more) fault?.Throw();
        }
        finally
        {
            await ((Task)Task.WhenAll(_ahead)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<ReadResult> ReadAsync(
        Stream catalog, long firstOrdinal, Func<PlanChunk, ValueTask<bool>> take, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? fault = null;
        var chunk = new PlanChunk(firstOrdinal);
        var skipped = 0L;
        try
        {
            await foreach (var items in reader.TextsAsync(catalog, cancellationToken).ConfigureAwait(false))
            {
                var i = (int)Math.Min(items.Count, firstOrdinal - skipped);
                skipped += i;
                for (; i < items.Count; i++)
                {
                    chunk.Add(items[i]);
                    if (!chunk.IsFull) continue;
                    Begin(chunk);
                    if (_ahead.Count == _maxAhead && !await TakeAsync(take).ConfigureAwait(false)) return new(Continue: false, null);
                    chunk = Next(chunk.FirstOrdinal + chunk.Count);
                }
            }
        }
        catch (Exception e) when (e is CatalogFormatException or (IOException and not PlanStorageException))
        {
            // Faults of earlier items take precedence.
            fault = ExceptionDispatchInfo.Capture(e);
        }

        if (chunk.Count > 0) Begin(chunk);
        return new(Continue: true, fault);
    }

    private void Begin(PlanChunk chunk) => _ahead.Enqueue(Task.Run(() => chunk.Read(reader, partitioning)));

    private async Task<bool> TakeAsync(Func<PlanChunk, ValueTask<bool>> take)
    {
        var chunk = await _ahead.Dequeue().ConfigureAwait(false);
        var more = await take(chunk).ConfigureAwait(false);
        _idle.Push(chunk);
        return more;
    }

    private PlanChunk Next(long firstOrdinal)
    {
        if (!_idle.TryPop(out var chunk)) return new PlanChunk(firstOrdinal);
        chunk.Clear(firstOrdinal);
        return chunk;
    }

    /// <param name="Continue">Whether more chunks are to be taken; false if the last one taken ended the scan.</param>
    /// <param name="Fault">Why the catalog could not be read to its end; null if it was.</param>
    private readonly record struct ReadResult(bool Continue, ExceptionDispatchInfo? Fault);
}
