using ContentSync.Budget;

namespace ContentSync.Simulation;

/// <summary>Checks what all processes together must keep to: the send budget in every window, and one probe at a time.</summary>
internal sealed class SharedSendingChecker(World world)
{
    /// <summary>
    /// Time after a trip or a pause within which requests may leave that are no probes. A process that cannot reach the store learns of the trip when its
    /// lease ends, and a request that was permitted before may wait for half its timeout.
    /// </summary>
    public static readonly TimeSpan MaxTimeUntilStopped = SendBudget.LeaseDuration + SendSwitch.MaxAge + TimeSpan.FromSeconds(20);

    /// <summary>The clocks of two front ends differ, and tell whole seconds.</summary>
    private static readonly TimeSpan MaxProbeDeviation = SendBudget.MaxClockDifference + TimeSpan.FromSeconds(3);

    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(15);

    private readonly TimeSpan _window = BudgetRule.Window(world.Plan.MaxSendsPerSecond);
    private readonly int _max = Math.Max(1, (int)world.Plan.MaxSendsPerSecond);
    private readonly Queue<TimeSpan> _left = new();
    private readonly List<(TimeSpan At, AlipayHkCall Call)> _probes = [];
    private TimeSpan? _openSince;

    /// <summary>A request leaves a process.</summary>
    public void Sent(AlipayHkCall call)
    {
        var now = world.Time.Elapsed;
        while (_left.TryPeek(out var oldest) && now - oldest >= _window) _left.Dequeue();
        _left.Enqueue(now);
        if (_left.Count > _max)
        {
            world.Invariants.Report(
                Invariant.QuotasRespected, $"{_left.Count} requests left within {_window.TotalSeconds:0.#} s; {_max} are allowed");
        }

        if (world.SendState.OpenSince is { } since && now - since > MaxTimeUntilStopped) Probed(since, now, call);
    }

    private void Probed(TimeSpan openSince, TimeSpan now, AlipayHkCall call)
    {
        if (openSince != _openSince) _probes.Clear();
        _openSince = openSince;

        // A process whose probe was accepted sends, even if it cannot write so yet.
        if (_probes.Exists(probe => probe.Call.Process == call.Process && probe.Call.IsAccepted)) return;
        if (_probes is [.., var (at, last)])
        {
            if (last.IsOpen && now - at < RequestTimeout)
                world.Invariants.Report(Invariant.OneProbe, $"{call.Process.Name} probes while {last.Process.Name} does");
            if (now - at < world.Plan.Recoverability.ProbeInterval - MaxProbeDeviation)
                world.Invariants.Report(Invariant.OneProbe, $"{call.Process.Name} probes {now - at} after {last.Process.Name}");
        }

        _probes.Add((now, call));
    }
}
