using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Resync;

/// <summary>
/// Brings AlipayHK into line with a catalog: plans, checks the plan with the guard, and sends the differences to the lanes page by page. A
/// page is accepted into the ledger, split into packs by lane, sent, and recorded; the next page is accepted meanwhile. If the process is
/// killed, the run continues with the page it was on, and the ledger knows which of its items are in sync.
/// </summary>
/// <param name="planner">Plans a catalog.</param>
/// <param name="resend">Plans the ledger as a source.</param>
/// <param name="pages">Accepts the planned items into the ledger.</param>
/// <param name="lanes">Receives the packs.</param>
/// <param name="store">Stores runs and plans.</param>
/// <param name="ledger">Read when a run ends, for what is still open.</param>
/// <param name="refused">Records the invalid items.</param>
/// <param name="queue">Receives the items that are delisted because their new version is not valid.</param>
/// <param name="requestIds">Creates the ids of runs and plans.</param>
/// <param name="options">Allowed shares, and number of lanes.</param>
/// <param name="contentOptions">Part of what decides whether a snapshot was handled already.</param>
/// <param name="time">Used for timestamps and waits.</param>
public sealed class ResyncRunner(
    ICatalogPlanner planner,
    ResendPlanner resend,
    ResyncPages pages,
    IPackLanes lanes,
    IResyncStore store,
    ISyncLedger ledger,
    RefusedVersions refused,
    ISyncQueue queue,
    RequestIdSource requestIds,
    ResyncOptions options,
    ContentOptions contentOptions,
    [FromKeyedServices(Clocks.Store)] TimeProvider time)
{
    /// <summary>How many invalid items, and how many newer ones, a run stores.</summary>
    private const int MaxIssues = 20;

    /// <summary>How many invalid items are recorded together.</summary>
    private const int RefusedBatch = 256;

    /// <summary>Wait before the next check whether the lanes are done.</summary>
    private static readonly TimeSpan LaneWait = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Time without progress in the lanes after which the rest of a run counts as having left it: its messages are lost or dead-lettered, and
    /// the sweep enqueues the pending items again.
    /// </summary>
    private static readonly TimeSpan MaxSilence = TimeSpan.FromHours(3);

    /// <summary>Raised with every state of the run, from its plan to its end.</summary>
    public event Action<ResyncRun>? Progress;

    /// <summary>
    /// Called with the plan of a run that is begun or continued, before anything is sent; null for none. The plan stays the runner's.
    /// </summary>
    public Func<CatalogPlan, CancellationToken, Task>? PlanRead { get; set; }

    /// <summary>Raised with the contentId of every item that was not sent because a newer version was accepted before.</summary>
    public event Action<string>? NewerFound;

    /// <summary>
    /// Requests a run. Another call must execute it; see <see cref="ContinueAsync"/>. A dry run in progress is cancelled in favour of a run
    /// that sends.
    /// </summary>
    /// <returns>The new run, or the run of this source that is in progress already.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncRequestResult> RequestAsync(ICatalogSource source, ResyncParameters parameters, CancellationToken cancellationToken)
    {
        while (true)
        {
            var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
            var now = time.GetUtcNow();
            if (history.InProgress() is { } running)
            {
                if (parameters.DryRun || !running.Parameters.DryRun) return new ResyncRequestResult(running, IsNew: false);
                history = history.With(Ended(running, ResyncRunState.Cancelled, "Cancelled: a run that sends was requested and plans again."));
            }

            var run = new ResyncRun
            {
                RunId = requestIds.Create(),
                Source = source.Name,
                Parameters = parameters,
                State = ResyncRunState.Planning,
                Message = "The catalog is being compared with the ledger.",
                RequestedAt = now,
                UpdatedAt = now,
            };
            if (await store.WriteAsync(history.With(run), cancellationToken).ConfigureAwait(false) is not null)
                return new ResyncRequestResult(run, IsNew: true);
        }
    }

    /// <summary>Runs to the end: continues the run of this source that is in progress, or starts one.</summary>
    /// <returns>The run as it ended; or, still <see cref="ResyncRunState.Sending"/>, with the reason for the deferral as its message.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; the next call continues the run.</exception>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; the next call continues the run.</exception>
    /// <exception cref="IOException">The run cannot be stored, or the snapshot cannot be read any more.</exception>
    public async Task<ResyncRun> RunAsync(ICatalogSource source, ResyncParameters parameters, CancellationToken cancellationToken)
    {
        var (run, isNew) = await RequestAsync(source, parameters, cancellationToken).ConfigureAwait(false);
        if (!isNew && run.State == ResyncRunState.Planning && parameters.DryRun == run.Parameters.DryRun)
            await UpdateParametersAsync(source, run, parameters, cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var step = await ContinueAsync(source, Timeout.InfiniteTimeSpan, cancellationToken).ConfigureAwait(false);
            if (step.ContinueAfter is not { } wait || step.IsDeferred) return step.Run!;
            await time.WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Plans a run without sending anything. Stores it only if it applies a mapping and no run is in progress: a changed mapping must be
    /// planned before a run sends with it.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached.</exception>
    /// <exception cref="IOException">The store or the source cannot be read.</exception>
    public async Task<ResyncRun> PlanAsync(ICatalogSource source, ResyncParameters parameters, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var run = new ResyncRun
        {
            RunId = "",
            Source = source.Name,
            Parameters = parameters with { DryRun = true },
            State = ResyncRunState.Planning,
            Message = "",
            RequestedAt = now,
            UpdatedAt = now,
        };
        var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
        var planned = await PlanAsync(history, run, source, isSpent: null, cancellationToken).ConfigureAwait(false);
        if (planned.Plan is { } plan) await plan.DisposeAsync().ConfigureAwait(false);
        if (planned.Run is { Mapping: not null, Plan: not null } && history.InProgress() is null)
            await store.WriteAsync(history.With(planned.Run with { RunId = requestIds.Create() }), cancellationToken).ConfigureAwait(false);
        return planned.Run;
    }

    /// <summary>Continues the run of this source that is in progress, if any.</summary>
    /// <param name="source">The source; at most one of its runs is in progress.</param>
    /// <param name="budget">Time after which the call ends, between two pages; infinite for no limit.</param>
    /// <param name="cancellationToken">Interrupts the run; the next call continues it.</param>
    /// <exception cref="LedgerUnavailableException">The ledger cannot be reached; the next call continues the run.</exception>
    /// <exception cref="QueueUnavailableException">The lanes cannot be reached; the next call continues the run.</exception>
    /// <exception cref="IOException">The run cannot be stored, or the snapshot cannot be read.</exception>
    public async Task<ResyncStepResult> ContinueAsync(ICatalogSource source, TimeSpan budget, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
            if (history.InProgress() is not { } run)
                return new ResyncStepResult(history.Runs.Count > 0 ? history.Runs[0] : null, null);
            var step = run.State == ResyncRunState.Planning
                ? await BeginAsync(history, run, source, IsSpent, cancellationToken).ConfigureAwait(false)
                : await ResumeAsync(history, run, source, IsSpent, cancellationToken).ConfigureAwait(false);
            if (step is not null) return step;
        }

        bool IsSpent() => budget != Timeout.InfiniteTimeSpan && time.GetElapsedTime(began) >= budget;
    }

    /// <summary>Ends a source's run in progress permanently. Items that it accepted into the ledger are still sent.</summary>
    /// <param name="source"><see cref="ICatalogSource.Name"/>.</param>
    /// <param name="runId">Cancels only this run; null for any run.</param>
    /// <param name="cancellationToken">Stops the waiting, not the run.</param>
    /// <returns>The run; null if none is in progress.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncRun?> CancelAsync(string source, string? runId, CancellationToken cancellationToken)
    {
        while (true)
        {
            var history = await store.FindAsync(source, cancellationToken).ConfigureAwait(false);
            if (history?.InProgress() is not { } run || (runId ?? run.RunId) != run.RunId) return null;
            var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
            const string Message = "Cancelled. Items that it accepted into the ledger are still sent.";
            var cancelled = run with { Counts = counts };
            if (await EndAsync(history, cancelled, ResyncRunState.Cancelled, Message, cancellationToken).ConfigureAwait(false) is { } ended)
                return ended;
        }
    }

    /// <summary>Ends the run of a source that cannot be planned, because the source is no longer configured.</summary>
    /// <returns>The run; null if none is being planned.</returns>
    /// <exception cref="IOException">The store cannot be used.</exception>
    public async Task<ResyncRun?> RefuseAsync(string source, string reason, CancellationToken cancellationToken)
    {
        var history = await store.FindAsync(source, cancellationToken).ConfigureAwait(false);
        return history?.InProgress() is { State: ResyncRunState.Planning } run
            ? await EndAsync(history, run, ResyncRunState.Refused, reason, cancellationToken).ConfigureAwait(false)
            : null;
    }

    // Planning has not begun, so the latest request's parameters win.
    private async Task UpdateParametersAsync(ICatalogSource source, ResyncRun run, ResyncParameters parameters, CancellationToken cancellationToken)
    {
        var history = await HistoryAsync(source, cancellationToken).ConfigureAwait(false);
        if (history.InProgress() is { State: ResyncRunState.Planning } waiting && waiting.RunId == run.RunId)
            await store.WriteAsync(history.With(waiting with { Parameters = parameters }), cancellationToken).ConfigureAwait(false);
    }

    private async ValueTask<ResyncHistory> HistoryAsync(ICatalogSource source, CancellationToken cancellationToken) =>
        await store.FindAsync(source.Name, cancellationToken).ConfigureAwait(false) ?? new ResyncHistory { Source = source.Name };

    /// <returns>Null if there is more to do at once.</returns>
    private async Task<ResyncStepResult?> BeginAsync(
        ResyncHistory history, ResyncRun run, ICatalogSource source, Func<bool> isSpent, CancellationToken cancellationToken)
    {
        var (planned, snapshot, plan) = await PlanAsync(history, run, source, isSpent, cancellationToken).ConfigureAwait(false);
        if (planned.State == ResyncRunState.Planning)
        {
            Progress?.Invoke(planned);
            return await store.WriteAsync(history.With(planned), cancellationToken).ConfigureAwait(false) is null
                ? Lost(run)
                : new ResyncStepResult(planned, TimeSpan.Zero);
        }

        try
        {
            if (planned.IsInProgress) await store.SavePlanAsync(planned.PlanId!, plan!, cancellationToken).ConfigureAwait(false);
            if (await store.WriteAsync(history.With(planned), cancellationToken).ConfigureAwait(false) is not { } written)
            {
                if (planned.IsInProgress) await store.DeletePlanAsync(planned.PlanId!, cancellationToken).ConfigureAwait(false);
                return Lost(run);
            }

            Progress?.Invoke(planned);
            if (planned.IsInProgress) ResyncTelemetry.Planned(planned.Counts.Planned);
            else ResyncTelemetry.Ended(planned);
            return planned.IsInProgress
                ? await SendAsync(written, planned, snapshot!, plan!, isSpent, cancellationToken).ConfigureAwait(false)
                : new ResyncStepResult(planned, null);
        }
        finally
        {
            if (plan is not null) await plan.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Finds the newest snapshot and plans it. The plan is null if there is nothing to send, and if it is not complete; then the run is still
    /// <see cref="ResyncRunState.Planning"/>, and the next call continues.
    /// </summary>
    private async Task<(ResyncRun Run, ICatalogSnapshot? Snapshot, CatalogPlan? Plan)> PlanAsync(
        ResyncHistory history, ResyncRun run, ICatalogSource source, Func<bool>? isSpent, CancellationToken cancellationToken)
    {
        ICatalogSnapshot? snapshot;
        try
        {
            snapshot = await FindAsync(source, run.Parameters, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is CatalogSourceException or CatalogFormatException)
        {
            return (Ended(run, ResyncRunState.Refused, e.Message), null, null);
        }

        if (snapshot is null)
        {
            return (
                Ended(run, ResyncRunState.NoSnapshot, $"There is no catalog at {source.Name}. Correct the name, or export the catalog to it."),
                null,
                null);
        }

        var isLedger = snapshot is LedgerSnapshot;
        run = run with
        {
            Snapshot = snapshot.Name,
            Digest = snapshot.Digest,
            Mapping = snapshot.MappingDigest,
            MappingName = snapshot.MappingName,
            WrittenAt = snapshot.WrittenAt,
            AsOf = snapshot.AsOf,
            AsOfSource = snapshot.AsOfSource,
            Fingerprint = isLedger ? null : CatalogFingerprint.Of(snapshot, contentOptions),
        };
        if (await IsHandledAsync(history, run, cancellationToken).ConfigureAwait(false))
        {
            return (
                Ended(
                    run,
                    ResyncRunState.HandledAlready,
                    $"{snapshot.Name} was already handled, at {history.Handled!.At:u}, so nothing was compared or sent. "
                    + "To run it all the same, use again (--again on the command line)."),
                null,
                null);
        }

        var request = new PlanRequest
        {
            Source = source.Name,
            RunId = run.RunId.Length > 0 ? run.RunId : null,
            IsSpent = isSpent,
            Grace = await GraceAsync(history, cancellationToken).ConfigureAwait(false),
            DelistsRefused = contentOptions.RefusedVersions == RefusedVersionPolicy.Delist,
        };
        var (plan, fault, unfinished) = isLedger
            ? new PlanResult(await resend.PlanAsync(run.Parameters.Resend ?? ResendFilter.Default, cancellationToken).ConfigureAwait(false), null)
            : await planner.PlanAsync(snapshot, request, cancellationToken).ConfigureAwait(false);
        if (unfinished is not null) return (run with { Message = MessageOf(unfinished), UpdatedAt = time.GetUtcNow() }, null, null);
        run = run with { ProvedCompleteness = plan?.ProvedCompleteness ?? false };
        if (fault is null && !isLedger && history.Handled is { ProvedCompleteness: true, At: var provedAt } && !run.ProvedCompleteness)
        {
            await plan!.DisposeAsync().ConfigureAwait(false);
            fault = new SnapshotFault(
                null,
                $"{snapshot.Name} does not say how many items it holds, but the catalog handled at {provedAt:u} did; it may be truncated. Export it "
                + "again, or give the number with expectedItems (--expect-items on the command line).");
        }

        if (fault is not null) return (Ended(run, ResyncRunState.Refused, fault.Message) with { FaultLine = fault.Line }, null, null);
        run = run with
        {
            Plan = plan!.Counts,
            Issues = [.. plan.Issues.Take(MaxIssues)],
            Duplicates = [.. plan.Duplicates.Take(MaxIssues)],
            Newer = run.Parameters.DryRun ? [.. plan.Newer.Take(MaxIssues)] : [],
        };
        if (PlanRead is { } planRead) await planRead(plan, cancellationToken).ConfigureAwait(false);
        var (itemsBefore, listedBefore) = Before(history);
        if (!isLedger && MassDelistGuard.Check(options, plan.Counts, itemsBefore, listedBefore, run.Parameters.AllowedDelistShare) is { } refusal)
        {
            await plan.DisposeAsync().ConfigureAwait(false);
            return (Ended(run, ResyncRunState.Stopped, refusal.Reason), null, null);
        }

        if (!run.Parameters.DryRun && HasUnseenMapping(history, run))
        {
            await plan.DisposeAsync().ConfigureAwait(false);
            const string Reason = "The mapping changed since the last run, so this run only planned. Check the plan, then run it again to send.";
            return (Ended(run, ResyncRunState.Stopped, Reason), null, null);
        }

        if (run.Parameters.DryRun)
        {
            await plan.DisposeAsync().ConfigureAwait(false);
            return (Ended(run, ResyncRunState.Planned, PlanMessage(run)), null, null);
        }

        var now = time.GetUtcNow();
        run = run with
        {
            State = ResyncRunState.Sending,
            Message = "The differences are being sent.",
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

    private async ValueTask<GracePeriod> GraceAsync(ResyncHistory history, CancellationToken cancellationToken)
    {
        var grace = new GracePeriod(options.DelistAfterRuns, TimeSpan.FromHours(options.DelistAfterHours));
        if (history.AbsentPlanId is not { } planId) return grace;
        try
        {
            var plan = await store.LoadPlanAsync(planId, cancellationToken).ConfigureAwait(false);
            await using (plan.ConfigureAwait(false)) await grace.ReadAsync(plan, cancellationToken).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            // Old plans are deleted, so after a long time without a run the period starts anew.
        }

        return grace;
    }

    /// <summary>Whether the mapping differs from that of the last completed run, and no plan has been made with it yet.</summary>
    private static bool HasUnseenMapping(ResyncHistory history, ResyncRun run) =>
        run.Mapping is { } mapping
        && history.Handled is { } handled
        && handled.Mapping != mapping
        && !history.Runs.Any(earlier => earlier.Mapping == mapping && earlier.Plan is not null && earlier.RunId != run.RunId);

    private static async ValueTask<ICatalogSnapshot?> FindAsync(
        ICatalogSource source, ResyncParameters parameters, CancellationToken cancellationToken) =>
        await source.FindNewestAsync(cancellationToken).ConfigureAwait(false) switch
        {
            null => null,
            LedgerSnapshot ledger => ledger,
            var found => new DeclaredSnapshot(found, parameters.Declared, parameters.OverrideNewer),
        };

    /// <summary>Whether the last completed run did the same, and nothing of it is open.</summary>
    private async ValueTask<bool> IsHandledAsync(ResyncHistory history, ResyncRun run, CancellationToken cancellationToken)
    {
        if (run.Parameters is { Again: true } or { OverrideNewer: true } || run.Fingerprint is null) return false;

        // An operator who allows delistings expects to see whether there are any.
        if (run.Parameters.AllowedDelistShare is not null) return false;

        // With the same catalog again, a grace period may have ended.
        if (history.AbsentPlanId is not null) return false;
        if (history.Handled is not { } handled || handled.Digest != run.Digest || handled.Fingerprint != run.Fingerprint) return false;
        foreach (var state in new[] { SyncState.Pending, SyncState.Parked })
        {
            var first = await ledger.PageAsync(new SyncRecordFilter { State = state }, null, 1, cancellationToken).ConfigureAwait(false);
            if (first is not { Items: [], Next: null }) return false;
        }

        return true;
    }

    /// <summary>The largest catalog, and the most listed items, of the guard's window.</summary>
    private (long? Items, long Listed) Before(ResyncHistory history)
    {
        var since = time.GetUtcNow() - TimeSpan.FromDays(options.GuardWindowDays);
        var sizes = options.GuardWindowDays == 0 ? [] : history.Sizes.Where(size => size.At >= since).ToList();
        var items = sizes.Select(size => (long?)size.Items).Append(history.Handled?.Items).Max();
        return (items, sizes.Select(size => size.Listed).DefaultIfEmpty().Max());
    }

    /// <returns>Null if there is more to do at once.</returns>
    private async Task<ResyncStepResult?> ResumeAsync(
        ResyncHistory history, ResyncRun run, ICatalogSource source, Func<bool> isSpent, CancellationToken cancellationToken)
    {
        // These two do not need the catalog, which takes long to read.
        if (run.IsFullySent) return await FinishAsync(history, run, cancellationToken).ConfigureAwait(false);
        if (await lanes.BacklogDelayAsync(run, cancellationToken).ConfigureAwait(false) is { } delay) return new ResyncStepResult(run, delay);

        ICatalogSnapshot? snapshot = null;
        try
        {
            snapshot = await FindAsync(source, run.Parameters, cancellationToken).ConfigureAwait(false);
        }
        catch (CatalogFormatException)
        {
            // What is said about the catalog has changed, and is wrong: the run that plans again reports it.
        }

        if (snapshot?.Digest != run.Digest)
            return await RestartAsync(history, run, source, "Replaced by a newer snapshot.", cancellationToken).ConfigureAwait(false);
        CatalogPlan plan;
        try
        {
            plan = await store.LoadPlanAsync(run.PlanId!, cancellationToken).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            // Deleted by someone, or by a power loss. The ledger knows what it accepted, so a new plan holds the rest.
            const string Reason = "Its stored plan is lost. A new run compares the catalog with the ledger again.";
            return await RestartAsync(history, run, source, Reason, cancellationToken).ConfigureAwait(false);
        }

        await using var _ = plan.ConfigureAwait(false);
        if (PlanRead is { } planRead) await planRead(plan, cancellationToken).ConfigureAwait(false);
        return await SendAsync(history, run, snapshot!, plan, isSpent, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ResyncStepResult?> SendAsync(
        ResyncHistory history,
        ResyncRun run,
        ICatalogSnapshot snapshot,
        CatalogPlan plan,
        Func<bool> isSpent,
        CancellationToken cancellationToken)
    {
        if (run.Pages == 0) await RecordRefusedAsync(run, plan, cancellationToken).ConfigureAwait(false);
        var upcoming = pages.ReadAsync(run, snapshot, plan, cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (upcoming.ConfigureAwait(false))
        {
            Task<bool>? more = null;
            try
            {
                more = upcoming.MoveNextAsync().AsTask();
                while (await more.ConfigureAwait(false))
                {
                    if (await lanes.BacklogDelayAsync(run, cancellationToken).ConfigureAwait(false) is { } delay)
                        return new ResyncStepResult(run, delay);
                    var page = upcoming.Current;
                    more = upcoming.MoveNextAsync().AsTask();
                    var result = await lanes.SendAsync(run, page.Packs, cancellationToken).ConfigureAwait(false);
                    if (result.Deferral is { } deferral) return Deferred(run, deferral);
                    var next = run with
                    {
                        Pages = page.Number + 1,
                        LanePacks = Add(run.LanePacks, page.Packs),
                        Counts = run.Counts + result.Counts,
                        Newer = [.. run.Newer.Concat(page.Newer).Take(MaxIssues)],
                        UpdatedAt = time.GetUtcNow(),
                    };
                    if (await store.WriteAsync(history.With(next), cancellationToken).ConfigureAwait(false) is not { } written) return Lost(run);
                    (history, run) = (written, next);
                    ResyncTelemetry.Done(result.Counts);
                    foreach (var contentId in page.Newer) NewerFound?.Invoke(contentId);
                    Progress?.Invoke(run);
                    if (isSpent()) return new ResyncStepResult(run, TimeSpan.Zero);
                }
            }
            catch (SnapshotChangedException)
            {
                more = null;
                return await SnapshotChangedAsync(history, run, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                // The reader must not be disposed while it reads.
                if (more is not null) await ((Task)more).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        return await FinishAsync(history, run with { IsFullySent = true }, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// Records the invalid items, so that those of which AlipayHK holds an older version are known to be stale. A run that is continued
    /// before its first page repeats it, which changes nothing.
    /// </summary>
    private async ValueTask RecordRefusedAsync(ResyncRun run, CatalogPlan plan, CancellationToken cancellationToken)
    {
        if (run.Plan is not { Invalid: > 0 }) return;
        var changedAt = run.AsOf ?? run.WrittenAt!.Value;
        var batch = new List<(ContentReadResult, DateTimeOffset)>(RefusedBatch);
        await foreach (var issue in plan.ReadIssuesAsync(cancellationToken).ConfigureAwait(false))
        {
            batch.Add((issue.ToReadResult(), changedAt));
            if (batch.Count == RefusedBatch) await RecordAsync().ConfigureAwait(false);
        }

        await RecordAsync().ConfigureAwait(false);

        async ValueTask RecordAsync()
        {
            var delisted = await refused.RecordAsync(batch, cancellationToken).ConfigureAwait(false);
            batch.Clear();
            if (delisted.Count == 0) return;
            SyncMessage[] messages =
                [.. delisted.Select(record => new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero))];
            await queue.EnqueueAsync(messages, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>All packs are sent to the lanes; ends the run when every item is counted.</summary>
    private async Task<ResyncStepResult?> FinishAsync(ResyncHistory history, ResyncRun run, CancellationToken cancellationToken)
    {
        var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
        var left = counts.Planned - counts.Done;
        if (left > 0)
        {
            // The lanes' count is stored with the run, so that the time of its last progress is known.
            var moved = counts.Done != run.LanesDone || history.InProgress() is { IsFullySent: false };
            if (moved || time.GetUtcNow() - run.UpdatedAt < MaxSilence)
            {
                var waiting = moved ? run with { LanesDone = counts.Done, UpdatedAt = time.GetUtcNow() } : run;
                if (moved && await store.WriteAsync(history.With(waiting), cancellationToken).ConfigureAwait(false) is null) return Lost(run);
                Progress?.Invoke(waiting with { Counts = counts });
                return new ResyncStepResult(waiting, LaneWait);
            }

            counts += new RunCounts { Failed = left };
            run = run with { LeftUnknown = left };
            ResyncTelemetry.Done(new RunCounts { Failed = left });
        }

        var open = await OpenItems.ReadAsync(ledger.ListItemsAsync, null, cancellationToken).ConfigureAwait(false);
        run = run with { Counts = counts, Open = open };
        var absentBefore = history.AbsentPlanId;
        if (run is { Plan: { } plan, Digest: { } digest, Fingerprint: { } fingerprint })
        {
            var now = time.GetUtcNow();
            var handled = new HandledSnapshot(digest, plan.Items, now)
            {
                Fingerprint = fingerprint,
                Mapping = run.Mapping,
                ProvedCompleteness = run.ProvedCompleteness,
            };
            var isAllowed = run.Parameters.AllowedDelistShare is not null;
            var size = new CatalogSize(now, plan.Items, isAllowed ? plan.Listed - plan.Delisting : plan.Listed);
            history = (history with { Handled = handled, AbsentPlanId = plan.Absent > 0 ? run.PlanId : null }).With(size, isAllowed);
        }

        var ended = await EndAsync(history, run, ResyncRunState.Completed, EndMessage(run, open), cancellationToken).ConfigureAwait(false);
        if (ended is null) return Lost(run);
        if (absentBefore is not null && absentBefore != history.AbsentPlanId)
            await store.DeletePlanAsync(absentBefore, cancellationToken).ConfigureAwait(false);
        return new ResyncStepResult(ended, null);
    }

    private async Task<ResyncStepResult?> RestartAsync(
        ResyncHistory history, ResyncRun run, ICatalogSource source, string reason, CancellationToken cancellationToken)
    {
        var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
        var cancelled = run with { Counts = counts };
        if (await EndAsync(history, cancelled, ResyncRunState.Cancelled, reason, cancellationToken).ConfigureAwait(false) is null) return Lost(run);
        await RequestAsync(source, run.Parameters, cancellationToken).ConfigureAwait(false);
        return null;
    }

    private async Task<ResyncStepResult?> SnapshotChangedAsync(ResyncHistory history, ResyncRun run, CancellationToken cancellationToken)
    {
        var counts = await lanes.CountsAsync(run, cancellationToken).ConfigureAwait(false);
        const string Message =
            "The snapshot was changed while it was being sent. Write a new one under another name and rename it when it is complete; "
            + "the next run plans again.";
        var cancelled = run with { Counts = counts };
        return await EndAsync(history, cancelled, ResyncRunState.Cancelled, Message, cancellationToken).ConfigureAwait(false) is { } ended
            ? new ResyncStepResult(ended, null)
            : Lost(run);
    }

    private async Task<ResyncRun?> EndAsync(
        ResyncHistory history, ResyncRun run, ResyncRunState state, string message, CancellationToken cancellationToken)
    {
        var ended = Ended(run, state, message);
        if (await store.WriteAsync(history.With(ended), cancellationToken).ConfigureAwait(false) is null) return null;
        if (run.PlanId is { } planId && planId != history.AbsentPlanId) await store.DeletePlanAsync(planId, cancellationToken).ConfigureAwait(false);
        await lanes.DeleteProgressAsync(ended, cancellationToken).ConfigureAwait(false);
        Progress?.Invoke(ended);
        ResyncTelemetry.Ended(ended);
        return ended;
    }

    /// <summary>How a completed run ended, in sentences: what is open, and what was newer.</summary>
    internal static string EndMessage(ResyncRun run, OpenItems open)
    {
        var sentences = PlanSentences(run.Plan);
        if (run.Counts.Superseded > 0)
        {
            var newer = Wording.Count(run.Counts.Superseded, "item is", "items are");
            sentences.Add(
                $"Not sent: {newer} newer than this catalog, which is as of {run.AsOf ?? run.WrittenAt:u}. "
                + "To make the catalog win, run it with overrideNewer (--override-newer on the command line).");
        }

        if (run.LeftUnknown > 0)
        {
            sentences.Add(
                $"The outcome of {Wording.Count(run.LeftUnknown, "item")} was not reported; what is pending of them is retried automatically.");
        }

        if (open.Sentence() is { } sentence) sentences.Add(sentence);
        return sentences.Count == 0 ? "Done." : string.Join(' ', sentences);
    }

    private static string PlanMessage(ResyncRun run) => string.Join(' ', ["Nothing was sent.", .. PlanSentences(run.Plan)]);

    private static List<string> PlanSentences(PlanCounts? plan)
    {
        var sentences = new List<string>();
        if (plan is { Unidentified: > 0 })
        {
            var kept = plan.Withheld > 0 ? $"; {Wording.Count(plan.Withheld, "item stays", "items stay")} listed" : "";
            sentences.Add($"The contentId of {Wording.Count(plan.Unidentified, "line")} cannot be read, so nothing is delisted{kept}.");
        }

        if (plan?.Invalid - plan?.Unidentified is > 0 and var invalid)
        {
            var lines = Wording.Count(
                invalid,
                "line is not valid, so this version is not sent; correct it",
                "lines are not valid, so these versions are not sent; correct them");
            sentences.Add($"{lines} in the catalog.");
        }

        if (plan is { Absent: > 0 })
        {
            var items = Wording.Count(plan.Absent, "listed item is", "listed items are");
            sentences.Add($"{items} absent from the catalog and will be delisted when the grace period ends.");
        }

        if (plan is { AbsentNewer: > 0 })
        {
            var items = Wording.Count(
                plan.AbsentNewer,
                "listed item is absent from the catalog but was accepted after its as-of time, so it stays listed.",
                "listed items are absent from the catalog but were accepted after its as-of time, so they stay listed.");
            sentences.Add($"{items} To make the catalog win, run it with overrideNewer (--override-newer on the command line).");
        }

        if (plan is { Unknown: > 0 })
        {
            var items = Wording.Count(plan.Unknown, "item that the catalog delists is", "items that the catalog delists are");
            sentences.Add($"{items} unknown: no content was ever accepted, so nothing was sent.");
        }

        if (plan is { DuplicatesDiffering: > 0 })
        {
            var items = Wording.Count(plan.DuplicatesDiffering, "item stands", "items stand");
            sentences.Add($"{items} in the catalog more than once with different contents; only one line of each counts.");
        }

        return sentences;
    }

    private ResyncRun Ended(ResyncRun run, ResyncRunState state, string message)
    {
        var now = time.GetUtcNow();
        return run with { State = state, Message = message, EndedAt = now, UpdatedAt = now };
    }

    private static ResyncStepResult Deferred(ResyncRun run, PackDeferral deferral)
    {
        var message = deferral.IsFault
            ? $"Sending is stopped: {Wording.Sentence(deferral.Reason)} Once this is fixed, the run continues."
            : $"Sending is deferred: {deferral.Reason}";
        return new ResyncStepResult(run with { Message = message }, deferral.Delay) { IsDeferred = true };
    }

    // The process that has written since owns the run now.
    private static ResyncStepResult Lost(ResyncRun run) =>
        new(run with { Message = "Another process has taken over, or the run was cancelled." }, null);

    private static long[] Add(IReadOnlyList<long> lanePacks, IReadOnlyList<ResyncPack> packs)
    {
        var sum = lanePacks.ToArray();
        foreach (var pack in packs) sum[pack.Lane]++;
        return sum;
    }

    private static string MessageOf(PlanProgress progress) => string.Create(
        CultureInfo.InvariantCulture,
        $"The catalog is being compared with the ledger: {Wording.Count(progress.ItemsRead, "item")} read, {progress.ComparedShare:P0} compared.");
}

/// <param name="Run">The requested run.</param>
/// <param name="IsNew">False if it was in progress already.</param>
public readonly record struct ResyncRequestResult(ResyncRun Run, bool IsNew);

/// <summary>How far a call continued a run.</summary>
/// <param name="Run">Its current state; null if the source never had one.</param>
/// <param name="ContinueAfter">When to continue; null if there is nothing left to do.</param>
public sealed record ResyncStepResult(ResyncRun? Run, TimeSpan? ContinueAfter)
{
    /// <summary>Sending is deferred; the run's message says why.</summary>
    public bool IsDeferred { get; init; }
}
