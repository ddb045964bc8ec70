namespace ContentSync.Ledger;

/// <summary>
/// Calls to a store, a few at a time. Unlike <see cref="Parallel"/> it occupies no thread-pool thread per worker, because the workers mostly
/// wait, and it begins on the thread of its caller.
/// </summary>
internal static class Concurrently
{
    /// <summary>Runs the call for every item. The first call that fails cancels the others.</summary>
    /// <param name="items">What to call it for.</param>
    /// <param name="max">Max calls at the same time.</param>
    /// <param name="call">The call.</param>
    /// <param name="cancellationToken">Cancels the calls.</param>
    public static async Task ForEachAsync<T>(
        IEnumerable<T> items, int max, Func<T, CancellationToken, ValueTask> call, CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var waiting = new Queue<T>(items);
        await Task.WhenAll(Enumerable.Range(0, Math.Min(max, waiting.Count)).Select(_ => WorkAsync())).ConfigureAwait(false);

        async Task WorkAsync()
        {
            try
            {
                while (TryTake(out var item))
                {
                    stopping.Token.ThrowIfCancellationRequested();
                    await call(item, stopping.Token).ConfigureAwait(false);
                }
            }
            catch
            {
                stopping.Cancel();
                throw;
            }
        }

        bool TryTake([System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out T item)
        {
            lock (waiting) return waiting.TryDequeue(out item);
        }
    }
}
