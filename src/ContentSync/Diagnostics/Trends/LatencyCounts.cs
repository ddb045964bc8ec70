namespace ContentSync.Diagnostics.Trends;

/// <summary>
/// How many durations fell into each of <see cref="Ranges"/> ranges. A range is 1.41 times as long as the one before, so the counts of any
/// number of processes can be added up, and a quantile of the sum is off by a fifth at most. Not thread-safe.
/// </summary>
public sealed class LatencyCounts
{
    /// <summary>Number of ranges. The first ends at 0.25 ms, the last but one at 33 s; the last one has no end.</summary>
    public const int Ranges = 36;

    private const double FirstSeconds = 0.00025;

    private readonly long[] _counts = new long[Ranges];

    /// <summary>Number of durations.</summary>
    public long Total { get; private set; }

    /// <summary>Adds one duration.</summary>
    public void Add(TimeSpan duration) => Add(RangeOf(duration.TotalSeconds), 1);

    /// <summary>Adds durations of one range.</summary>
    /// <param name="range">From 0; one beyond the last counts as the last.</param>
    /// <param name="count">How many.</param>
    public void Add(int range, long count)
    {
        _counts[Math.Clamp(range, 0, Ranges - 1)] += count;
        Total += count;
    }

    /// <summary>Adds the durations of another process or minute.</summary>
    public void Add(LatencyCounts other)
    {
        for (var range = 0; range < Ranges; range++) _counts[range] += other._counts[range];
        Total += other.Total;
    }

    /// <summary>The duration that a share of all durations does not exceed.</summary>
    /// <param name="share">Above 0, at most 1; 0.5 for the median.</param>
    /// <returns>Seconds; null without any duration.</returns>
    public double? Quantile(double share)
    {
        if (Total == 0) return null;
        var rank = share * Total;
        var below = 0L;
        for (var range = 0; range < Ranges; range++)
        {
            if (_counts[range] == 0 || below + _counts[range] < rank)
            {
                below += _counts[range];
                continue;
            }

            var start = range == 0 ? 0 : End(range - 1);
            return start + ((End(range) - start) * ((rank - below) / _counts[range]));
        }

        return End(Ranges - 1);
    }

    /// <summary>Range and count of each range that is not empty, one after the other.</summary>
    internal IEnumerable<long> ToPairs()
    {
        for (var range = 0; range < Ranges; range++)
        {
            if (_counts[range] == 0) continue;
            yield return range;
            yield return _counts[range];
        }
    }

    /// <summary>Reads what <see cref="ToPairs"/> returned.</summary>
    internal static LatencyCounts OfPairs(IReadOnlyList<long>? pairs)
    {
        var counts = new LatencyCounts();
        for (var i = 0; i + 1 < (pairs?.Count ?? 0); i += 2) counts.Add((int)Math.Clamp(pairs![i], 0, Ranges - 1), Math.Max(0, pairs[i + 1]));
        return counts;
    }

    private static double End(int range) => FirstSeconds * Math.Pow(2, range / 2.0);

    private static int RangeOf(double seconds) =>
        seconds <= FirstSeconds ? 0 : (int)Math.Min(Ranges - 1, Math.Ceiling(2 * Math.Log2(seconds / FirstSeconds)));
}
