using System.Globalization;
using System.Text.Json.Serialization;

namespace ContentSync.Resync.Lanes;

/// <summary>
/// The progress of one lane in a run whose packs a broker carries. A broker may repeat messages and deliver them out of order, so the
/// number of every counted pack is kept.
/// </summary>
public sealed record LaneProgress
{
    public required string RunId { get; init; }

    public required int Lane { get; init; }

    /// <summary>Counts of the packs that were sent.</summary>
    public RunCounts Counts { get; init; } = new();

    /// <summary>Numbers of the counted packs, as ascending ranges, merged where they adjoin: <c>0-17,19</c>.</summary>
    public string Packs { get; init; } = "";

    /// <summary>How many packs were counted.</summary>
    [JsonIgnore]
    public long CountedPacks => Ranges().Sum(range => range.Last - range.First + 1);

    /// <summary>Counts a pack.</summary>
    /// <returns>The new progress; null if the pack was counted before.</returns>
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
        .. Packs
            .Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(range => range.Split('-'))
            .Select(ends => (Number(ends[0]), Number(ends[^1]))),
    ];

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private static string Text((long First, long Last) range) => range.First == range.Last
        ? range.First.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{range.First}-{range.Last}");
}

/// <summary>Stores the progress of every lane of every run whose packs a broker carries.</summary>
public interface ILaneProgressStore
{
    /// <summary>Counts a pack once, however often this is called for it.</summary>
    /// <returns>Whether it was counted now; false if it was counted before.</returns>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask<bool> CountAsync(ResyncPack pack, RunCounts counts, CancellationToken cancellationToken);

    /// <summary>The progress of a run's lanes; lanes that have counted nothing are left out.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    IAsyncEnumerable<LaneProgress> ListAsync(string runId, CancellationToken cancellationToken);

    /// <summary>Deletes the progress of a run's lanes.</summary>
    /// <exception cref="IOException">The store cannot be written.</exception>
    ValueTask DeleteAsync(string runId, CancellationToken cancellationToken);
}
