using System.Collections.Concurrent;

namespace ContentSync.Simulator;

/// <summary>Thread-safe counters behind <see cref="GatewayStats"/>.</summary>
internal sealed class GatewayCounters
{
    private readonly ConcurrentDictionary<string, long> _results = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _faults = new(StringComparer.Ordinal);
    private long _requests;
    private long _effects;
    private long _signaturesVerified;
    private long _overlapping;
    private long _reused;

    public void Request() => Interlocked.Increment(ref _requests);

    public void Effect() => Interlocked.Increment(ref _effects);

    public void SignatureVerified() => Interlocked.Increment(ref _signaturesVerified);

    public void Overlap() => Interlocked.Increment(ref _overlapping);

    public void ReusedRequestId() => Interlocked.Increment(ref _reused);

    public void Result(string code) => _results.AddOrUpdate(code, 1, (_, count) => count + 1);

    public void Fault(FaultKind kind) => _faults.AddOrUpdate(FaultNames.NameOf(kind), 1, (_, count) => count + 1);

    public GatewayStats Read(int items) => new()
    {
        Requests = Interlocked.Read(ref _requests),
        Effects = Interlocked.Read(ref _effects),
        Items = items,
        SignaturesVerified = Interlocked.Read(ref _signaturesVerified),
        OverlappingRequests = Interlocked.Read(ref _overlapping),
        ReusedRequestIds = Interlocked.Read(ref _reused),
        Results = new SortedDictionary<string, long>(_results, StringComparer.Ordinal),
        Faults = new SortedDictionary<string, long>(_faults, StringComparer.Ordinal),
    };
}
