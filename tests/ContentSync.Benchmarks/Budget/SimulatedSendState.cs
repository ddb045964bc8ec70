using System.Globalization;
using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Budget;

namespace ContentSync.Benchmarks.Budget;

/// <summary>How often the store fails, 0 to 1, and how wrong the clocks of its front ends are.</summary>
internal sealed record StoreFaults
{
    /// <summary>A request never arrives.</summary>
    public double LostRequests { get; init; }

    /// <summary>A request arrives, its response does not.</summary>
    public double LostResponses { get; init; }

    /// <summary>A request arrives after its caller gave up.</summary>
    public double LateRequests { get; init; }

    /// <summary>Largest difference between two front ends.</summary>
    public TimeSpan ClockDifference { get; init; }

    /// <summary>Longest time for one way.</summary>
    public TimeSpan MaxLatency { get; init; } = TimeSpan.FromMilliseconds(15);
}

/// <summary>The shared document in memory, with the delays and faults of a network.</summary>
internal sealed class SimulatedSendState(VirtualTime time, Random random, StoreFaults faults)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    private SharedSendState _state = new();
    private long _version;

    /// <summary>Calls so far, reads and writes.</summary>
    public long Calls { get; private set; }

    public bool IsDown { get; set; }

    public SharedSendState State => _state;

    /// <summary>Changes the document as an operator does.</summary>
    public void Change(Func<SharedSendState, SharedSendState> change) => (_state, _version) = (change(_state), _version + 1);

    /// <summary>The store as one process sees it.</summary>
    public ISendStateStore For(InstanceClock clock) => new Connection(this, clock);

    private StoredSendState Read()
    {
        var skew = faults.ClockDifference * (random.NextDouble() - 0.5);
        var now = time.GetUtcNow() + skew;
        var tag = _version == 0 ? null : _version.ToString(CultureInfo.InvariantCulture);
        return new StoredSendState(_state, tag, new DateTimeOffset(now.Ticks - (now.Ticks % TimeSpan.TicksPerSecond), TimeSpan.Zero));
    }

    private bool TryWrite(SharedSendState state, string? tag)
    {
        if (tag != (_version == 0 ? null : _version.ToString(CultureInfo.InvariantCulture))) return false;
        _state = SharedSendStateText.Read(SharedSendStateText.Write(state), null, "The document");
        _version++;
        return true;
    }

    private async ValueTask<T> CallAsync<T>(InstanceClock clock, Func<T> effect)
    {
        Calls++;
        var isDown = IsDown;
        var fault = random.NextDouble();
        var lost = isDown || fault < faults.LostRequests;
        var late = !lost && fault < faults.LostRequests + faults.LateRequests;
        var unanswered = late || (!lost && fault < faults.LostRequests + faults.LateRequests + faults.LostResponses);
        var response = new TaskCompletionSource<T>();
        if (!lost)
        {
            After(late ? Timeout + (random.NextDouble() * TimeSpan.FromSeconds(20)) : Latency(), () =>
            {
                var result = effect();
                if (!unanswered) After(Latency(), () => response.TrySetResult(result));
            });
        }

        if (lost || unanswered) After(isDown ? Latency() : Timeout, () => response.TrySetException(new SendStateUnavailableException("The store is away.")));
        var received = await response.Task.ConfigureAwait(false);

        // A frozen process reads the response when it runs again.
        await clock.WaitAsync(TimeSpan.FromTicks(1), CancellationToken.None).ConfigureAwait(false);
        return received;
    }

    private TimeSpan Latency() => TimeSpan.FromMilliseconds(2) + (random.NextDouble() * faults.MaxLatency);

    private void After(TimeSpan delay, Action action) =>
        time.CreateTimer(_ => action(), null, delay, System.Threading.Timeout.InfiniteTimeSpan);

    private sealed class Connection(SimulatedSendState store, InstanceClock clock) : ISendStateStore
    {
        public ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken) => store.CallAsync(clock, store.Read);

        public ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken) =>
            store.CallAsync(clock, () => store.TryWrite(state, tag));
    }
}
