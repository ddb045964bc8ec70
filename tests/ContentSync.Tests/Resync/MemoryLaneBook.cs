using System.Runtime.CompilerServices;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;

namespace ContentSync.Tests.Resync;

/// <summary>Keeps the lanes' standings for as long as the test lasts.</summary>
internal sealed class MemoryLaneBook : ILaneProgressStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string RunId, int Lane), LaneProgress> _standings = [];

    /// <summary>Times it was read.</summary>
    public int Reads { get; private set; }

    public ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var standing = _standings.GetValueOrDefault((pack.RunId, pack.Lane)) ?? new LaneProgress { RunId = pack.RunId, Lane = pack.Lane };
            if (standing.With(pack.Number, counts) is not { } next) return ValueTask.FromResult(false);
            _standings[(pack.RunId, pack.Lane)] = next;
            return ValueTask.FromResult(true);
        }
    }

    public async IAsyncEnumerable<LaneProgress> ListAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        LaneProgress[] standings;
        lock (_lock)
        {
            Reads++;
            standings = [.. _standings.Values.Where(standing => standing.RunId == runId)];
        }

        foreach (var standing in standings) yield return standing;
    }

    public ValueTask DeleteAsync(string runId, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            foreach (var lane in _standings.Keys.Where(lane => lane.RunId == runId).ToArray()) _standings.Remove(lane);
        }

        return ValueTask.CompletedTask;
    }
}
