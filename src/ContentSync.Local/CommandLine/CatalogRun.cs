using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>Runs one catalog through the pipeline with a live progress bar and summarizes the outcomes.</summary>
internal sealed class CatalogRun(LocalPipeline pipeline, IAnsiConsole screen, TimeProvider time)
{
    private readonly RateMeter _rate = new(time);

    /// <summary>Stops waiting for retries when no item has reached an outcome for this long.</summary>
    public TimeSpan RetryTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>File that receives every issue; null for none.</summary>
    public string? ReportFile { get; init; }

    /// <summary>Reads, sends, waits and summarizes; a cancellation or a broken catalog still yields a summary.</summary>
    public async Task<SyncSummary> RunAsync(CatalogFile catalog, CancellationToken cancellationToken)
    {
        using var report = new IssueReport(ReportFile);
        var tally = new SyncTally();
        tally.Issue += report.Add;
        pipeline.Queue.Ended += tally.Add;
        try
        {
            var started = time.GetTimestamp();
            var before = (pipeline.Calls.Signatures, pipeline.Calls.AlipayHkCalls);
            var sync = new CatalogSync(pipeline.Synchronizer, pipeline.RefusedVersions, pipeline.Queue, tally, time);
            var work = WorkAsync(sync, catalog, tally, cancellationToken);
            var (stopped, unreadable) = await ProgressScreen.ShowAsync(screen, time, () => Progress(catalog, tally), work).ConfigureAwait(false);
            report.Dispose();
            var counts = tally.Counts;
            return new SyncSummary
            {
                Read = counts.Read,
                Invalid = counts.Invalid,
                Synchronized = counts.Synchronized,
                Unchanged = counts.Unchanged,
                Superseded = counts.Superseded,
                Rejected = counts.Rejected,
                Exhausted = counts.Exhausted,
                Pending = counts.Pending,
                DuplicatesDiffering = tally.DuplicatesDiffering,
                Repetitions = tally.Repetitions,
                Signatures = pipeline.Calls.Signatures - before.Signatures,
                Requests = pipeline.Calls.AlipayHkCalls - before.AlipayHkCalls,
                ElapsedSeconds = Math.Round(time.GetElapsedTime(started).TotalSeconds, 3),
                AsOf = catalog.AsOf,
                AsOfSource = catalog.AsOfSource,
                StoppedBecause = stopped ?? (report.Failure is { } failure ? $"The report is incomplete: {failure}" : null),
                Unreadable = unreadable,
                Issues = report.First,
                IssueCount = report.Count,
            };
        }
        finally
        {
            pipeline.Queue.Ended -= tally.Add;
        }
    }

