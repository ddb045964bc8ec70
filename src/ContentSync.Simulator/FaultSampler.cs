namespace ContentSync.Simulator;

/// <summary>Decides for each request which fault fires. For sequential requests, the same seed yields the same faults.</summary>
internal sealed class FaultSampler(GatewayFaults faults)
{
    private readonly Lock _lock = new();
    private readonly Random _random = new(faults.Seed);
    private readonly int[] _seen = new int[faults.All.Count];
    private readonly int[] _fired = new int[faults.All.Count];

    public GatewayFaults Faults => faults;

    public SampledFault Sample()
    {
        if (_seen.Length == 0) return default;
        lock (_lock)
        {
            var latency = TimeSpan.Zero;
            GatewayFault? chosen = null;
            for (var i = 0; i < _seen.Length; i++)
            {
                var fault = faults.All[i];
                if (!Fires(i, fault) || (chosen is not null && fault.Kind != FaultKind.Latency)) continue;
                _fired[i]++;
                if (fault.Kind == FaultKind.Latency) latency = fault.Delay + (fault.Jitter * _random.NextDouble());
                else chosen = fault;
            }

            return new SampledFault(latency, chosen);
        }
    }

    private bool Fires(int index, GatewayFault fault)
    {
        _seen[index]++;
        var hit = fault.EveryNth > 0 ? _seen[index] % fault.EveryNth == 0 : _random.NextDouble() < fault.Probability;
        return hit && _fired[index] < (fault.MaxCount ?? int.MaxValue);
    }
}

/// <summary>The latency and fault of one request.</summary>
internal readonly record struct SampledFault(TimeSpan Latency, GatewayFault? Fault)
{
    public FaultKind? Kind => Fault?.Kind;
}
