using System.Runtime.CompilerServices;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;

namespace ContentSync.Tests.Resync.Lanes;

/// <summary>Lane progress in memory, for the time of a test.</summary>
internal sealed class MemoryLaneProgressStore : ILaneProgressStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string RunId, int Lane), LaneProgress> _lanes = [];

    /// <summary>How often it was read.</summary>
    public int Reads { get; private set; }

    public ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var progress = _lanes.GetValueOrDefault((pack.RunId, pack.Lane)) ?? new LaneProgress { RunId = pack.RunId, Lane = pack.Lane };
            if (progress.With(pack.Number, counts) is not { } next) return ValueTask.FromResult(false);
            _lanes[(pack.RunId, pack.Lane)] = next;
            return ValueTask.FromResult(true);
        }
    }

    public async IAsyncEnumerable<LaneProgress> ListAsync(string runId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        LaneProgress[] lanes;
        lock (_lock)
        {
            Reads++;
            lanes = [.. _lanes.Values.Where(progress => progress.RunId == runId)];
        }

        foreach (var progress in lanes) yield return progress;
    }

    public ValueTask DeleteAsync(string runId, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            foreach (var lane in _lanes.Keys.Where(lane => lane.RunId == runId).ToArray()) _lanes.Remove(lane);
        }

        return ValueTask.CompletedTask;
    }
}
