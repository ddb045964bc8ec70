namespace ContentSync.Simulation;

/// <summary>Result of one simulation.</summary>
internal sealed record SimulationRun(
    Plan Plan,
    Violation? Violation,
    TimeSpan Elapsed,
    FaultCounts Faults,
    long AlipayHkCalls,
    int PortCalls,
    int DiskWrites,
    long DeadLetters,
    IReadOnlyList<string> Trace)
{
    public static SimulationRun Of(Plan plan, SimulatedKeys keys, bool isTraced = false)
    {
        var world = new World(plan, keys, isTraced);
        world.Run();
        return Of(world);
    }

    public static SimulationRun Of(World world) => new(
        world.Plan,
        world.Invariants.Violation,
        world.Time.Elapsed,
        world.Faults,
        world.AlipayHk.Calls,
        world.PortCalls,
        world.DiskWrites,
        world.Broker.DeadLetters,
        world.Trace.Lines);
}
