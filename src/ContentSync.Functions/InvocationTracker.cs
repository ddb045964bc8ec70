using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Functions;

/// <summary>
/// Keeps the process alive until its running invocations have ended. The worker exits immediately on SIGTERM and on the host's request to
/// terminate, and the host counts every invocation without a response as failed.
/// </summary>
/// <param name="time">Measures the wait for the last response.</param>
/// <param name="continuations">
/// By default the last invocation does not run what waits for it. A simulation on one thread passes <see cref="TaskCreationOptions.None"/>.
/// </param>
public sealed class InvocationTracker(
    [FromKeyedServices(Clocks.Wall)] TimeProvider time, TaskCreationOptions continuations = TaskCreationOptions.RunContinuationsAsynchronously)
    : IFunctionsWorkerMiddleware, IHostedLifecycleService, IDisposable
{
    /// <summary>The worker sends an invocation's response after the middleware has returned, and gives no sign when it has done so.</summary>
    private static readonly TimeSpan ResponseTime = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _ended = new(continuations);
    private readonly Lock _lock = new();
    private int _count;

    /// <summary>Cancelled when the process is shutting down: work that another instance can continue stops now.</summary>
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

    /// <summary>Waits for the running invocations before any service stops, at most until the host's shutdown timeout (30 seconds).</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // Work continues on this thread until it waits for something, which is soon: all it does now is to abandon its message.
        _stopping.Cancel();
        lock (_lock)
        {
            if (_count == 0) return;
        }

        try
        {
            await _ended.Task.WaitAsync(cancellationToken).ConfigureAwait(false);

            // A delay that is cancelled itself would go on in the thread pool.
            await Task.Delay(ResponseTime, time, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // Service Bus delivers the remaining messages again when their locks expire.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _stopping.Dispose();
}