    private async Task<WorkResult> WorkAsync(
        CatalogSync sync, CatalogFile catalog, SyncTally tally, CancellationToken cancellationToken)
    {
        string? broken = null;
        try
        {
            try
            {
                broken = await ReadAsync(sync, catalog, tally, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is CatalogFormatException or IOException)
            {
                broken = CutOff(catalog.Name, e.Message, tally.Counts);
            }

            await sync.FinishAsync(RetryTimeout, cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await pipeline.Queue.StopAsync(TimeSpan.FromSeconds(10)).ConfigureAwait(false);
            return new("Stopped by Ctrl-C. The next run continues with the pending items.", Unreadable: false);
        }
        catch (LedgerUnavailableException e)
        {
            return new($"{e.Message} Every item accepted so far is safe. Fix the problem and run the command again.", Unreadable: true);
        }

        if (broken is not null) return new(broken, Unreadable: true);
        return new(Unfinished(tally.Counts.Pending, pipeline.Synchronizer.OpenCircuit), Unreadable: false);
    }

    /// <summary>
    /// Compares the catalog with the ledger first, and accepts only the items that differ. A file that changes meanwhile is
    /// still read to its end, and then reported.
    /// </summary>
    private async Task<string?> ReadAsync(CatalogSync sync, CatalogFile catalog, SyncTally tally, CancellationToken cancellationToken)
    {
        var reader = new CatalogReader(pipeline.Reader, pipeline.ContentOptions);
        if (catalog.MustBeChecked && await RefusalAsync(reader, catalog.Snapshot, cancellationToken).ConfigureAwait(false) is { } refusal)
            return refusal;
        var plan = await PlanAsync(catalog, cancellationToken).ConfigureAwait(false);
        if (plan is null)
        {
            await sync.ReadAsync(reader.ReadAsync(catalog.Stream, cancellationToken), catalog.AsOf, cancellationToken).ConfigureAwait(false);
            return await CutOffLineAsync(sync, catalog, tally, cancellationToken).ConfigureAwait(false);
        }

        await using var closingPlan = plan.ConfigureAwait(false);
        await foreach (var duplicate in plan.ReadDuplicatesAsync(cancellationToken).ConfigureAwait(false)) tally.AddDuplicate(duplicate);
        tally.AddUnread(unchanged: plan.Counts.Items - plan.Selected - plan.Counts.Repeated, superseded: plan.Counts.Repeated);
        await sync
            .ReadAsync(reader.ReadAsync(catalog.Stream, plan.IsSelected, cancellationToken), catalog.AsOf, cancellationToken)
            .ConfigureAwait(false);
        return await catalog.Snapshot.IsIntactAsync(cancellationToken).ConfigureAwait(false)
            ? await CutOffLineAsync(sync, catalog, tally, cancellationToken).ConfigureAwait(false)
            : $"{catalog.Name} changed while it was being read. Run the command again when the file is complete.";
    }

    /// <summary>What to say about a catalog whose last line is cut off; null if it is complete, or has no lines of its own.</summary>
    private async ValueTask<string?> CutOffLineAsync(CatalogSync sync, CatalogFile catalog, SyncTally tally, CancellationToken cancellationToken) =>
        sync.MalformedLine is { } line
        && catalog is { MustBeChecked: false, Tally: null }
        && await catalog.EndsInsideLineAsync(pipeline.ContentOptions.MaxItemBytes, cancellationToken).ConfigureAwait(false)
            ? CutOff(catalog.Name, FormattableString.Invariant($"The file ends inside an item (line {line:N0})."), tally.Counts)
            : null;

    /// <summary>Says where a file was cut off or is broken, and what was sent all the same.</summary>
    private static string CutOff(string name, string fault, SyncCounts counts)
    {
        var before = counts.Read - counts.Invalid is > 0 and var accepted
            ? $"{Wording.Count(accepted, "item before that place was", "items before that place were")} accepted; the counts say with what outcome."
            : "No item was accepted.";
        return $"{name} cannot be read to its end: {Wording.Sentence(fault)} {before} Write the file again, completely, and sync it again: "
            + "what is in sync is not sent again.";
    }

    /// <summary>Reads a file to its end before any of it is accepted.</summary>
    private static async Task<string?> RefusalAsync(CatalogReader reader, DeclaredSnapshot snapshot, CancellationToken cancellationToken)
    {
        try
        {
            await reader.CountAsync(snapshot, cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (CatalogFormatException e)
        {
            return $"{snapshot.Name} was refused as a whole: {e.Message} Nothing was sent.";
        }
    }

    private async Task<CatalogPlan?> PlanAsync(CatalogFile catalog, CancellationToken cancellationToken) =>
        (await pipeline.Resync.Planner.PlanAsync(catalog.Snapshot, PlanScope.Additions, cancellationToken).ConfigureAwait(false)).Plan;

    /// <summary>Why items are still pending and what to do; null if none are.</summary>
    internal static string? Unfinished(long pending, OpenCircuit? open) => (pending, open) switch
    {
        (0, _) => null,
        (_, { Code: ClientCodes.ClockFault } circuit) =>
            $"The circuit breaker is open because a clock is wrong: {TerminalText.Plain(circuit.Message)} "
            + "Set the clock, or ask AlipayHK about its own, then run the command again.",
        (_, { Cause: TripCause.ConfigurationFault } circuit) =>
            $"The circuit breaker is open because AlipayHK refuses our requests: {Reason(circuit)}. "
            + "Check --client-id, --key, --key-version and --gateway, then run the command again.",
        (_, { Code: ClientCodes.InvalidResponseSignature or ClientCodes.UnknownResponseKeyVersion } circuit) =>
            $"The circuit breaker is open because AlipayHK's responses cannot be verified: {Reason(circuit)}. AlipayHK's key is wrong or was "
            + "changed: check --alipayhk-key and --alipayhk-key-version, then run the command again. "
            + "AlipayHK may hold the items; they are sent again.",
        (_, { } circuit) =>
            $"The circuit breaker is open after too many failures in a row, most recently {Reason(circuit)}. "
            + "Run the command again when AlipayHK is reachable.",
        _ => "Some items are waiting for a delayed retry. Run the command again to continue with them.",
    };

    private static string Reason(OpenCircuit circuit) => $"{circuit.Code} ({TerminalText.Plain(circuit.Message).TrimEnd('.')})";

    private ProgressState Progress(CatalogFile catalog, SyncTally tally)
    {
        var counts = tally.Counts;
        var read = (double)catalog.Position / Math.Max(1, catalog.Length);
        var finished = counts.Read - counts.Pending;
        var share = counts.Read == 0 ? 0 : read * finished / counts.Read;
        var rate = _rate.Add(finished);

        // Of the part that was not read yet, only its bytes are known.
        var left = read > 0 && rate > 0 ? TimeSpan.FromSeconds(((counts.Read / read) - finished) / rate) : (TimeSpan?)null;
        var inSync = counts.Synchronized + counts.Unchanged;
        List<string> lines =
        [
            string.Create(
                CultureInfo.InvariantCulture,
                $"{counts.Read:n0} read, {inSync:n0} in sync, {counts.Invalid:n0} invalid, {counts.Pending:n0} pending"),
            ProgressScreen.RateLine(rate, left),
        ];
        if (ProgressScreen.CodesLine("failed attempts", tally.FailedAttempts) is { } codes) lines.Add(codes);
        if (pipeline.Synchronizer.OpenCircuit is { } circuit) lines.Add($"circuit breaker open: {circuit.Code}");
        return new ProgressState(catalog.Name, share, lines);
    }

    /// <param name="Stopped">Why the run ended before all items were in sync; null if they are.</param>
    /// <param name="Unreadable">Whether the catalog or the ledger could not be read to its end.</param>
    private readonly record struct WorkResult(string? Stopped, bool Unreadable);
}
