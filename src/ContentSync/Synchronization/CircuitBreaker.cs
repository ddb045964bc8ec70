using ContentSync.AlipayHk;

namespace ContentSync.Synchronization;

/// <summary>Why sending is stopped.</summary>
public enum TripCause
{
    /// <summary>AlipayHK does not accept how we call: signature, Client-Id, path. Somebody has to mend a setting or a key.</summary>
    ConfigurationFault,

    /// <summary>Too many failures in a row: AlipayHK, the network or the signer is down.</summary>
    Breaker,
}

/// <summary>A stop of all sending.</summary>
/// <param name="Cause">Why.</param>
/// <param name="Code">The code of the answer that caused it.</param>
/// <param name="Message">That answer's message.</param>
/// <param name="Since">When it began.</param>
/// <param name="NextProbe">When one content is let through to see whether it is over.</param>
public sealed record OpenCircuit(TripCause Cause, string Code, string Message, DateTimeOffset Since, DateTimeOffset NextProbe);

/// <summary>The right to make one call.</summary>
/// <param name="Epoch">Which stretch of open or stopped sending it belongs to.</param>
/// <param name="IsProbe">Its answer decides whether sending starts again.</param>
public readonly record struct SendPermit(long Epoch, bool IsProbe);

/// <summary>
/// Circuit breaker and configuration-fault stop in one, shared by everything in the process that sends. While stopped, one
/// probe at a time is let through, one per probe interval; a probe that AlipayHK answers properly opens it again.
/// A library's breaker does not fit: a configuration fault must stop at the first answer, not at a failure ratio.
/// </summary>
public sealed class CircuitBreaker(RecoverabilityOptions options, TimeProvider time)
{
    private readonly Lock _lock = new();
    private OpenCircuit? _stop;
    private bool _probing;
    private int _failuresInARow;
    private long _epoch;

    /// <summary>The stop in force, or null while sending flows.</summary>
    public OpenCircuit? OpenState
    {
        get
        {
            lock (_lock) return _stop;
        }
    }

    /// <summary>Asks to make one call. Every permit must come back through <see cref="Report"/> or <see cref="Return"/>.</summary>
    /// <param name="permit">The right to call.</param>
    /// <param name="wait">How long to stay away where it was refused.</param>
    public bool TryEnter(out SendPermit permit, out TimeSpan wait)
    {
        lock (_lock)
        {
            permit = new SendPermit(_epoch, false);
            wait = TimeSpan.Zero;
            if (_stop is null) return true;
            var now = time.GetUtcNow();
            if (!_probing && now >= _stop.NextProbe)
            {
                _probing = true;
                _stop = _stop with { NextProbe = now + options.ProbeInterval };
                permit = new SendPermit(_epoch, true);
                return true;
            }

            // A clock that jumped back must not prolong the stop: no wait is longer than the interval.
            wait = _stop.NextProbe - now;
            if (wait <= TimeSpan.Zero) wait = options.ProbeInterval;
            if (wait > options.ProbeInterval)
            {
                wait = options.ProbeInterval;
                _stop = _stop with { NextProbe = now + wait };
            }

            return false;
        }
    }

    /// <summary>Tells what the permitted call came to.</summary>
    public void Report(SendPermit permit, SynchronizeResult answer)
    {
        lock (_lock)
        {
            if (permit.IsProbe) _probing = false;
            switch (answer.Kind)
            {
                case SynchronizeResultKind.Succeeded or SynchronizeResultKind.Rejected:
                    // A call that began before the stop says nothing about whether it is over.
                    if (_stop is not null && permit.IsProbe) Reset();
                    if (_stop is null) _failuresInARow = 0;
                    break;
                case SynchronizeResultKind.SigningUnavailable when answer.Code == ClientCodes.SendBudgetSpent:
                    // Our own limit: nobody is down.
                    if (_stop is not null && permit.IsProbe) _stop = _stop with { NextProbe = time.GetUtcNow() };
                    break;
                case SynchronizeResultKind.ConfigurationFault:
                    Trip(TripCause.ConfigurationFault, answer);
                    break;
                default:
                    // From its end on: a probe may have been long on its way.
                    if (_stop is not null && permit.IsProbe) _stop = _stop with { NextProbe = time.GetUtcNow() + options.ProbeInterval };
                    if (_stop is null && permit.Epoch == _epoch && ++_failuresInARow >= options.BreakerThreshold) Trip(TripCause.Breaker, answer);
                    break;
            }
        }
    }

    /// <summary>Gives a permit back unused.</summary>
    public void Return(SendPermit permit)
    {
        if (!permit.IsProbe) return;
        lock (_lock)
        {
            _probing = false;
            if (_stop is not null) _stop = _stop with { NextProbe = time.GetUtcNow() };
        }
    }

    private void Reset()
    {
        _stop = null;
        _epoch++;
        _failuresInARow = 0;
    }

    private void Trip(TripCause cause, SynchronizeResult answer)
    {
        var now = time.GetUtcNow();
        if (_stop is null) _epoch++;
        _stop = new OpenCircuit(cause, answer.Code, answer.Message, _stop?.Since ?? now, now + options.ProbeInterval);
    }
}
