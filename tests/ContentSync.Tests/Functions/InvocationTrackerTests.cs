using ContentSync.Functions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Functions;

public sealed class InvocationTrackerTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly InvocationTracker _tracker;

    public InvocationTrackerTests() => _tracker = new InvocationTracker(_time);

    public void Dispose() => _tracker.Dispose();

    [Fact]
    public async Task Stops_at_once_while_nothing_runs()
    {
        await _tracker.Invoke(null!, _ => Task.CompletedTask);
        var stopping = _tracker.StoppingAsync(default);
        Assert.True(stopping.IsCompletedSuccessfully);
        Assert.True(_tracker.Stopping.IsCancellationRequested);
    }

    [Fact]
    public async Task Waits_for_every_running_invocation_and_for_its_response()
    {
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        Task[] running = [_tracker.Invoke(null!, _ => first.Task), _tracker.Invoke(null!, _ => second.Task)];
        var stopping = _tracker.StoppingAsync(default);
        first.SetResult();
        await running[0];
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(stopping.IsCompleted);

        second.SetException(new InvalidOperationException("It failed."));
        await Assert.ThrowsAsync<InvalidOperationException>(() => running[1]);
        for (var i = 0; i < 10_000 && !stopping.IsCompleted; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(1);
        }

        Assert.True(stopping.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Gives_up_when_the_host_does()
    {
        var endless = new TaskCompletionSource();
        var running = _tracker.Invoke(null!, _ => endless.Task);
        using var timeout = new CancellationTokenSource();
        var stopping = _tracker.StoppingAsync(timeout.Token);
        await timeout.CancelAsync();
        await stopping.WaitAsync(TimeSpan.FromSeconds(30));
        endless.SetResult();
        await running;
    }
}
