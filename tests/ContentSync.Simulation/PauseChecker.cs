using ContentSync.Budget;

namespace ContentSync.Simulation;

/// <summary>An operator pauses sending and resumes it, through any process that runs, until it succeeds.</summary>
internal sealed class SendOperator(World world)
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(3);

    public void Schedule(PausePlan pause)
    {
        world.Time.At(pause.From, () => Call(pause, isPause: true));
        world.Time.At(pause.To, () => Call(pause, isPause: false));
    }

    private void Call(PausePlan pause, bool isPause)
    {
        var process = world.Machines[world.Random.Next(world.Machines.Count)].Process;
        if (process is { IsAccepting: true }) process.Watch(CallAsync(process.SendSwitch, pause, isPause));
        else world.Time.After(RetryInterval, () => Call(pause, isPause));
    }

    private async Task CallAsync(SendSwitch sendSwitch, PausePlan pause, bool isPause)
    {
        try
        {
            if (isPause) await sendSwitch.PauseAsync(pause.ContentType, "maintenance", "operator", CancellationToken.None).ConfigureAwait(false);
            else await sendSwitch.ResumeAsync(pause.ContentType, CancellationToken.None).ConfigureAwait(false);
            world.Invariants.Pauses.Acknowledged(isPause);
        }
        catch (SendStateUnavailableException)
        {
            world.Time.After(RetryInterval, () => Call(pause, isPause));
        }
    }
}

/// <summary>Checks that a pause is kept, whatever crashes, and that nothing is sent meanwhile except what was under way.</summary>
internal sealed class PauseChecker(World world)
{
    private TimeSpan? _pausedSince;

    /// <summary>The document that all processes share was written.</summary>
    public void Written(SharedSendState state)
    {
        if (state.PauseOf("SKU") is null) _pausedSince = null;
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
