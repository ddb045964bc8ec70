namespace ContentSync.Simulation;

/// <summary>All random numbers of one simulation, from its seed: SplitMix64, identical on every platform and runtime.</summary>
internal sealed class SimulatedRandom(ulong seed)
{
    private ulong _state = seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019;

    public ulong NextBits()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>From 0 to below <paramref name="bound"/>.</summary>
    public int Next(int bound) => (int)(NextBits() % (ulong)bound);

    /// <summary>From 0 to below 1.</summary>
    public double NextDouble() => (NextBits() >> 11) * (1.0 / (1ul << 53));

    public bool Chance(double probability) => probability > 0 && NextDouble() < probability;

    public TimeSpan Between(TimeSpan from, TimeSpan to) => from + (to - from) * NextDouble();

    public T Pick<T>(params ReadOnlySpan<T> choices) => choices[Next(choices.Length)];
}
