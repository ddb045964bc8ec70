using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Resync;

/// <summary>
/// Makes AlipayHK equal to a catalog: plans, holds the plan against the guard, and hands what differs to the lanes page by page. A page
/// is taken into the ledger, split into packs by lane, handed over, and written down; the next page is taken in meanwhile. Killed at any
/// moment, the run goes on with the page that it was in, and the ledger knows what of it is in step already.
/// </summary>
/// <param name="planner">Plans a catalog.</param>
/// <param name="resend">Plans the ledger as a source.</param>
/// <param name="pages">Takes the planned into the ledger.</param>
/// <param name="lanes">Where the packs go.</param>
/// <param name="store">Remembers.</param>
/// <param name="requestIds">Names the runs.</param>
/// <param name="options">Shares and lanes.</param>
/// <param name="time">Clock.</param>
public sealed class ResyncRunner(
    ICatalogPlanner planner, ResendPlanner resend, ResyncPages pages, IPackLanes lanes, IResyncStore store, RequestIdSource requestIds, ResyncOptions options, TimeProvider time)
{
    /// <summary>Unsound items that a run remembers.</summary>
    private const int MostIssues = 20;

    /// <summary>Wait before looking again whether the lanes are done.</summary>
    private static readonly TimeSpan LaneWait = TimeSpan.FromSeconds(20);

    /// <summary>Time without news from the lanes after which what is left of a run counts as having left it: the messages are lost or dead-lettered, and the sweep sends what is pending.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromHours(3);

    /// <summary>Told of every state of the run, from its plan to its end.</summary>
    public event Action<ResyncRun>? Progress;

    /// <summary>Asks for a run. Another call must carry it out; see <see cref="ContinueAsync"/>. A dry run under way makes room for a run that sends.</summary>
    /// <returns>The new run, or the one of this source that is under way already and does at least as much.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncStart> RequestAsync(ICatalogSource source, ResyncWish wish, CancellationToken cancellationToken)
    {
        while (true)
        {
            var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
            var now = time.GetUtcNow();
            if (history.UnderWay() is { } running)
            {
                if (wish.DryRun || !running.Wish.DryRun) return new ResyncStart(running, IsNew: false);
                history = history.With(Ended(running, ResyncRunState.Cancelled, "Cancelled: a run that sends was asked for, and plans anew."));
            }

            var run = new ResyncRun
            {
                RunId = requestIds.Create(),
                Source = source.Name,
                Wish = wish,
                State = ResyncRunState.Planning,
                Message = "The catalog is being compared with the ledger.",
                RequestedAt = now,
                UpdatedAt = now,
            };
            if (await store.WriteAsync(history.With(run), cancellationToken).ConfigureAwait(false) is not null) return new ResyncStart(run, IsNew: true);
        }
    }

    /// <summary>Runs to the end: goes on with the run of this source that is under way, or begins one.</summary>
    /// <returns>The run as it ended; or, still <see cref="ResyncRunState.Sending"/>, what holds it up.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the next call goes on from there.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; the next call goes on from there.</exception>
    /// <exception cref="IOException">The run cannot be written down, or the snapshot cannot be read any more.</exception>
    public async Task<ResyncRun> RunAsync(ICatalogSource source, ResyncWish wish, CancellationToken cancellationToken)
    {
        var (run, isNew) = await RequestAsync(source, wish, cancellationToken).ConfigureAwait(false);
        if (!isNew && run.State == ResyncRunState.Planning && wish.DryRun == run.Wish.DryRun) await WishAnewAsync(source, run, wish, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var step = await ContinueAsync(source, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
            if (step.Next is not { } wait || step.IsHeld) return step.Run!;
            await time.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>What a run would do, without leaving a trace.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached.</exception>
    /// <exception cref="IOException">The store or the source cannot be read.</exception>
    public async Task<ResyncRun> PlanAsync(ICatalogSource source, ResyncWish wish, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var run = new ResyncRun { RunId = "", Source = source.Name, Wish = wish with { DryRun = true }, State = ResyncRunState.Planning, Message = "", RequestedAt = now, UpdatedAt = now };
        var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
        var (planned, _, plan) = await PlanAsync(history, run, source, cancellationToken).ConfigureAwait(false);
        plan?.Dispose();
        return planned;
    }

    /// <summary>Goes on with the run of this source that is under way, if any.</summary>
    /// <param name="source">Which.</param>
    /// <param name="budget">Time after which it stops between two pages; infinite for none.</param>
    /// <param name="cancellationToken">Ends it; the next call goes on from there.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; the next call goes on from there.</exception>
    /// <exception cref="Synchronization.QueueUnavailableException">The lanes cannot be reached; likewise.</exception>
    /// <exception cref="IOException">The run cannot be written down, or the snapshot cannot be read.</exception>
    public async Task<ResyncStep> ContinueAsync(ICatalogSource source, TimeSpan budget, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
            if (history.UnderWay() is not { } run) return new ResyncStep(history.Runs.Count > 0 ? history.Runs[0] : null, null);
            var step = run.State == ResyncRunState.Planning
                ? await BeginAsync(history, run, source, IsSpent, cancellationToken).ConfigureAwait(false)
                : await ResumeAsync(history, run, source, IsSpent, cancellationToken).ConfigureAwait(false);
            if (step is not null) return step;
        }

        bool IsSpent() => budget != Timeout.InfiniteTimeSpan && time.GetElapsedTime(began) >= budget;
    }

    /// <summary>Ends the run of a source that is under way for good. What it took into the ledger is still delivered.</summary>
    /// <param name="source">Which source's.</param>
    /// <param name="runId">Only this run; null for whichever it is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The run; null where none is under way.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncRun?> CancelAsync(string source, string? runId, CancellationToken cancellationToken)
    {
        while (true)
        {
            var history = await store.FindAsync(source, cancellationToken).ConfigureAwait(false);
            if (history?.UnderWay() is not { } run || (runId ?? run.RunId) != run.RunId) return null;
            var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
            if (await EndAsync(history, run with { Counts = counts }, ResyncRunState.Cancelled, "Cancelled. What it took into the ledger is still delivered.", cancellationToken).ConfigureAwait(false) is { } ended) return ended;
        }
    }

    // Nothing was planned of it yet, so whoever asks last may say what is wished.
    private async Task WishAnewAsync(ICatalogSource source, ResyncRun run, ResyncWish wish, CancellationToken cancellationToken)
    {
        var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
        if (history.UnderWay() is { State: ResyncRunState.Planning } waiting && waiting.RunId == run.RunId)
            await store.WriteAsync(history.With(waiting with { Wish = wish }), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ResyncHistory> HistoryAsync(ICatalogSource source, CancellationToken cancellationToken) =>
        await store.FindAsync(source.Name, cancellationToken).ConfigureAwait(false) ?? new ResyncHistory { Source = source.Name };

    /// <returns>Null where there is more to do at once.</returns>
    private async Task<ResyncStep?> BeginAsync(ResyncHistory history, ResyncRun run, ICatalogSource source, Func<bool> isSpent, CancellationToken cancellationToken)
    {
        var (planned, snapshot, plan) = await PlanAsync(history, run, source, cancellationToken).ConfigureAwait(false);
        using (plan)
        {
            if (planned.IsUnderWay) await store.SavePlanAsync(planned.PlanId!, plan!, cancellationToken).ConfigureAwait(false);
            if (await store.WriteAsync(history.With(planned), cancellationToken).ConfigureAwait(false) is not { } written)
            {
                if (planned.IsUnderWay) await store.DeletePlanAsync(planned.PlanId!, cancellationToken).ConfigureAwait(false);
                return Lost(run);
            }

            Progress?.Invoke(planned);
            if (planned.IsUnderWay) ResyncTelemetry.Planned(planned.Counts.Planned);
            return planned.IsUnderWay ? await SendAsync(written, planned, snapshot!, plan!, isSpent, cancellationToken).ConfigureAwait(false) : new ResyncStep(planned, null);
        }
    }

    /// <summary>Finds the newest snapshot and plans it. The plan is null where there is nothing to be sent by it.</summary>
    private async Task<(ResyncRun Run, ICatalogSnapshot? Snapshot, CatalogPlan? Plan)> PlanAsync(ResyncHistory history, ResyncRun run, ICatalogSource source, CancellationToken cancellationToken)
    {
        var snapshot = await source.FindNewestAsync(cancellationToken).ConfigureAwait(false);
        if (snapshot is null) return (Ended(run, ResyncRunState.NoSnapshot, $"{source.Name} holds no catalog."), null, null);
        run = run with { Snapshot = snapshot.Name, Digest = snapshot.Digest, WrittenAt = snapshot.WrittenAt };
        var isLedger = snapshot is LedgerSnapshot;
        if (history.Handled is { } handled && handled.Digest == snapshot.Digest && !run.Wish.Again && !isLedger)
            return (Ended(run, ResyncRunState.HandledAlready, $"{snapshot.Name} was handled already, {handled.At:u}."), null, null);

        var (plan, fault) = isLedger
            ? new PlanAnswer(await resend.PlanAsync(run.Wish.Resend ?? ResendFilter.Default, cancellationToken).ConfigureAwait(false), null)
            : await planner.PlanAsync(snapshot, cancellationToken).ConfigureAwait(false);
        if (fault is not null) return (Ended(run, ResyncRunState.Refused, fault.Message) with { FaultLine = fault.Line }, null, null);
        run = run with { Plan = plan!.Counts, Issues = [.. plan.Issues.Take(MostIssues).Select(IssueOf)] };
        if (!isLedger && MassDelistGuard.Check(options, plan.Counts, history.Handled?.Items, run.Wish.AllowShare) is { } stop)
        {
            plan.Dispose();
            return (Ended(run, ResyncRunState.Stopped, stop.Reason), null, null);
        }

        if (run.Wish.DryRun)
        {
            plan.Dispose();
            return (Ended(run, ResyncRunState.Planned, "Nothing was sent."), null, null);
        }

        var now = time.GetUtcNow();
        run = run with
        {
            State = ResyncRunState.Sending,
            Message = "What differs is being sent.",
            PlanId = requestIds.Create(),
            StartedAt = now,
            UpdatedAt = now,
            Lanes = options.Lanes,
            ItemsPerPack = options.ItemsPerPack,
            LanePacks = new long[options.Lanes],
            Counts = new RunCounts { Planned = plan.Selected + (isLedger ? plan.Counts.Changed : plan.Counts.Vanished) },
        };
        return (run, snapshot, plan);
    }

    /// <returns>Null where there is more to do at once.</returns>
    private async Task<ResyncStep?> ResumeAsync(ResyncHistory history, ResyncRun run, ICatalogSource source, Func<bool> isSpent, CancellationToken cancellationToken)
    {
        // Neither of these takes the catalog, which is long to read.
        if (run.IsHandedOver) return await FinishAsync(history, run, cancellationToken).ConfigureAwait(false);
        if (await lanes.FullForAsync(run, cancellationToken).ConfigureAwait(false) is { } full) return new ResyncStep(run, full);

        var snapshot = await source.FindNewestAsync(cancellationToken).ConfigureAwait(false);
        if (snapshot?.Digest != run.Digest) return await GiveWayAsync(history, run, source, cancellationToken).ConfigureAwait(false);
        using var plan = await store.LoadPlanAsync(run.PlanId!, cancellationToken).ConfigureAwait(false);
        return await SendAsync(history, run, snapshot!, plan, isSpent, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ResyncStep?> SendAsync(ResyncHistory history, ResyncRun run, ICatalogSnapshot snapshot, CatalogPlan plan, Func<bool> isSpent, CancellationToken cancellationToken)
    {
        var upcoming = pages.ReadAsync(run, snapshot, plan, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (upcoming.ConfigureAwait(false))
        {
            Task<bool>? more = null;
            try
            {
                more = upcoming.MoveNextAsync().AsTask();
                while (await more.ConfigureAwait(false))
                {
                    if (await lanes.FullForAsync(run, cancellationToken).ConfigureAwait(false) is { } full) return new ResyncStep(run, full);
                    var page = upcoming.Current;
                    more = upcoming.MoveNextAsync().AsTask();
                    var result = await lanes.HandOverAsync(run, page.Packs, cancellationToken).ConfigureAwait(false);
                    if (result.Hold is { } hold) return Held(run, hold);
                    var next = run with { Pages = page.Number + 1, LanePacks = Add(run.LanePacks, page.Packs), Counts = run.Counts + result.Counts, UpdatedAt = time.GetUtcNow() };
                    if (await store.WriteAsync(history.With(next), cancellationToken).ConfigureAwait(false) is not { } written) return Lost(run);
                    (history, run) = (written, next);
                    ResyncTelemetry.Done(result.Counts);
                    Progress?.Invoke(run);
                    if (isSpent()) return new ResyncStep(run, TimeSpan.Zero);
                }
            }
            catch (SnapshotChangedException)
            {
                more = null;
                return await ChangedAsync(history, run, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                // The reader must not be disposed of while it reads.
                if (more is not null) await ((Task)more).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return await FinishAsync(history, run with { IsHandedOver = true }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Everything is handed over; ends the run when it is accounted for.</summary>
    private async Task<ResyncStep?> FinishAsync(ResyncHistory history, ResyncRun run, CancellationToken cancellationToken)
    {
        var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
        var left = counts.Planned - counts.Done;
        var message = "Done.";
        if (left > 0)
        {
            // What a run has seen of its lanes is kept with it, so that its last news has a time.
            var moved = counts.Done != run.LanesDone || history.UnderWay() is { IsHandedOver: false };
            if (moved || time.GetUtcNow() - run.UpdatedAt < LongestSilence)
            {
                var waiting = moved ? run with { LanesDone = counts.Done, UpdatedAt = time.GetUtcNow() } : run;
                if (moved && await store.WriteAsync(history.With(waiting), cancellationToken).ConfigureAwait(false) is null) return Lost(run);
                Progress?.Invoke(waiting with { Counts = counts });
                return new ResyncStep(waiting, LaneWait);
            }

            message = $"Done, but for {left:N0} items whose messages did not come back; they are pending and are sent by themselves.";
            counts += new RunCounts { Failed = left };
            ResyncTelemetry.Done(new RunCounts { Failed = left });
        }

        var handled = history with { Handled = run.Plan is { } plan && run.Digest is { } digest ? new HandledSnapshot(digest, plan.Items, time.GetUtcNow()) : history.Handled };
        return await EndAsync(handled, run with { Counts = counts }, ResyncRunState.Completed, message, cancellationToken).ConfigureAwait(false) is { } ended ? new ResyncStep(ended, null) : Lost(run);
    }

    private async Task<ResyncStep?> GiveWayAsync(ResyncHistory history, ResyncRun run, ICatalogSource source, CancellationToken cancellationToken)
    {
        var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
        if (await EndAsync(history, run with { Counts = counts }, ResyncRunState.Cancelled, "A newer snapshot took its place.", cancellationToken).ConfigureAwait(false) is null) return Lost(run);
        await RequestAsync(source, run.Wish, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task<ResyncStep?> ChangedAsync(ResyncHistory history, ResyncRun run, CancellationToken cancellationToken)
    {
        var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
        const string Message = "The snapshot was changed while it was being sent. Write a new one under another name, or rename it when it is whole; the next run plans anew.";
        return await EndAsync(history, run with { Counts = counts }, ResyncRunState.Cancelled, Message, cancellationToken).ConfigureAwait(false) is { } ended ? new ResyncStep(ended, null) : Lost(run);
    }

    private async Task<ResyncRun?> EndAsync(ResyncHistory history, ResyncRun run, ResyncRunState state, string message, CancellationToken cancellationToken)
    {
        var ended = Ended(run, state, message);
        if (await store.WriteAsync(history.With(ended), cancellationToken).ConfigureAwait(false) is null) return null;
        if (run.PlanId is { } planId) await store.DeletePlanAsync(planId, cancellationToken).ConfigureAwait(false);
        await lanes.ForgetAsync(ended, cancellationToken).ConfigureAwait(false);
        Progress?.Invoke(ended);
        return ended;
    }

    private ResyncRun Ended(ResyncRun run, ResyncRunState state, string message)
    {
        var now = time.GetUtcNow();
        return run with { State = state, Message = message, EndedAt = now, UpdatedAt = now };
    }

    private static ResyncStep Held(ResyncRun run, PackHold hold)
    {
        var mend = hold.IsFault ? $"Sending is stopped: {hold.Reason} Mend that; the run goes on from there." : $"Sending is paused: {hold.Reason}";
        return new ResyncStep(run with { Message = mend }, hold.Delay) { IsHeld = true };
    }

    // Whoever has written since owns the run now.
    private static ResyncStep Lost(ResyncRun run) => new(run with { Message = "Another run of this source has taken over, or it was cancelled." }, null);

    private static long[] Add(IReadOnlyList<long> lanePacks, IReadOnlyList<ResyncPack> packs)
    {
        var sum = lanePacks.ToArray();
        foreach (var pack in packs) sum[pack.Lane]++;
        return sum;
    }

    private static ResyncIssue IssueOf(CatalogEntry entry)
    {
        var first = entry.Result.Violations[0];
        return new ResyncIssue(entry.ToString(), entry.Result.ContentId, first.Code, first.Message);
    }
}

/// <param name="Run">The run.</param>
/// <param name="IsNew">False where it was under way already.</param>
public readonly record struct ResyncStart(ResyncRun Run, bool IsNew);

/// <summary>How far a call brought a run.</summary>
/// <param name="Run">As it stands; null where the source never had one.</param>
/// <param name="Next">When to go on; null where there is nothing to go on with.</param>
public sealed record ResyncStep(ResyncRun? Run, TimeSpan? Next)
{
    /// <summary>Something holds sending up; the run's message says what.</summary>
    public bool IsHeld { get; init; }
}
