using ContentSync.Http;

namespace ContentSync.Local.CommandLine;

/// <summary>Finds what has happened to items since the last look: an attempt ended, or new content was accepted.</summary>
/// <param name="query">Which items.</param>
/// <param name="from">Since when.</param>
internal sealed class OutcomeFollower(ListQuery query, DateTimeOffset from)
{
    /// <summary>Items per look; a whole catalog may have been sent meanwhile.</summary>
    public const int MaxItems = 1_000;

    /// <summary>How much of the past each look covers again, because instances record with clocks that differ a little.</summary>
    public static readonly TimeSpan Overlap = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, (DateTimeOffset At, string State)> _seen = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _from = from;
    private DateTimeOffset _newest = from;

    /// <summary>Looks once.</summary>
    /// <param name="list">Lists the items that match.</param>
    /// <param name="cancellationToken">Ends the look; the next one repeats it.</param>
    /// <returns>What happened, oldest first, and how many more items there were than are returned.</returns>
    public async Task<(IReadOnlyList<ContentState> Items, long LeftOut)> LookAsync(
        Func<ListQuery, CancellationToken, IAsyncEnumerable<ContentState>> list, CancellationToken cancellationToken)
    {
        var found = new List<ContentState>();
        var (newest, leftOut) = (_newest, 0L);
        await foreach (var item in list(query with { From = Earliest(_newest) }, cancellationToken).ConfigureAwait(false))
        {
            var now = (At: At(item), State(item));
            if (now.At < _from || _seen.GetValueOrDefault(item.ContentId) == now) continue;
            _seen[item.ContentId] = now;
            if (now.At > newest) newest = now.At;
            if (found.Count < MaxItems) found.Add(item);
            else leftOut++;
        }

        _newest = newest;
        foreach (var (contentId, _) in _seen.Where(seen => seen.Value.At < Earliest(newest)).ToList()) _seen.Remove(contentId);
        return ([.. found.OrderBy(At)], leftOut);
    }

    /// <summary>When the last thing happened to an item.</summary>
    public static DateTimeOffset At(ContentState item) =>
        item.LastAttempt is { } last && last.At > item.AcceptedAt ? last.At : item.AcceptedAt;

    private DateTimeOffset Earliest(DateTimeOffset time) => time - Overlap < _from ? _from : time - Overlap;

    private static string State(ContentState item) => $"{item.State} {item.Attempts} {item.Revision}";
}
