using ContentSync.Budget;

namespace ContentSync.Simulation;

/// <summary>
/// An operator pauses sending and resumes it, one after the other, through any process that runs, each until it succeeds. A call that does not
/// return is repeated only when its process has ended: one that goes on later could otherwise undo what the operator did meanwhile.
/// </summary>
internal sealed class SendOperator(World world)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(3);

    private readonly Queue<(PausePlan Pause, bool IsPause)> _next = new();

    public void Schedule(IEnumerable<PausePlan> pauses)
    {
        foreach (var pause in pauses)
        {
            _next.Enqueue((pause, true));
            _next.Enqueue((pause, false));
        }

        Begin();
    }

    private void Begin()
    {
        if (!_next.TryDequeue(out var step)) return;
        var at = step.IsPause ? step.Pause.From : step.Pause.To;
        if (at > world.Time.Elapsed) world.Time.At(at, () => Call(step.Pause, step.IsPause));
        else Call(step.Pause, step.IsPause);
    }

    private void Call(PausePlan pause, bool isPause)
    {
        var process = world.Machines[world.Random.Next(world.Machines.Count)].Process;
        if (process is not { IsAccepting: true })
        {
            CallLater(pause, isPause);
            return;
        }

        var isDone = false;
        process.Watch(CallAsync());
        CallAgainIfEnded();

        async Task CallAsync()
        {
            try
            {
                await CallOnceAsync(process.SendSwitch, pause, isPause).ConfigureAwait(false);
                world.Invariants.Pauses.Acknowledged(isPause);
                Begin();
            }
            catch (SendStateUnavailableException)
            {
                CallLater(pause, isPause);
            }

            isDone = true;
        }

        void CallAgainIfEnded() => world.Time.After(RetryInterval, () =>
        {
            if (isDone) return;
            if (process.IsAlive) CallAgainIfEnded();
            else Call(pause, isPause);
        });
    }

    private void CallLater(PausePlan pause, bool isPause) => world.Time.After(RetryInterval, () => Call(pause, isPause));

    private static async Task CallOnceAsync(SendSwitch sendSwitch, PausePlan pause, bool isPause)
    {
        if (isPause) await sendSwitch.PauseAsync(pause.ContentType, "maintenance", "operator", CancellationToken.None).ConfigureAwait(false);
        else await sendSwitch.ResumeAsync(pause.ContentType, CancellationToken.None).ConfigureAwait(false);
    }
}

/// <summary>Checks that a pause is kept, whatever crashes, and that nothing is sent meanwhile except what was under way.</summary>
internal sealed class PauseChecker(World world)
{
    private TimeSpan? _pausedSince;
    private TimeSpan _ended;

    /// <summary>How long sending was paused in all, until now.</summary>
    public TimeSpan Total => _ended + (_pausedSince is { } since ? world.Time.Elapsed - since : TimeSpan.Zero);

    /// <summary>The document that all processes share was written.</summary>
    public void Written(SharedSendState state)
    {
        if (state.PauseOf("SKU") is null) (_ended, _pausedSince) = (Total, null);
        else _pausedSince ??= world.Time.Elapsed;
    }

    /// <summary>An operator was answered that sending is paused, or resumed.</summary>
    public void Acknowledged(bool isPaused)
    {
        world.Trace.Write("operator", $"{(isPaused ? "paused" : "resumed")} sending");
        if (isPaused != _pausedSince is not null)
            world.Invariants.Report(Invariant.PausesAreKept, $"the operator {(isPaused ? "paused" : "resumed")} sending, but nobody remembers it");
    }

    /// <summary>A request leaves a process.</summary>
    public void Sent(AlipayHkCall call)
    {
        if (_pausedSince is not { } since) return;
        var paused = world.Time.Elapsed - since;
        if (paused > SharedSendingChecker.MaxTimeUntilStopped)
            world.Invariants.Report(Invariant.PausesAreKept, $"{call.Process.Name} sends {call.ContentId} {paused} after the pause began");
    }
}
