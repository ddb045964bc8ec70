using System.Globalization;
using System.Text.Json.Serialization;

namespace ContentSync.Resync.Lanes;

/// <summary>What one lane has done of a run whose packs a broker carries. A broker repeats messages and may bring them out of order, so it is known of each pack whether it was counted.</summary>
public sealed record LaneProgress
{
    public required string RunId { get; init; }

    public required int Lane { get; init; }

    /// <summary>What became of the packs that were counted.</summary>
    public RunCounts Counts { get; init; } = new();

    /// <summary>Numbers of the packs that were counted, as ranges in ascending order, none touching the next: <c>0-17,19</c>.</summary>
    public string Packs { get; init; } = "";

    /// <summary>How many packs were counted.</summary>
    [JsonIgnore]
    public long CountedPacks => Ranges().Sum(range => range.Last - range.First + 1);

    /// <summary>Counts a pack.</summary>
    /// <returns>The next standing; null where the pack was counted before.</returns>
    public LaneProgress? With(long pack, RunCounts counts)
    {
        var ranges = Ranges();
        if (ranges.Exists(range => range.First <= pack && pack <= range.Last)) return null;
        ranges.Add((pack, pack));
        ranges.Sort();
        var merged = new List<(long First, long Last)>(ranges.Count);
        foreach (var range in ranges)
        {
            if (merged.Count > 0 && merged[^1].Last + 1 == range.First) merged[^1] = (merged[^1].First, range.Last);
            else merged.Add(range);
        }

        return this with { Counts = Counts + counts, Packs = string.Join(',', merged.Select(Text)) };
    }

    private List<(long First, long Last)> Ranges() =>
    [
        .. Packs.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(range => range.Split('-')).Select(ends => (Number(ends[0]), Number(ends[^1]))),
    ];

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static string Text((long First, long Last) range) =>
        range.First == range.Last ? range.First.ToString(CultureInfo.InvariantCulture) : string.Create(CultureInfo.InvariantCulture, $"{range.First}-{range.Last}");
}

/// <summary>Keeps the standing of each lane of each run that a broker's packs belong to.</summary>
public interface ILaneProgressStore
{
    /// <summary>Counts a pack once, however often it is told of.</summary>
    /// <returns>Whether it was counted now; false where it was counted before.</returns>
    /// <exception cref="IOException">The book cannot be written.</exception>
    ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken);

    /// <summary>The standings of a run's lanes, those that have counted anything.</summary>
    /// <exception cref="IOException">The book cannot be read.</exception>
    IAsyncEnumerable<LaneProgress> ListAsync(string runId, CancellationToken cancellationToken);

    /// <summary>Forgets a run's lanes.</summary>
    /// <exception cref="IOException">The book cannot be written.</exception>
    ValueTask DeleteAsync(string runId, CancellationToken cancellationToken);
}
