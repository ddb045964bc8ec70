using System.Text;

namespace ContentSync.Resync.Planning;

/// <summary>
/// When an item that is absent from the catalog is delisted: after it was absent from enough catalogs, and for long enough. An item that
/// appears again starts anew.
/// </summary>
public sealed class GracePeriod
{
    /// <summary>Items that are absent are delisted at once.</summary>
    public static readonly GracePeriod None = new(1, TimeSpan.Zero);

    private readonly Dictionary<PlanKey, Absence> _earlier = [];
    private readonly int _runs;
    private readonly TimeSpan _duration;

    /// <param name="runs">Number of completed runs in a row from whose catalogs an item must be absent; 1 or more.</param>
    /// <param name="duration">How long it must have been absent, from the first of these runs on.</param>
    public GracePeriod(int runs, TimeSpan duration) => (_runs, _duration) = (runs, duration);

    /// <summary>Adds what the last completed run found. Holds about 50 bytes per item in memory.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public async Task ReadAsync(CatalogPlan lastPlan, CancellationToken cancellationToken)
    {
        await foreach (var item in lastPlan.ReadAbsentAsync(cancellationToken).ConfigureAwait(false))
            _earlier[PlanKey.Of(item.ContentId)] = new Absence(item.Since, item.Runs);
    }

    /// <summary>How long an absent item has been absent, if it is not to be delisted yet; null if it is.</summary>
    internal AbsentItem? Waiting(PlanKey key, ReadOnlySpan<byte> contentId, DateTimeOffset now)
    {
        var (since, runs) = _earlier.TryGetValue(key, out var earlier) ? earlier with { Runs = earlier.Runs + 1 } : new Absence(now, 1);
        return runs >= _runs && now - since >= _duration ? null : new AbsentItem(Encoding.UTF8.GetString(contentId), since, runs);
    }

    private readonly record struct Absence(DateTimeOffset Since, int Runs);
}

/// <summary>An item that is listed, absent from the catalog, and not delisted yet.</summary>
/// <param name="ContentId">The item's contentId.</param>
/// <param name="Since">When the first run planned that found it absent.</param>
/// <param name="Runs">Number of runs in a row that found it absent.</param>
public sealed record AbsentItem(string ContentId, DateTimeOffset Since, int Runs);
