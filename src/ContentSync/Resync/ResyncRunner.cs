using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Resync;

/// <summary>
/// Makes AlipayHK equal to a catalog: plans, holds the plan against the guard, and sends what differs page by page. A page is
/// taken into the ledger, split into packs by lane, sent, and written down; the next page is taken in meanwhile. Killed at any
/// moment, the run goes on with the page that it was in, and the ledger knows what of it is in step already.
/// </summary>
/// <param name="planner">Makes the plan.</param>
/// <param name="pages">Takes the planned into the ledger.</param>
/// <param name="sender">Sends the packs.</param>
/// <param name="runs">Remembers.</param>
/// <param name="requestIds">Names the runs.</param>
/// <param name="options">Shares, lanes and paces.</param>
/// <param name="time">Clock.</param>
public sealed class ResyncRunner(
    CatalogPlanner planner, ResyncPages pages, PackSender sender, IResyncRuns runs, RequestIdSource requestIds, ResyncOptions options, TimeProvider time)
{
    /// <summary>Told of every state of the run, from its plan to its end.</summary>
    public event Action<ResyncRun>? Progress;

    /// <summary>Runs, or goes on with the run that was interrupted, until everything planned is accounted for.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the next call goes on from there.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; the next call goes on from there.</exception>
    /// <exception cref="IOException">The run cannot be written down, or the snapshot cannot be read any more.</exception>
    public async Task<ResyncAnswer> RunAsync(ICatalogSource source, ResyncWish wish, CancellationToken cancellationToken)
    {
        var snapshot = await source.FindNewestAsync(cancellationToken).ConfigureAwait(false);
        if (snapshot is null) return new ResyncAnswer(ResyncVerdict.NoSnapshot, $"{source.Name} holds no catalog.");
        var last = await runs.FindAsync(source.Name, cancellationToken).ConfigureAwait(false);
        if (last is { State: ResyncRunState.Completed } && last.Digest == snapshot.Digest && !wish.Again)
            return new ResyncAnswer(ResyncVerdict.HandledAlready, $"{snapshot.Name} was handled already, {last.EndedAt:u}.") { Run = last };
        if (last is { State: ResyncRunState.Sending } && last.Digest == snapshot.Digest && !wish.DryRun)
        {
            using var saved = await runs.LoadPlanAsync(last.RunId, cancellationToken).ConfigureAwait(false);
            return await SendAsync(last, snapshot, saved, cancellationToken).ConfigureAwait(false);
        }

        var (plan, fault) = await planner.PlanAsync(snapshot, cancellationToken).ConfigureAwait(false);
        using (plan)
        {
            if (fault is not null) return new ResyncAnswer(ResyncVerdict.Refused, fault.Message) { Fault = fault };
            var stop = MassDelistGuard.Check(options, plan!.Counts, last?.Plan.Items, wish.AllowShare);
            if (stop is not null) return new ResyncAnswer(ResyncVerdict.Stopped, stop.Reason) { Plan = plan.Counts, Issues = plan.Issues };
            if (wish.DryRun) return new ResyncAnswer(ResyncVerdict.Planned, "Nothing was sent.") { Plan = plan.Counts, Issues = plan.Issues };
            var run = await BeginAsync(source, snapshot, plan, last, cancellationToken).ConfigureAwait(false);
            return run is null ? LostRun(last) : await SendAsync(run, snapshot, plan, cancellationToken).ConfigureAwait(false) with { Issues = plan.Issues };
        }
    }

    /// <summary>Ends a source's interrupted run for good. What it took into the ledger is still delivered.</summary>
    /// <returns>The run; null where none was interrupted, or somebody else has it under way.</returns>
    public async Task<ResyncRun?> CancelAsync(ICatalogSource source, CancellationToken cancellationToken)
    {
        var last = await runs.FindAsync(source.Name, cancellationToken).ConfigureAwait(false);
        return last is { State: ResyncRunState.Sending }
            ? await runs.WriteAsync(last with { State = ResyncRunState.Cancelled, EndedAt = time.GetUtcNow() }, cancellationToken).ConfigureAwait(false)
            : null;
    }

    private async Task<ResyncRun?> BeginAsync(ICatalogSource source, ICatalogSnapshot snapshot, CatalogPlan plan, ResyncRun? last, CancellationToken cancellationToken)
    {
        var runId = requestIds.Create();
        await runs.SavePlanAsync(runId, plan, cancellationToken).ConfigureAwait(false);
        var first = new ResyncRun
        {
            RunId = runId,
            Source = source.Name,
            Digest = snapshot.Digest,
            WrittenAt = snapshot.WrittenAt,
            StartedAt = time.GetUtcNow(),
            State = ResyncRunState.Sending,
            Plan = plan.Counts,
            Counts = new RunCounts { Planned = plan.Selected + plan.Counts.Vanished },
            Version = last?.Version ?? 0,
        };
        return await runs.WriteAsync(first, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ResyncAnswer> SendAsync(ResyncRun run, ICatalogSnapshot snapshot, CatalogPlan plan, CancellationToken cancellationToken)
    {
        Progress?.Invoke(run);
        var paces = Enumerable.Range(0, options.Lanes).Select(_ => new LanePace(options, time)).ToArray();
        await using var upcoming = pages.ReadAsync(run, snapshot, plan, cancellationToken).GetAsyncEnumerator(cancellationToken);
        var more = upcoming.MoveNextAsync().AsTask();
        while (await more.ConfigureAwait(false))
        {
            var page = upcoming.Current;
            more = upcoming.MoveNextAsync().AsTask();
            try
            {
                var results = await Task.WhenAll(page.Packs.GroupBy(pack => pack.Lane).Select(lane => SendLaneAsync(lane, paces[lane.Key], cancellationToken))).ConfigureAwait(false);
                if (results.FirstOrDefault(result => result.Stop is not null)?.Stop is { } stop)
                    return new ResyncAnswer(ResyncVerdict.Interrupted, $"Sending is stopped: AlipayHK answers {stop.Code} ({stop.Message}) Mend that and run it again; it goes on from there.") { Run = run, Plan = run.Plan };
                var counts = results.Aggregate(run.Counts + page.Counts, (sum, result) => sum + result.Counts);
                var written = await runs.WriteAsync(run with { Pages = page.Number + 1, Packs = run.Packs + page.Packs.Count, Counts = counts }, cancellationToken).ConfigureAwait(false);
                if (written is null) return LostRun(run);
                run = written;
                Progress?.Invoke(run);
            }
            finally
            {
                // The reader must not be disposed of while it reads.
                await ((Task)more).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        var ended = await runs.WriteAsync(run with { State = ResyncRunState.Completed, EndedAt = time.GetUtcNow() }, cancellationToken).ConfigureAwait(false);
        if (ended is null) return LostRun(run);
        Progress?.Invoke(ended);
        return new ResyncAnswer(ResyncVerdict.Completed, "Done.") { Run = ended, Plan = ended.Plan };
    }

    private async Task<PackResult> SendLaneAsync(IEnumerable<ResyncPack> packs, LanePace pace, CancellationToken cancellationToken)
    {
        var counts = new RunCounts();
        foreach (var pack in packs)
        {
            var result = await sender.SendAsync(pack, pace, cancellationToken).ConfigureAwait(false);
            counts += result.Counts;
            if (result.Stop is not null) return new PackResult(counts, result.Stop);
        }

        return new PackResult(counts, null);
    }

    private static ResyncAnswer LostRun(ResyncRun? run) => new(ResyncVerdict.Interrupted, "Another run of this source has taken over or was cancelled.") { Run = run };
}

/// <summary>What is asked of a run.</summary>
public sealed record ResyncWish
{
    /// <summary>Plan only.</summary>
    public bool DryRun { get; init; }

    /// <summary>Override of the guard's shares, 0 to 1.</summary>
    public double? AllowShare { get; init; }

    /// <summary>Also where this very snapshot was handled already.</summary>
    public bool Again { get; init; }
}

/// <summary>How a run went, or why there was none.</summary>
/// <param name="Verdict">How.</param>
/// <param name="Message">A sentence or two for people.</param>
public sealed record ResyncAnswer(ResyncVerdict Verdict, string Message)
{
    public ResyncRun? Run { get; init; }

    public PlanCounts? Plan { get; init; }

    /// <summary>For <see cref="ResyncVerdict.Refused"/>.</summary>
    public SnapshotFault? Fault { get; init; }

    /// <summary>The first of the unsound items.</summary>
    public IReadOnlyList<CatalogEntry> Issues { get; init; } = [];
}

/// <summary>How a run went.</summary>
public enum ResyncVerdict
{
    /// <summary>Everything planned is accounted for.</summary>
    Completed,

    /// <summary>A dry run.</summary>
    Planned,

    /// <summary>The source holds no snapshot.</summary>
    NoSnapshot,

    /// <summary>This very snapshot was handled before.</summary>
    HandledAlready,

    /// <summary>The snapshot cannot be used; nothing was sent.</summary>
    Refused,

    /// <summary>The guard stopped it; nothing was sent.</summary>
    Stopped,

    /// <summary>It stopped on the way; the next run goes on from there.</summary>
    Interrupted,
}
