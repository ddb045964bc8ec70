using System.Threading.Channels;

namespace ContentSync.ServiceBusBroker;

/// <summary>
/// Runs the broker's work one piece at a time. All state is touched here only: the AMQP threads post, which also keeps deliveries in order.
/// </summary>
internal sealed class BrokerLoop : IAsyncDisposable
{
    private readonly Channel<Action> _work = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _running;

    public BrokerLoop() => _running = Task.Run(RunAsync);

    /// <summary>
    /// Exceptions of work that nobody waited for: a defect of the broker or of the AMQP library, which a test should not pass over.
    /// </summary>
    public List<Exception> Faults { get; } = [];

    /// <summary>Dropped once the loop has ended.</summary>
    public void Post(Action action) => _work.Writer.TryWrite(action);

    public Task<T> AskAsync<T>(Func<T> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var posted = _work.Writer.TryWrite(() =>
        {
            try
            {
                answer.SetResult(question());
            }
            catch (Exception e)
            {
                answer.SetException(e);
            }
        });
        ObjectDisposedException.ThrowIf(!posted, this);
        return answer.Task;
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
