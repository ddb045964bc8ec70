using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>Checks when an item is tried again: within its back-off, spread over all of it, and not beyond its age limit.</summary>
internal sealed class RetryChecker(World world)
{
    /// <summary>As many delays are all in the same half of the range by chance once in 130 million simulations.</summary>
    private const int MinDelays = 28;

    /// <summary>The clocks of two processes differ by the time that their calls to the store took.</summary>
    private static readonly TimeSpan ClockTolerance = TimeSpan.FromMinutes(5);

    /// <summary>The longest Retry-After of the simulated AlipayHK.</summary>
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromMinutes(10);

    private readonly bool _isPauseUncertain =
        world.Plan.Pauses.Count > 0 && world.Plan.MachineEvents.Any(machineEvent => machineEvent.Fault == Fault.ClockJump);

    private int _short;
    private int _long;

    public void Written(SyncRecord? old, SyncRecord next)
    {
        if (old?.Lease is null || next.RequestId != old.RequestId || Equals(next.LastAttempt, old.LastAttempt)) return;
        if (next.LastAttempt is not { } attempt || attempt.RequestId != next.RequestId) return;
        var options = world.Plan.Recoverability;

        // An item does not age while sending is paused, and a clock that jumps meanwhile makes a pause longer or shorter.
        var maxAge = options.MaxAge + ClockTolerance + world.Invariants.Pauses.Total;
        var isTooOld = !_isPauseUncertain && attempt.At - next.AcceptedAt >= maxAge && next.Attempts * 2 >= options.MaxAttempts;
        if (next is { State: SyncState.Parked, ParkReason: ParkReason.AgeExceeded })
        {
            var age = attempt.At - next.AcceptedAt;
            if (age < options.MaxAge - ClockTolerance || next.Attempts * 2 < options.MaxAttempts)
                Report(Invariant.AgeIsLimited, $"{next.ContentId} is parked for its age {age}, after {next.Attempts} attempts");
        }

        // A deferral gives the attempt back.
        if (next.State != SyncState.Pending || next.Attempts != old.Attempts || next.DueAt == old.DueAt) return;
        if (isTooOld) Report(Invariant.AgeIsLimited, $"{next.ContentId} is tried again at an age of {attempt.At - next.AcceptedAt}");
        CheckDelay(next, attempt, options.BackOff[Math.Min(next.Attempts, options.BackOff.Count) - 1]);
    }

    public void CheckEnd()
    {
        if (_short + _long >= MinDelays && (_short == 0 || _long == 0))
            Report(Invariant.RetriesAreSpread, $"{_short} delays are shorter than half of the back-off, and {_long} are longer");
    }

    private void CheckDelay(SyncRecord record, SyncAttempt attempt, TimeSpan backOff)
    {
        var delay = record.DueAt - attempt.At;

        // Only a response without a result may ask for another delay.
        var mayAskForDelay = attempt.Code == ClientCodes.HttpStatus;
        var max = mayAskForDelay && backOff < MaxRetryAfter ? MaxRetryAfter : backOff;
        if (delay < TimeSpan.Zero || delay > max) Report(Invariant.RetriesAreSpread, $"{record.ContentId} waits {delay} of {max}");
        if (mayAskForDelay) return;
        if (delay < backOff / 2) _short++;
        else _long++;
    }

    private void Report(Invariant invariant, string text) => world.Invariants.Report(invariant, text);
}
