namespace ContentSync.AlipayHk;

/// <summary>
/// Task.Delay, but for one thing: when it is cancelled, whoever waits goes on at once where it was cancelled. Task.Delay goes on
/// on a thread of the pool then, in an order that nothing can repeat.
/// </summary>
internal static class TimedWait
{
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static async ValueTask WaitAsync(this TimeProvider time, TimeSpan wait, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (wait <= TimeSpan.Zero) return;
        var over = new TaskCompletionSource();
        await using var registration = cancellationToken.UnsafeRegister(static (over, token) => ((TaskCompletionSource)over!).TrySetCanceled(token), over).ConfigureAwait(false);
        await using var timer = time.CreateTimer(static over => ((TaskCompletionSource)over!).TrySetResult(), over, wait, Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        await over.Task.ConfigureAwait(false);
    }
}
