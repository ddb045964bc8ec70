using System.Globalization;
using ContentSync.Budget;

namespace ContentSync.Simulation;

/// <summary>
/// The document that all processes share, changed by compare-and-swap. Its front ends have different clocks, which tell whole seconds.
/// </summary>
internal sealed class SimulatedSendState(World world)
{
    /// <summary>Half of the largest difference between two front ends.</summary>
    private static readonly TimeSpan MaxClockError = SendBudget.MaxClockDifference * 0.45;

    private SharedSendState _state = new();
    private long _version;

    /// <summary>Since when the document has said without a break that the circuit breaker is open; null while it does not.</summary>
    public TimeSpan? OpenSince { get; private set; }

    /// <summary>The clock of a front end.</summary>
    public DateTimeOffset Now => world.Time.Now + world.Random.Between(-MaxClockError, MaxClockError);

    public StoredSendState Read()
    {
        var now = Now;
        return new StoredSendState(_state, Tag, now.AddTicks(-(now.UtcTicks % TimeSpan.TicksPerSecond)));
    }

    public bool TryWrite(SharedSendState state, string? tag, string who)
    {
        if (tag != Tag) return false;
        Written(state, who);
        return true;
    }

    /// <summary>A process wrote the document.</summary>
    public void Written(SharedSendState state, string who)
    {
        if (state.Circuit is null) OpenSince = null;
        else if (state.Circuit.Since != _state.Circuit?.Since) OpenSince = world.Time.Elapsed;
        _state = SharedSendStateText.Read(SharedSendStateText.Write(state), null, "The document");
        _version++;
        world.Invariants.Pauses.Written(_state);
        world.Trace.Write(who, $"writes {Text(state)}");
    }

    private string? Tag => _version == 0 ? null : _version.ToString(CultureInfo.InvariantCulture);

    public static string Text(SharedSendState state)
    {
        var holders = string.Join(", ", state.Holders.Select(holder =>
            $"{holder.Id[..4]} {holder.Single}+{holder.Bulk} of {holder.SingleWants}+{holder.BulkWants}"));
        var circuit = state.Circuit is { } open ? $"; open since {open.Since:T}, next {open.NextProbe:T}, probe {open.Probe?.Holder[..4]}" : "";
        return $"send state: {holders}{circuit}";
    }
}

/// <summary>The document as one process reaches it.</summary>
internal sealed class SendStateConnection(SimulatedProcess process, World world) : ISendStateStore
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public ValueTask<StoredSendState> ReadAsync(CancellationToken cancellationToken) =>
        CallAsync("read send state", world.SendState.Read, cancellationToken);

    public ValueTask<bool> TryWriteAsync(SharedSendState state, string? tag, CancellationToken cancellationToken) =>
        CallAsync("write send state", () => world.SendState.TryWrite(state, tag, process.Name), cancellationToken);

    private ValueTask<T> CallAsync<T>(string what, Func<T> effect, CancellationToken cancellationToken)
    {
        var (behavior, isLate) = SendStoreFaults.Next(world, Timeout, static () => new SendStateUnavailableException("The store is away."));

        // The request arrives when its caller has given up.
        if (isLate) world.Time.After(Timeout + world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(20)), () => effect());
        return process.CallAsync(what, effect, behavior, cancellationToken);
    }
}

/// <summary>Draws the faults of the store of the shared document.</summary>
internal static class SendStoreFaults
{
    public static (CallBehavior Behavior, bool IsLate) Next(World world, TimeSpan timeout, Func<Exception> unavailable)
    {
        if (world.Inject(Fault.SendStoreLate)) return (Failure(timeout, isLost: true), true);
        if (world.InjectOutage(Fault.SendStoreOutage)) return (Failure(world.ShortDelay(), isLost: true), false);
        if (world.Inject(Fault.SendStoreRequestLost)) return (Failure(timeout, isLost: true), false);
        return (world.Inject(Fault.SendStoreResponseLost) ? Failure(timeout, isLost: false) : new CallBehavior(Delay(world), Delay(world)), false);

        CallBehavior Failure(TimeSpan after, bool isLost) => new(world.ShortDelay(), after, isLost, unavailable);
    }

    private static TimeSpan Delay(World world) =>
        world.Random.Chance(0.02) ? world.Random.Between(TimeSpan.Zero, TimeSpan.FromSeconds(3)) : world.ShortDelay();
}
