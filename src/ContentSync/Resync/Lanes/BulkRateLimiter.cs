using ContentSync.Budget;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync.Lanes;

/// <summary>
/// Limits the bulk sends of this process to its bulk part of the send budget, however many lanes it has: a lane that has nothing to send
/// leaves its turns to the others. The reserved share is excluded: it is for single changes, which do not wait here. Without a send budget,
/// <see cref="ResyncOptions.SendsPerSecond"/> applies to each process. Thread-safe; first come, first served.
/// </summary>
public sealed class BulkRateLimiter(ResyncOptions options, SendBudget budget, [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>
    /// Timers fire late, and no lane sends between two pages of a run. The limiter makes up for this much; every request still passes the
    /// send budget, which allows no burst. Without one, it makes up for one turn.
    /// </summary>
    private static readonly TimeSpan MaxLateness = TimeSpan.FromMilliseconds(250);

    /// <summary>The rate may change while a send waits, so its turn is computed again this often.</summary>
    private static readonly TimeSpan MaxSleep = TimeSpan.FromMilliseconds(500);

    private readonly long _began = time.GetTimestamp();
    private readonly Lock _lock = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = new();
    private double _last = double.NegativeInfinity;
    private bool _isTaken;

    private double PerSecond => budget.Ceiling is null ? options.SendsPerSecond * (1 - options.ReservedShare) : budget.BulkPerSecond;

    private double Now => time.GetElapsedTime(_began).TotalSeconds;

    /// <summary>Returns when one more item may be sent.</summary>
    /// <param name="maxWait">How long to wait for a part of the send budget; infinite if no other process could send instead.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>False if this process had no part of the send budget for that long.</returns>
    public async ValueTask<bool> AcquireAsync(TimeSpan maxWait, CancellationToken cancellationToken)
    {
        if (budget.Ceiling is null && options.SendsPerSecond <= 0) return true;
        budget.CountBulkWaiting(1);
        try
        {
            var began = time.GetTimestamp();
            await EnterAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (!await TakeTurnAsync(began, maxWait, cancellationToken).ConfigureAwait(false)) return false;
            }
            finally
            {
                Leave();
            }
        }
        finally
        {
            budget.CountBulkWaiting(-1);
        }

        budget.AskForBulk();
        return true;
    }

    private async ValueTask<bool> TakeTurnAsync(long began, TimeSpan maxWait, CancellationToken cancellationToken)
    {
        while (UntilTurn() is var wait && wait > TimeSpan.Zero)
        {
            if (wait < TimeSpan.MaxValue)
            {
                await time.WaitAsync(wait < MaxSleep ? wait : MaxSleep, cancellationToken).ConfigureAwait(false);
                continue;
            }

            var left = maxWait == Timeout.InfiniteTimeSpan ? maxWait : maxWait - time.GetElapsedTime(began);
            if (left < TimeSpan.Zero && left != Timeout.InfiniteTimeSpan) return false;
            if (!await budget.WaitForBulkAsync(left, cancellationToken).ConfigureAwait(false)) return false;
        }

        return true;
    }

    /// <summary>Takes the turn if it has come, and returns zero; otherwise how long until then, or the maximum without a rate.</summary>
    private TimeSpan UntilTurn()
    {
        var perSecond = PerSecond;
        if (perSecond <= 0) return TimeSpan.MaxValue;
        var now = Now;
        var turn = _last + (1 / perSecond);
        if (turn > now) return TimeSpan.FromSeconds(turn - now) + TimeSpan.FromTicks(1);
        _last = Math.Max(turn, now - Math.Min(MaxLateness.TotalSeconds, budget.Ceiling is null ? 1 / perSecond : double.PositiveInfinity));
        return TimeSpan.Zero;
    }

    // Only the first one waits for a time, because the rate may change.
    private async ValueTask EnterAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource turn;
        lock (_lock)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return;
            }

            turn = new TaskCompletionSource();
            _waiting.AddLast(turn);
        }

        await using var registration = cancellationToken.UnsafeRegister(
            (_, token) =>
            {
                lock (_lock)
                {
                    if (!_waiting.Remove(turn)) return;
                }

                turn.TrySetCanceled(token);
            },
            null).ConfigureAwait(false);
        await turn.Task.ConfigureAwait(false);
    }

    private void Leave()
    {
        TaskCompletionSource next;
        lock (_lock)
        {
            if (_waiting.First is not { } first)
            {
                _isTaken = false;
                return;
            }

            _waiting.RemoveFirst();
            next = first.Value;
        }

        next.TrySetResult();
    }
}
