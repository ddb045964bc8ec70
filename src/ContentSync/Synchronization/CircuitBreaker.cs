using ContentSync.AlipayHk;
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
/// <param name="Cause">Why it tripped.</param>
/// <param name="Code">Code of the result that tripped it.</param>
/// <param name="Message">Message of that result.</param>
/// <param name="Since">When it tripped first; a failed probe does not change it.</param>
/// <param name="NextProbe">When the next probe is let through.</param>
public sealed record OpenCircuit(TripCause Cause, string Code, string Message, DateTimeOffset Since, DateTimeOffset NextProbe);

/// <summary>Permission for one call.</summary>
/// <param name="Epoch">Incremented whenever the circuit breaker trips or resets; identifies the period in which the call began.</param>
/// <param name="IsProbe">Whether the call is a probe, whose result decides whether the circuit breaker resets.</param>
public readonly record struct SendPermit(long Epoch, bool IsProbe);

/// <summary>
/// Stops all sending while AlipayHK, the network, the signer or our configuration fails. Shared by every sender in the process.
/// While open, it lets one probe at a time through, one per probe interval; a probe that AlipayHK accepts or rejects resets it.
/// Library circuit breakers do not fit: a configuration fault must trip at the first result, not at a failure ratio.
/// </summary>
public sealed class CircuitBreaker(RecoverabilityOptions options, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    private readonly Lock _lock = new();
    private OpenCircuit? _open;
    private bool _probing;
    private int _consecutiveFailures;
    private long _epoch;

    /// <summary>The open state; null while the circuit breaker is closed.</summary>
    public OpenCircuit? OpenState
    {
        get
        {
            lock (_lock) return _open;
        }
    }

    /// <summary>Asks for permission for one call. Every permit must end in <see cref="Report"/> or <see cref="Return"/>.</summary>
    /// <param name="permit">The permit; use it only if this method returns true.</param>
    /// <param name="wait">If refused, how long to wait before asking again; at most one probe interval.</param>
    public bool TryEnter(out SendPermit permit, out TimeSpan wait)
    {
        lock (_lock)
        {
            permit = new SendPermit(_epoch, false);
            wait = TimeSpan.Zero;
            if (_open is null) return true;
            var now = time.GetUtcNow();
            if (!_probing && now >= _open.NextProbe)
            {
                _probing = true;
                _open = _open with { NextProbe = now + options.ProbeInterval };
                permit = new SendPermit(_epoch, true);
                return true;
            }

            // A clock that jumped back must not delay the next probe by more than one interval.
            wait = _open.NextProbe - now;
            if (wait <= TimeSpan.Zero) wait = options.ProbeInterval;
            if (wait > options.ProbeInterval)
            {
                wait = options.ProbeInterval;
                _open = _open with { NextProbe = now + wait };
            }

            return false;
        }
    }

    /// <summary>Reports the result of a permitted call.</summary>
    public void Report(SendPermit permit, SynchronizeResult result)
    {
        lock (_lock)
        {
            if (permit.IsProbe) _probing = false;
            switch (result.Kind)
            {
                case SynchronizeResultKind.Succeeded or SynchronizeResultKind.Rejected:
                    // A call that began before the trip does not prove that the fault is gone.
                    if (_open is not null && permit.IsProbe) Reset();
                    if (_open is null) _consecutiveFailures = 0;
                    break;
                case SynchronizeResultKind.SigningUnavailable when result.Code == ClientCodes.SendBudgetSpent:
                    // This is our own limit, not a failure.
                    if (_open is not null && permit.IsProbe) _open = _open with { NextProbe = time.GetUtcNow() };
                    break;
                case SynchronizeResultKind.ConfigurationFault:
                    Trip(TripCause.ConfigurationFault, result);
                    break;
                default:
                    // The interval starts when a probe ends, because a probe may take long.
                    if (_open is not null && permit.IsProbe) _open = _open with { NextProbe = time.GetUtcNow() + options.ProbeInterval };
                    if (_open is null && permit.Epoch == _epoch && ++_consecutiveFailures >= options.BreakerThreshold)
                        Trip(TripCause.Breaker, result);
                    break;
            }
        }
    }

    /// <summary>Returns a permit that was not used.</summary>
    public void Return(SendPermit permit)
    {
        if (!permit.IsProbe) return;
        lock (_lock)
        {
            _probing = false;
            if (_open is not null) _open = _open with { NextProbe = time.GetUtcNow() };
        }
    }

    private void Reset()
    {
        _open = null;
        _epoch++;
        _consecutiveFailures = 0;
    }

    private void Trip(TripCause cause, SynchronizeResult result)
    {
        var now = time.GetUtcNow();
        if (_open is null) _epoch++;
        _open = new OpenCircuit(cause, result.Code, result.Message, _open?.Since ?? now, now + options.ProbeInterval);
    }
}
