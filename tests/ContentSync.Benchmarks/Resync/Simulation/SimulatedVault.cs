using ContentSync.Signing;

namespace ContentSync.Benchmarks.Resync.Simulation;

/// <summary>
/// A vault with Key Vault's documented limit: a number of signatures in any 10 seconds, then status 429 until older ones have left the
/// window. Its calls take some time in both directions. It can be throttled further, disabled, or made to hang.
/// </summary>
internal sealed class SimulatedVault(string name, int limit, TimeProvider time, int seed) : IRequestSigner
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Random _random = new(seed);
    private readonly Queue<long> _recent = new();
    private int _inFlight;

    public string Name => name;

    /// <summary>Maximum signatures in any 10 seconds.</summary>
    public int Limit { get; set; } = limit;

    /// <summary>While true, every call is refused.</summary>
    public bool IsDisabled { get; set; }

    /// <summary>While true, no call gets a response.</summary>
    public bool Hangs { get; set; }

    public long Signed { get; private set; }

    public long Throttled { get; private set; }

    /// <summary>Calls that have neither returned nor failed.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        // A call counts as in flight only while it waits: from when its timer runs until just before its continuation is scheduled.
        var travel = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var duration = Hangs ? Timeout.InfiniteTimeSpan : Travel() + Travel();
        await using var timer = time.CreateTimer(Arrive, travel, duration, Timeout.InfiniteTimeSpan).ConfigureAwait(false);
        Interlocked.Increment(ref _inFlight);
        await using var registration = cancellationToken.UnsafeRegister(Arrive, travel).ConfigureAwait(false);
        await travel.Task.ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return Respond();
    }

    private void Arrive(object? state)
    {
        var travel = (TaskCompletionSource)state!;
        lock (travel)
        {
            if (travel.Task.IsCompleted) return;
            Interlocked.Decrement(ref _inFlight);
            travel.SetResult();
        }
    }

    private RequestSignature Respond()
    {
        lock (_lock)
        {
            if (IsDisabled) throw new SigningUnavailableException($"The key in {name} is disabled.");
            var now = time.GetTimestamp();
            while (_recent.TryPeek(out var oldest) && now - oldest >= Window.Ticks) _recent.Dequeue();
            if (_recent.Count >= Limit)
            {
                Throttled++;
                throw new SigningUnavailableException($"{name} responds with 429.") { Cause = SigningFault.Throttled };
            }

            _recent.Enqueue(now);
            Signed++;
            return new RequestSignature("", new byte[256]);
        }
    }

    private TimeSpan Travel()
    {
        lock (_lock) return TimeSpan.FromMilliseconds(4 + (_random.NextDouble() * 12));
    }
}
