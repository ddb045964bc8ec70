using System.Globalization;

namespace ContentSync.Simulation;

/// <summary>
/// Checks that the lanes of one process begin no more items than their part of the send rate allows, in any window, so that the share that is
/// reserved for single changes stays free. What a lane repeats for an item is not counted: it takes no other turn.
/// </summary>
internal sealed class LaneRateChecker(World world, string process)
{
    /// <summary>What the limiter makes up for, because timers fire late.</summary>
    private static readonly TimeSpan MaxLateness = TimeSpan.FromMilliseconds(250);

    private readonly AsyncLocal<HashSet<string>?> _lane = new();
    private readonly TimeSpan _interval = IntervalOf(world.Plan);
    private readonly int _maxWaiting = world.Plan.Bulk?.Options(world.Plan) is { } options ? options.Lanes * options.InFlightPerLane : 0;
    private TimeSpan _next = TimeSpan.MinValue;

    /// <summary>From here on, what this code and what it calls sends belongs to a lane.</summary>
    public void Enter() => _lane.Value = new HashSet<string>(StringComparer.Ordinal);

    /// <summary>What follows no longer belongs to a lane.</summary>
    public void Leave() => _lane.Value = null;

    /// <summary>An attempt begins.</summary>
    public void Begins(string contentId)
    {
        if (_lane.Value is not { } begun || !begun.Add(contentId)) return;
        var now = world.Time.Elapsed;
        _next = (_next > now ? _next : now) + _interval;

        // Items that have their turn may wait for AlipayHK, and then begin together.
        var ahead = _next - now - MaxLateness;
        if (ahead <= _interval * (_maxWaiting + 1)) return;
        var items = ahead / _interval;
        world.Invariants.Report(
            Invariant.LanesKeepTheirRate,
            string.Create(CultureInfo.InvariantCulture, $"{process} begins {contentId} {items:0.#} turns ahead of its rate; {_maxWaiting + 1} are allowed"));
    }

    private static TimeSpan IntervalOf(Plan plan)
    {
        if (plan.Bulk is not { } bulk) return TimeSpan.Zero;
        var options = bulk.Options(plan);
        return TimeSpan.FromSeconds(1 / (options.SendsPerSecond * (1 - options.ReservedShare)));
    }
}
