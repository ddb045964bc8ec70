using ContentSync.Ledger;

namespace ContentSync.Resync;

/// <summary>
/// Brings the counts of ended runs up to date: an item that failed in a run may have been delivered by a retry since, or after a replay.
/// Thread-safe.
/// </summary>
public sealed class RunOutcomes(Func<SyncRecordFilter, CancellationToken, IAsyncEnumerable<ListedItem>> list)
{
    /// <summary>The runs with the counts of now; unchanged if nothing of them was open when they ended.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be read.</exception>
    public async Task<IReadOnlyList<ResyncRun>> RefreshAsync(IReadOnlyList<ResyncRun> runs, CancellationToken cancellationToken)
    {
        var isOpen = runs.Where(IsOpen).ToList();
        if (isOpen.Count == 0) return runs;
        var ids = isOpen.SelectMany(run => run.Open?.Ids ?? []).ToHashSet(StringComparer.Ordinal);
        var states = new Dictionary<string, OpenItem>(ids.Count, StringComparer.Ordinal);
        var all = await OpenItems.ReadAsync(list, Add, cancellationToken).ConfigureAwait(false);
        return [.. runs.Select(run => IsOpen(run) ? Refresh(run, states, all) : run)];

        void Add(ListedItem record)
        {
            if (ids.Contains(record.ContentId)) states[record.ContentId] = OpenItem.Of(record);
        }
    }

    private static bool IsOpen(ResyncRun run) =>
        run.State == ResyncRunState.Completed && (run.Counts.Failed + run.Counts.Parked > 0 || run.Open is { Pending: > 0 } or { Parked: > 0 });

    private static ResyncRun Refresh(ResyncRun run, Dictionary<string, OpenItem> states, OpenItems all)
    {
        var now = Now(run.Open, states, all);
        var counts = run.Counts;
        var failed = Math.Min(counts.Failed, now.Pending);
        var parked = Math.Min(counts.Parked + counts.Failed - failed, now.Parked);
        counts = counts with { Failed = failed, Parked = parked, Sent = counts.Sent + counts.Failed + counts.Parked - failed - parked };
        return run with { Counts = counts, Open = now, Message = ResyncRunner.EndMessage(run with { Counts = counts }, now) };
    }

    private static OpenItems Now(OpenItems? then, Dictionary<string, OpenItem> states, OpenItems all)
    {
        // The ids are complete unless there were very many; without them, no more can be open than in the whole ledger.
        if (then is null || then.Pending + then.Parked > then.Ids.Count)
        {
            if (then is null) return all;
            var count = then.Pending + then.Parked;
            return then with { Pending = Math.Min(count, all.Pending), Parked = Math.Min(count, all.Parked) };
        }

        OpenItem[] open = [.. then.Ids.Where(states.ContainsKey).Select(id => states[id])];
        return new OpenItems
        {
            Pending = open.Count(item => item.State == SyncState.Pending),
            Parked = open.Count(item => item.State == SyncState.Parked),
            First = [.. open.OrderBy(item => item.State != SyncState.Parked).Take(OpenItems.MaxNamed)],
            Ids = then.Ids,
        };
    }
}
