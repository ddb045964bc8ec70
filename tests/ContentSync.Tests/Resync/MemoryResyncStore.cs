using System.Globalization;
using System.Runtime.CompilerServices;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Tests.Resync;

/// <summary>Runs and plans in memory, for the time of a test.</summary>
internal sealed class MemoryResyncStore : IResyncStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ResyncHistory> _histories = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _plans = new(StringComparer.Ordinal);

    public bool IsUnavailable { get; set; }

    public void LosePlans()
    {
        lock (_lock) _plans.Clear();
    }

    public ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken)
    {
        if (IsUnavailable) throw new IOException("The store is unavailable.");
        lock (_lock) return ValueTask.FromResult(_histories.GetValueOrDefault(source));
    }

    public async IAsyncEnumerable<ResyncHistory> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        if (IsUnavailable) throw new IOException("The store is unavailable.");
        ResyncHistory[] histories;
        lock (_lock) histories = [.. _histories.Values];
        foreach (var history in histories) yield return history;
    }

    public ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_histories.GetValueOrDefault(history.Source)?.Version != history.Version) return ValueTask.FromResult<ResyncHistory?>(null);
            var version = int.Parse(history.Version ?? "0", CultureInfo.InvariantCulture) + 1;
            var written = history with { Version = version.ToString(CultureInfo.InvariantCulture) };
            return ValueTask.FromResult<ResyncHistory?>(_histories[history.Source] = written);
        }
    }

    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream();
        await plan.SaveAsync(stream, cancellationToken);
        lock (_lock) _plans[planId] = stream.ToArray();
    }

    public async ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken)
    {
        byte[]? bytes;
        lock (_lock) bytes = _plans.GetValueOrDefault(planId);
        using var stream = new MemoryStream(bytes ?? throw new FileNotFoundException("There is no such plan.", planId));
        return await CatalogPlan.LoadAsync(stream, cancellationToken);
    }

    public ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken)
    {
        lock (_lock) _plans.Remove(planId);
        return ValueTask.CompletedTask;
    }
}
