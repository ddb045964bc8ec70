using ContentSync.AlipayHk;
using ContentSync.Budget;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Synchronization;

/// <summary>Why the circuit breaker tripped.</summary>
public enum TripCause
{
    /// <summary>AlipayHK refuses the way we call: signature, Client-Id or path. A person must correct a setting or a key.</summary>
    ConfigurationFault,

    /// <summary>Too many consecutive failures: AlipayHK, the network or the signer is down.</summary>
    Breaker,
}

/// <summary>State of an open circuit breaker: nothing is sent except probes.</summary>
/// <param name="Cause">Why it tripped, or why it stays open: a configuration fault ends with the first signed response to a probe.</param>
/// <param name="Code">Code of the result that is the cause.</param>
/// <param name="Message">Message of that result.</param>
/// <param name="Since">When it tripped first; a failed probe does not change it.</param>
/// <param name="NextProbe">When the next probe is let through.</param>
public sealed record OpenCircuit(TripCause Cause, string Code, string Message, DateTimeOffset Since, DateTimeOffset NextProbe);

/// <summary>Permission for one call.</summary>
/// <param name="Epoch">Incremented whenever the circuit breaker trips or resets; identifies the period in which the call began.</param>
/// <param name="IsProbe">Whether the call is a probe, whose result decides whether the circuit breaker resets.</param>
/// <param name="StartedAt">When the call began.</param>
/// <param name="Claim">The claim on the app's probe; null unless it is a probe and several processes share the circuit breaker.</param>
public readonly record struct SendPermit(long Epoch, bool IsProbe, DateTimeOffset StartedAt, ProbeClaim? Claim = null);

/// <summary>What the results of the other items say about a failure. <see cref="RecoverabilityPolicy.IsItemAtFault"/> weighs it.</summary>
/// <param name="SucceededAt">When the newest call that AlipayHK accepted or rejected began; null if there was none.</param>
/// <param name="FailuresInARow">Failures since the last success; several of the same item in a row count once.</param>
/// <param name="IsOpen">The circuit breaker is open, or it tripped or reset after the call began.</param>
public readonly record struct SendEvidence(DateTimeOffset? SucceededAt, int FailuresInARow, bool IsOpen);

