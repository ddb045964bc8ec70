using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Functions;

/// <summary>
/// Lets the invocations under way end before the process does. The worker itself ends at once on SIGTERM and on the host's request to terminate, and the host takes
/// what it did not answer for failed.
/// </summary>
/// <param name="time">Clock.</param>
public sealed class InvocationsUnderWay(TimeProvider time) : IFunctionsWorkerMiddleware, IHostedLifecycleService, IDisposable
{
    /// <summary>An invocation's end is told to the host after it has left the middleware; nothing says when the worker has sent it.</summary>
    private static readonly TimeSpan AnswerTime = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private int _count;

    /// <summary>Cancelled when the process is to end: work that can be taken up by another instance ends now.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <inheritdoc/>
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        lock (_lock) _count++;
        try
        {
            await next(context).ConfigureAwait(false);
        }
        finally
        {
            lock (_lock)
            {
                if (--_count == 0 && _stopping.IsCancellationRequested) _ended.TrySetResult();
            }
        }
    }

    /// <summary>Before any service stops: waits for the invocations, as long as the host's shutdown timeout (30 seconds) allows.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        lock (_lock)
        {
            if (_count == 0) return;
        }

        try
        {
            await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            await Task.Delay(AnswerTime, time, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // What is left is delivered again when its lock expires.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _stopping.Dispose();
}
