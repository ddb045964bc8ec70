using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Budget;

/// <summary>
/// The operator's switch: pauses and resumes sending and sets the rate, for all processes and across restarts. A process reads it before its
/// first send and then at least every ten seconds while it sends. Without a store, sending is never paused. Thread-safe; one per process.
/// </summary>
/// <param name="time">Clock of the reads.</param>
/// <param name="store">Shared by all processes; null without a switch.</param>
public sealed class SendSwitch([FromKeyedServices(Clocks.Wall)] TimeProvider time, ISendStateStore? store = null)
{
    /// <summary>How old what a process knows may be.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(10);

    /// <summary>How soon the store is asked again after it could not be read.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    private const int MaxConflicts = 12;

    private readonly Lock _lock = new();
    private SharedSendState _known = new();
    private long? _readAt;
    private long? _triedAt;
    private Task? _reading;

    /// <summary>What this process read last; an empty document before the first read.</summary>
    public SharedSendState Known
    {
        get
        {
            lock (_lock) return _known;
        }
    }

    /// <summary>
    /// The document, at most <see cref="MaxAge"/> old. If the store cannot be read, the last known one: then no item can be sent for long
    /// either, because the ledger and the leases are in the same store.
    /// </summary>
    public ValueTask<SharedSendState> CurrentAsync(CancellationToken cancellationToken)
    {
        if (store is null) return ValueTask.FromResult(Known);
        lock (_lock)
        {
            if (Since(_readAt) < MaxAge || Since(_triedAt) < RetryInterval) return ValueTask.FromResult(_known);
        }

        return ReadAsync(cancellationToken);
    }

    /// <summary>Remembers what another part of the process read.</summary>
    /// <param name="state">The document.</param>
    /// <param name="readAt">Timestamp from before the read.</param>
    public void Observe(SharedSendState state, long readAt)
    {
        lock (_lock)
        {
            if (_readAt > readAt) return;
            (_known, _readAt) = (state, readAt);
        }
    }

    /// <summary>Pauses all sending, or that of one content type. Pausing what is paused changes its reason and name.</summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; sending may or may not be paused.</exception>
    public ValueTask<SharedSendState> PauseAsync(string? contentType, string reason, string by, CancellationToken cancellationToken) =>
        ChangeAsync((state, now) => state.WithPause(contentType, reason, by, now), cancellationToken);

    /// <summary>Ends the pause of all sending, or that of one content type.</summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; sending may or may not be resumed.</exception>
    public ValueTask<SharedSendState> ResumeAsync(string? contentType, CancellationToken cancellationToken) =>
        ChangeAsync((state, now) => state.WithoutPause(contentType, now), cancellationToken);

    /// <summary>Sets the rate of all processes together; null for the configured one, above which no rate has an effect.</summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; the rate may or may not be set.</exception>
    public ValueTask<SharedSendState> SetRateAsync(double? perSecond, CancellationToken cancellationToken) =>
        ChangeAsync((state, _) => state with { Rate = perSecond }, cancellationToken);

    private async ValueTask<SharedSendState> ReadAsync(CancellationToken cancellationToken)
    {
        Task reading;
        lock (_lock)
        {
            // All callers share one read, which no caller's cancellation ends.
            if (_reading is not { IsCompleted: false }) _reading = ReadOnceAsync();
            reading = _reading;
        }

        await reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        return Known;
    }

    private async Task ReadOnceAsync()
    {
        var began = time.GetTimestamp();
        lock (_lock) _triedAt = began;
        try
        {
            Observe((await store!.ReadAsync(CancellationToken.None).ConfigureAwait(false)).State, began);
        }
        catch (SendStateUnavailableException)
        {
            // SendBudget reports the fault.
        }
    }

    private async ValueTask<SharedSendState> ChangeAsync(
        Func<SharedSendState, DateTimeOffset, SharedSendState> change, CancellationToken cancellationToken)
    {
        if (store is null) throw new SendStateUnavailableException("This host has no store for a pause or a rate.");
        for (var conflicts = 0; conflicts < MaxConflicts; conflicts++)
        {
            var began = time.GetTimestamp();
            var read = await store.ReadAsync(cancellationToken).ConfigureAwait(false);
            var next = change(read.State, read.Time);
            if (!await store.TryWriteAsync(next, read.Tag, cancellationToken).ConfigureAwait(false)) continue;
            Observe(next, began);
            return next;
        }

        throw new SendStateUnavailableException($"Other processes changed the shared state in each of {MaxConflicts} attempts; try again.");
    }

    private TimeSpan Since(long? then) => then is { } timestamp ? time.GetElapsedTime(timestamp) : TimeSpan.MaxValue;
}