/// <summary>
/// Stops all sending while AlipayHK, the network, the signer or our configuration fails. Shared by every sender in the process; through
/// <see cref="SharedCircuitBreaker"/>, all processes of the app are open together and probe one at a time.
/// While open, it lets one probe at a time through, one per probe interval; a probe that AlipayHK accepts or rejects resets it.
/// One item must not stop the others: an unsigned refusal trips only after a second item confirms it, failures of an item that is
/// at fault itself never trip, and an item whose probe failed leaves the next probe to the others.
/// Library circuit breakers do not fit: a configuration fault must trip at the first confirmed result, not at a failure ratio.
/// </summary>
public sealed class CircuitBreaker(RecoverabilityOptions options, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>Items whose failed probes are remembered. Others probe soon enough if more than this many always fail.</summary>
    private const int MaxFailedProbes = 16;

    private readonly Lock _lock = new();
    private readonly Queue<string> _failedProbes = new(MaxFailedProbes);
    private OpenCircuit? _open;
    private bool _probing;
    private int _failuresInARow;
    private string? _lastFailed;
    private Suspicion? _suspicion;
    private DateTimeOffset? _succeededAt;
    private long _epoch;

    /// <summary>The open state; null while the circuit breaker is closed.</summary>
    public OpenCircuit? OpenState
    {
        get
        {
            lock (_lock) return _open;
        }
    }

    /// <summary>
    /// Asks for permission for one call. Every permit must end in <see cref="Report"/> or <see cref="Return"/>.
    /// </summary>
    /// <param name="contentId">The item to send.</param>
    /// <param name="permit">The permit; use it only if this method returns true.</param>
    /// <param name="wait">
    /// If refused, how long to wait before asking again; at most one probe interval, or two for an item whose probe failed.
    /// </param>
    public bool TryEnter(string contentId, out SendPermit permit, out TimeSpan wait)
    {
        lock (_lock)
        {
            var now = time.GetUtcNow();
            permit = new SendPermit(_epoch, false, now);
            wait = TimeSpan.Zero;
            if (_open is null) return true;

            // A clock that jumped back must not delay the next probe by more than one interval.
            if (_open.NextProbe - now > options.ProbeInterval) _open = _open with { NextProbe = now + options.ProbeInterval };

            // Items that always fail must not take every probe, so the others have one interval to probe in their place.
            var dueAt = _failedProbes.Contains(contentId) ? _open.NextProbe + options.ProbeInterval : _open.NextProbe;
            if (!_probing && now >= dueAt)
            {
                _probing = true;
                permit = permit with { IsProbe = true };
                return true;
            }

            wait = dueAt - now;
            if (wait <= TimeSpan.Zero) wait = options.ProbeInterval;
            return false;
        }
    }

    /// <summary>What the other items' results say about a failure of this call.</summary>
    public SendEvidence EvidenceFor(SendPermit permit)
    {
        lock (_lock) return new SendEvidence(_succeededAt, _failuresInARow, _open is not null || permit.Epoch != _epoch);
    }

    /// <summary>Reports the result of a permitted call.</summary>
    /// <param name="permit">From <see cref="TryEnter"/>.</param>
    /// <param name="contentId">The item that was sent.</param>
    /// <param name="result">The result of the call.</param>
    /// <param name="isItemAtFault">From <see cref="RecoverabilityPolicy.IsItemAtFault"/>; such a failure does not trip.</param>
    public void Report(SendPermit permit, string contentId, SynchronizeResult result, bool isItemAtFault)
    {
        lock (_lock)
        {
            if (permit.IsProbe) _probing = false;
            switch (result.Kind)
            {
                case SynchronizeResultKind.Succeeded or SynchronizeResultKind.Rejected:
                    Succeeded(permit);
                    break;
                case SynchronizeResultKind.SigningUnavailable when result.Code == ClientCodes.SendBudgetSpent:
                    // This is our own limit, not a failure.
                    break;
                case SynchronizeResultKind.ConfigurationFault:
                    if (_open is not null && permit.IsProbe) FailProbe(contentId);
                    // A call that began before the last trip or reset says nothing about the time after it.
                    if (permit.Epoch != _epoch) break;
                    CountFailure(contentId);
                    if (isItemAtFault || !IsConfirmed(contentId, result)) break;
                    Trip(TripCause.ConfigurationFault, contentId, result);
                    break;
                default:
                    // The interval starts when a probe ends, because a probe may take long.
                    if (_open is not null && permit.IsProbe)
                    {
                        FailProbe(contentId);
                        if (result.Verification == SignatureVerification.Valid) EndConfigurationFault(result);
                    }

                    if (_open is not null || permit.Epoch != _epoch) break;
                    CountFailure(contentId);
                    if (_failuresInARow >= options.BreakerThreshold && !isItemAtFault) Trip(TripCause.Breaker, contentId, result);
                    break;
            }
        }
    }

    /// <summary>
    /// Returns a permit that was not used. The next probe stays due as it was: an item that is never sent, such as a parked one, would
    /// otherwise keep an item whose probe failed from ever probing again.
    /// </summary>
    public void Return(SendPermit permit)
    {
        if (!permit.IsProbe) return;
        lock (_lock) _probing = false;
    }

    /// <summary>Opens or closes with the other processes.</summary>
    /// <param name="open">Their open circuit breaker; null if it has reset.</param>
    /// <param name="untilProbe">How long this process must wait before it asks for the next probe; negative if it is overdue.</param>
    /// <param name="failedProbes">Items whose probes failed.</param>
    public void Adopt(OpenCircuit? open, TimeSpan untilProbe, IReadOnlyList<string> failedProbes)
    {
        lock (_lock)
        {
            if (open is null)
            {
                if (_open is not null) Reset();
                return;
            }

            if (_open is null) _epoch++;
            _open = open with { NextProbe = time.GetUtcNow() + untilProbe };
            _suspicion = null;
            foreach (var contentId in failedProbes) AddFailedProbe(contentId);
        }
    }

    /// <summary>Delays the next probe, because it cannot be claimed now.</summary>
    public void Postpone(TimeSpan wait)
    {
        lock (_lock)
        {
            if (_open is null) return;
            var next = time.GetUtcNow() + wait;
            if (_open.NextProbe < next) _open = _open with { NextProbe = next };
        }
    }

    /// <summary>The open state, the time until the next probe, and the items whose probes failed; null while it is closed.</summary>
    public (OpenCircuit Open, TimeSpan UntilProbe, IReadOnlyList<string> FailedProbes)? Describe()
    {
        lock (_lock) return _open is null ? null : (_open, _open.NextProbe - time.GetUtcNow(), [.. _failedProbes]);
    }

    private void Succeeded(SendPermit permit)
    {
        _succeededAt = permit.StartedAt;
        if (_suspicion is { } suspicion && permit.StartedAt >= suspicion.At) _suspicion = null;

        // A call that began before the trip does not prove that the fault is gone.
        if (_open is not null && permit.IsProbe) Reset();
        if (_open is null) (_failuresInARow, _lastFailed) = (0, null);
    }

    // Repeated failures of one item are no evidence against AlipayHK.
    private void CountFailure(string contentId)
    {
        if (_open is not null || contentId == _lastFailed) return;
        _lastFailed = contentId;
        _failuresInARow++;
    }

    /// <summary>
    /// Whether a refusal is a configuration fault. AlipayHK's front end may refuse a single item without signing the response, so such
    /// a refusal counts once a second item gets one too, or once the same item is refused again after a probe interval without any success.
    /// </summary>
    private bool IsConfirmed(string contentId, SynchronizeResult result)
    {
        if (_open is not null || result.Verification == SignatureVerification.Valid || result.Code == ClientCodes.ClockFault) return true;
        var now = time.GetUtcNow();
        if (_suspicion is { } earlier && (earlier.ContentId != contentId || now - earlier.At >= options.ProbeInterval)) return true;
        _suspicion ??= new Suspicion(contentId, now);
        return false;
    }

    private void Reset()
    {
        _open = null;
        _epoch++;
        (_failuresInARow, _lastFailed) = (0, null);
        _failedProbes.Clear();
    }

    private void FailProbe(string contentId)
    {
        _open = _open! with { NextProbe = time.GetUtcNow() + options.ProbeInterval };
        AddFailedProbe(contentId);
    }

    // AlipayHK accepted the way we call, so what a person had to correct is corrected. Its own failure is left.
    private void EndConfigurationFault(SynchronizeResult result)
    {
        if (_open is { Cause: TripCause.ConfigurationFault })
            _open = _open with { Cause = TripCause.Breaker, Code = result.Code, Message = result.Message };
    }

    private void AddFailedProbe(string contentId)
    {
        if (_failedProbes.Contains(contentId)) return;
        if (_failedProbes.Count == MaxFailedProbes) _failedProbes.Dequeue();
        _failedProbes.Enqueue(contentId);
    }

    private void Trip(TripCause cause, string contentId, SynchronizeResult result)
    {
        var now = time.GetUtcNow();
        if (_open is null) _epoch++;
        _open = new OpenCircuit(cause, result.Code, result.Message, _open?.Since ?? now, now + options.ProbeInterval);
        if (_suspicion is { } suspicion) AddFailedProbe(suspicion.ContentId);
        AddFailedProbe(contentId);
        _suspicion = null;
    }

    /// <summary>A refusal that no second item has confirmed.</summary>
    private sealed record Suspicion(string ContentId, DateTimeOffset At);
}
