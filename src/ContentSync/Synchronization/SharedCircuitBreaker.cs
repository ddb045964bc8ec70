using ContentSync.AlipayHk;
using ContentSync.Budget;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Synchronization;

/// <summary>
/// The circuit breaker of all processes of the app. The rules are <see cref="CircuitBreaker"/>'s; this class tells the other processes when
/// it trips or resets, learns the same from them, and claims the app's only probe. What it tells and learns is in the document of
/// <see cref="SendSwitch"/>, which every process that sends reads at least every ten seconds. Without a store, it is this process's alone.
/// Thread-safe; one per process.
/// </summary>
/// <remarks>Budget/README.md describes the protocol and why no two probes are under way at once.</remarks>
public sealed class SharedCircuitBreaker(
    CircuitBreaker breaker,
    SendSwitch sendSwitch,
    RecoverabilityOptions options,
    RequestIdSource ids,
    [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <summary>
    /// The part of the probe's lease within which its request must leave. The rest is at least the request's timeout, by the rule for
    /// <see cref="RecoverabilityOptions.LeaseDuration"/>, so it has ended when the lease expires.
    /// </summary>
    private const int LeaseShareToLeave = 4;

    /// <summary>How soon the store is asked again after it could not be reached.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(2);

    /// <summary>How long an item's attempt may wait for the store after its outcome was recorded.</summary>
    private static readonly TimeSpan ShareTimeout = TimeSpan.FromSeconds(3);

    private readonly string _id = sendSwitch.IsShared ? ids.Create() : "";
    private readonly Lock _lock = new();
    private SharedSendState? _learned;
    private bool _isShared;
    private bool _isProbing;
    private ProbeEnd? _ended;
    private bool _isSharing;
    private long? _failedAt;

    /// <summary>The open state as this process knows it; null while the circuit breaker is closed.</summary>
    public OpenCircuit? OpenState
    {
        get
        {
            Learn();
            return breaker.OpenState;
        }
    }

    /// <summary>The app's open state, at most ten seconds old while the store is available; null while the circuit breaker is closed.</summary>
    public async ValueTask<OpenCircuit?> OpenStateAsync(CancellationToken cancellationToken)
    {
        await ShareAsync().ConfigureAwait(false);
        await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false);
        return OpenState;
    }

    /// <summary>
    /// Asks for permission for one call. Every permit must end in <see cref="Report"/> or <see cref="Return"/>, and then in
    /// <see cref="ShareAsync"/>.
    /// </summary>
    /// <returns>The permit, or how long to wait before asking again.</returns>
    public ValueTask<SendEntry> EnterAsync(string contentId, CancellationToken cancellationToken)
    {
        Learn();
        if (!breaker.TryEnter(contentId, out var permit, out var wait)) return ValueTask.FromResult(new SendEntry(default, wait));
        return permit.IsProbe && sendSwitch.IsShared
            ? ClaimAsync(contentId, permit, cancellationToken)
            : ValueTask.FromResult(new SendEntry(permit, null));
    }

    /// <inheritdoc cref="CircuitBreaker.EvidenceFor"/>
    public SendEvidence EvidenceFor(SendPermit permit) => breaker.EvidenceFor(permit);

    /// <inheritdoc cref="CircuitBreaker.Report"/>
    public void Report(SendPermit permit, string contentId, SynchronizeResult result, bool isItemAtFault)
    {
        breaker.Report(permit, contentId, result, isItemAtFault);
        var isSuccess = result.Kind is SynchronizeResultKind.Succeeded or SynchronizeResultKind.Rejected;
        End(permit, isSuccess ? ProbeEnd.Succeeded : ProbeEnd.Failed);
    }

    /// <summary>Returns a permit without a result.</summary>
    /// <param name="permit">From <see cref="EnterAsync"/>.</param>
    /// <param name="wasCancelled">
    /// The call was cancelled, and its request may have left: the next probe waits for one interval. Otherwise it stays due as it was.
    /// </param>
    public void Return(SendPermit permit, bool wasCancelled = false)
    {
        breaker.Return(permit);
        if (wasCancelled && permit.Claim is not null) breaker.Postpone(options.ProbeInterval);
        End(permit, ProbeEnd.Failed);
    }

    /// <summary>
    /// Tells the other processes that the circuit breaker tripped or that a probe ended. Does nothing if there is no news. If the store is
    /// unavailable, the news follows with a later call, or the others find out by themselves.
    /// </summary>
    public ValueTask ShareAsync() => TryBeginSharing() ? ShareNewsAsync() : ValueTask.CompletedTask;

    private async ValueTask<SendEntry> ClaimAsync(string contentId, SendPermit permit, CancellationToken cancellationToken)
    {
        ProbeClaim? claim = null;

        // From here on, ShareAsync must not end the claim of an earlier probe: it could end this one.
        lock (_lock) _isProbing = true;
        try
        {
            var shared = await sendSwitch.ChangeAsync(
                (read, began) =>
                {
                    var next = read.State.ClaimProbe(_id, Unshared(read.Time), read.Time, options.LeaseDuration);
                    claim = ReferenceEquals(next, read.State) ? null : new ProbeClaim(time, began, options.LeaseDuration / LeaseShareToLeave);
                    return next;
                },
                cancellationToken).ConfigureAwait(false);
            if (claim is not null)
            {
                lock (_lock) (_ended, _isShared, _learned) = (null, true, shared);
                return new SendEntry(permit with { Claim = claim }, null);
            }
        }
        catch (SendStateUnavailableException)
        {
            claim = null;
            breaker.Postpone(RetryInterval);
        }
        finally
        {
            if (claim is null)
            {
                breaker.Return(permit);
                lock (_lock) _isProbing = false;
            }
        }

        // Another process may have reset the circuit breaker, or taken the probe.
        Learn();
        if (!breaker.TryEnter(contentId, out permit, out var wait)) return new SendEntry(default, wait);
        if (!permit.IsProbe) return new SendEntry(permit, null);
        breaker.Return(permit);
        breaker.Postpone(RetryInterval);
        return new SendEntry(default, RetryInterval);
    }

    private void End(SendPermit permit, ProbeEnd end)
    {
        if (permit.Claim is null) return;
        lock (_lock)
        {
            (_isProbing, _ended) = (false, end);

            // The time that the others know as open is over. If this process trips again, that is news to them.
            if (end == ProbeEnd.Succeeded) _isShared = false;
        }
    }

    private bool TryBeginSharing()
    {
        if (!sendSwitch.IsShared) return false;
        var isOpen = breaker.OpenState is not null;
        lock (_lock)
        {
            var hasNews = _ended is not null || (isOpen && !_isShared);
            if (!hasNews || _isSharing || (_failedAt is { } failedAt && time.GetElapsedTime(failedAt) < RetryInterval)) return false;
            _isSharing = true;
            return true;
        }
    }

    private async ValueTask ShareNewsAsync()
    {
        using var timeout = new CancellationTokenSource(ShareTimeout, time);
        try
        {
            ProbeEnd? ended = null;
            await sendSwitch.ChangeAsync(
                (read, _) =>
                {
                    lock (_lock) ended = _isProbing ? null : _ended;
                    var open = ended == ProbeEnd.Failed ? Own(read.Time) : Unshared(read.Time);
                    return read.State.Tell(_id, new CircuitNews(open, ended));
                },
                timeout.Token).ConfigureAwait(false);
            lock (_lock)
            {
                if (ended is not null && !_isProbing) _ended = null;
                _failedAt = null;
            }

            Learn();
        }
        catch (Exception e) when (e is SendStateUnavailableException or OperationCanceledException)
        {
            lock (_lock) _failedAt = time.GetTimestamp();
        }
        finally
        {
            lock (_lock) _isSharing = false;
        }
    }

    /// <summary>
    /// Applies what this process read last, unless it knows better: a probe of its own has ended, and the store does not say so yet.
    /// </summary>
    private void Learn()
    {
        if (!sendSwitch.IsShared) return;
        lock (_lock)
        {
            var (state, storeTime) = sendSwitch.KnownWithTime;
            if (ReferenceEquals(state, _learned) || _isProbing || _ended is not null) return;
            _learned = state;
            if (state.Circuit is { } circuit)
            {
                var wait = circuit.UntilProbe(_id, storeTime);
                breaker.Adopt(circuit.ToOpenCircuit(), wait, circuit.FailedProbes ?? []);
                _isShared = true;
            }
            else if (_isShared)
            {
                breaker.Adopt(null, TimeSpan.Zero, []);
                _isShared = false;
            }
        }
    }

    /// <summary>This process's open circuit breaker if the others do not know of it.</summary>
    private SharedCircuit? Unshared(DateTimeOffset storeTime)
    {
        lock (_lock)
        {
            if (_isShared) return null;
        }

        return Own(storeTime);
    }

    /// <summary>This process's open circuit breaker with the store's times; null while it is closed.</summary>
    private SharedCircuit? Own(DateTimeOffset storeTime)
    {
        if (breaker.Describe() is not var (open, untilProbe, failedProbes)) return null;

        // A clock of this process that jumped must not delay the probe of all.
        var wait = TimeSpan.FromTicks(Math.Clamp(untilProbe.Ticks, 0, options.ProbeInterval.Ticks));
        var message = ResponseClassifier.Truncate(open.Message);
        return new SharedCircuit(open.Cause.ToString(), open.Code, message, storeTime, storeTime + wait, failedProbes);
    }
}

/// <summary>A permit, or the time to wait for one.</summary>
/// <param name="Permit">The permit; use it only if <paramref name="Wait"/> is null.</param>
/// <param name="Wait">How long to wait before asking again; null if permitted.</param>
public readonly record struct SendEntry(SendPermit Permit, TimeSpan? Wait);

/// <summary>The shared circuit breaker as this layer shows it.</summary>
public static class SharedCircuits
{
    /// <summary>The open state with the store's times. A cause that a newer version wrote counts as <see cref="TripCause.Breaker"/>.</summary>
    public static OpenCircuit ToOpenCircuit(this SharedCircuit circuit) => new(
        Enum.TryParse<TripCause>(circuit.Cause, out var cause) ? cause : TripCause.Breaker,
        circuit.Code,
        circuit.Message,
        circuit.Since,
        circuit.NextProbe);
}
