using System.Threading.Channels;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// Runs the broker's work items one at a time. Only this loop accesses the state; AMQP threads post to it, which also keeps deliveries in order.
/// </summary>
internal sealed class BrokerLoop : IAsyncDisposable
{
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _running;

    public BrokerLoop() => _running = Task.Run(RunAsync);

    /// <summary>
    /// Exceptions of posted work that no caller awaits: a bug in the broker or the AMQP library, which must fail the test.
    /// </summary>
    public List<Exception> Faults { get; } = [];

    /// <summary>Queues an action. Ignored after the loop has ended.</summary>
    public void Post(Action action) => _work.Writer.TryWrite(action);

    public Task<T> AskAsync<T>(Func<T> function)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var posted = _work.Writer.TryWrite(() =>
        {
            try
            {
                result.SetResult(function());
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        ObjectDisposedException.ThrowIf(!posted, this);
        return result.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _work.Writer.TryComplete();
        await _running.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        await foreach (var action in _work.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            try
            {
                action();
            }
            catch (Exception e)
            {
                Faults.Add(e);
            }
        }
    }
}
