namespace ContentSync;

/// <summary>
/// Like Task.Delay, except that cancellation resumes the waiting code synchronously, on the thread that cancels. Task.Delay resumes it
/// on the thread pool, in an order that a simulation cannot repeat.
/// </summary>
internal static class TimedWait
{
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static async ValueTask WaitAsync(this TimeProvider time, TimeSpan delay, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (delay <= TimeSpan.Zero) return;
        var source = new TaskCompletionSource();
        await using var registration = cancellationToken
            .UnsafeRegister(static (source, token) => ((TaskCompletionSource)source!).TrySetCanceled(token), source)
            .ConfigureAwait(false);
        await using var timer = time
            .CreateTimer(static source => ((TaskCompletionSource)source!).TrySetResult(), source, delay, Timeout.InfiniteTimeSpan)
            .ConfigureAwait(false);
        await source.Task.ConfigureAwait(false);
    }
}
