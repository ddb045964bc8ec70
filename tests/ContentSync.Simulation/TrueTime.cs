namespace ContentSync.Simulation;

/// <summary>The true time of a simulation, as a clock that only tells the time.</summary>
internal sealed class TrueTime(World world) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => world.Time.Now;

    public override long GetTimestamp() => world.Time.Elapsed.Ticks;
}
