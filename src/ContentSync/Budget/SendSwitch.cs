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
    private DateTimeOffset _storeTime;
    private long? _readAt;
    private long? _triedAt;
    private Task? _reading;
    private string? _fault;

    /// <summary>Whether other processes share the document.</summary>
    public bool IsShared => store is not null;

    /// <summary>
    /// Whether this process does not know what is in force: it has not read the document yet, or not for so long that its lease of the budget
    /// is over. It must not begin to send until it has.
    /// </summary>
    public bool IsOutdated
    {
        get
        {
            if (store is null) return false;
            lock (_lock) return IsKnownOutdated;
        }
    }

    private bool IsKnownOutdated => Since(_readAt) >= SendBudget.LeaseDuration + MaxAge;

    /// <summary>Why the last read failed; null if it did not.</summary>
    public string? Fault
    {
        get
        {
            lock (_lock) return _fault;
        }
    }

    /// <summary>What this process read last; an empty document before the first read.</summary>
    public SharedSendState Known
    {
        get
        {
            lock (_lock) return _known;
        }
    }

    /// <summary>What this process read last, and what the store's time is now by that read: at most a second and the latency behind.</summary>
    public (SharedSendState State, DateTimeOffset StoreTime) KnownWithTime
    {
        get
        {
            lock (_lock) return (_known, _readAt is null ? _storeTime : _storeTime + Since(_readAt));
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
            if (Since(_readAt) < MaxAge) return ValueTask.FromResult(_known);

            // A process that knows nothing yet waits for the read that another caller began: without it, it may not send.
            var waitsForRead = IsKnownOutdated && _reading is { IsCompleted: false };
            if (!waitsForRead && Since(_triedAt) < RetryInterval) return ValueTask.FromResult(_known);
        }

        return ReadAsync(cancellationToken);
    }

    /// <summary>Remembers what another part of the process read.</summary>
    /// <param name="read">The document.</param>
    /// <param name="readAt">Timestamp from before the read.</param>
    public void Observe(StoredSendState read, long readAt)
    {
        lock (_lock)
        {
            if (_readAt > readAt) return;
            (_known, _storeTime, _readAt, _fault) = (read.State, read.Time, readAt, null);
        }
    }

    /// <summary>Pauses all sending, or that of one content type. Pausing what is paused changes its reason and name.</summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; sending may or may not be paused.</exception>
    public ValueTask<SharedSendState> PauseAsync(string? contentType, string reason, string by, CancellationToken cancellationToken) =>
        ChangeAsync((read, _) => read.State.WithPause(contentType, reason, by, read.Time), cancellationToken);

    /// <summary>Ends the pause of all sending, or that of one content type.</summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; sending may or may not be resumed.</exception>
    public ValueTask<SharedSendState> ResumeAsync(string? contentType, CancellationToken cancellationToken) =>
        ChangeAsync((read, _) => read.State.WithoutPause(contentType, read.Time), cancellationToken);

    /// <summary>Sets the rate of all processes together; null for the configured one, above which no rate has an effect.</summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; the rate may or may not be set.</exception>
    public ValueTask<SharedSendState> SetRateAsync(double? perSecond, CancellationToken cancellationToken) =>
        ChangeAsync((read, _) => read.State with { Rate = perSecond }, cancellationToken);

    /// <summary>
    /// For a process that knows to be the only one, at its start: what earlier processes leased has ended with them, and it tries at once
    /// whether what stopped them is corrected. Pauses and the rate stay.
    /// </summary>
    /// <exception cref="SendStateUnavailableException">The store is unavailable.</exception>
    public ValueTask<SharedSendState> TakeOverAsync(CancellationToken cancellationToken) => ChangeAsync(
        (read, _) => read.State is { Circuit: null, Holders.Count: 0 }
            ? read.State
            : read.State with
            {
                Circuit = null,
                Holders = [.. read.State.Holders.Select(holder => holder with { Expires = DateTimeOffset.UnixEpoch })],
            },
        cancellationToken);

    /// <summary>Changes the document by compare-and-swap.</summary>
    /// <param name="change">From the document as read to the new one; the same document to write nothing. Called once for each attempt.</param>
    /// <param name="cancellationToken">Ends the wait; the document may have been changed.</param>
    /// <exception cref="SendStateUnavailableException">The store is unavailable; the document may or may not be changed.</exception>
    public async ValueTask<SharedSendState> ChangeAsync(
        Func<StoredSendState, ReadStart, SharedSendState> change, CancellationToken cancellationToken)
    {
        if (store is null) throw new SendStateUnavailableException("This host has no store for a pause or a rate.");
        for (var conflicts = 0; conflicts < MaxConflicts; conflicts++)
        {
            var began = new ReadStart(time.GetTimestamp(), time.GetUtcNow());
            var read = await store.ReadAsync(cancellationToken).ConfigureAwait(false);
            var next = change(read, began);
            if (ReferenceEquals(next, read.State))
            {
                Observe(read, began.Timestamp);
                return next;
            }

            if (!await store.TryWriteAsync(next, read.Tag, cancellationToken).ConfigureAwait(false)) continue;

            // Another part of the process may have read the document just before the write, so what was written counts as read after it.
            Observe(read with { State = next, Time = read.Time + Since(began.Timestamp) }, time.GetTimestamp());
            return next;
        }

        throw new SendStateUnavailableException($"Other processes changed the shared state in each of {MaxConflicts} attempts; try again.");
    }

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
            Observe(await store!.ReadAsync(CancellationToken.None).ConfigureAwait(false), began);
        }
        catch (SendStateUnavailableException e)
        {
            lock (_lock) _fault = e.Message;
        }
    }

    private TimeSpan Since(long? then) => then is { } timestamp ? time.GetElapsedTime(timestamp) : TimeSpan.MaxValue;
}

/// <summary>When a read of the shared document began.</summary>
/// <param name="Timestamp">On the monotonic clock.</param>
/// <param name="Wall">On the wall clock.</param>
public readonly record struct ReadStart(long Timestamp, DateTimeOffset Wall);
