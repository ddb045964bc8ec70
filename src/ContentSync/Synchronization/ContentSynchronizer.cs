using System.Runtime.CompilerServices;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Ledger;
using Microsoft.Extensions.Logging;

namespace ContentSync.Synchronization;

/// <summary>
/// The one pipeline behind every trigger: takes content into the ledger, and brings one content at a time to AlipayHK.
/// Thread-safe; made once per process, so that all triggers share one gate.
/// </summary>
public sealed partial class ContentSynchronizer(
    ISyncLedger ledger,
    AlipayHkClient client,
    CircuitBreaker gate,
    RequestIdSource requestIds,
    RecoverabilityOptions options,
    Func<double> jitter,
    TimeProvider time,
    ILogger<ContentSynchronizer> logger)
{
    /// <summary>Most newer revisions that one run goes on with before it leaves the rest to the queue.</summary>
    private const int MaxRevisionsPerRun = 3;

    /// <summary>Which part of a lease may pass before it is in our hands. The call itself needs up to two thirds of it.</summary>
    private const int LeaseShareForLedger = 8;

    /// <summary>How long the ledger may take to write down an ending after the caller has gone.</summary>
    private static readonly TimeSpan EndingTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The stop of all sending in force, or null.</summary>
    public OpenCircuit? OpenCircuit => gate.OpenState;

    /// <summary>Takes validated contents into the ledger. Once this returns, none of them can be lost.</summary>
    /// <param name="items">In the order in which the caller means them.</param>
    /// <param name="receivedAt">When the broker or the host received them: the revision of an item that brings none.</param>
    /// <param name="cancellationToken">Ends the wait; some of the items may have been accepted.</param>
    /// <exception cref="LedgerUnavailableException">The store did not take them; accepting them again is safe.</exception>
    public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<ContentItem> items, DateTimeOffset receivedAt, CancellationToken cancellationToken)
    {
        var received = Revision.At(receivedAt);
        var submissions = new Submission[items.Count];
        for (var i = 0; i < submissions.Length; i++) submissions[i] = new Submission(items[i], items[i].Revision ?? received, Prepare);
        return ledger.AcceptAsync(submissions, cancellationToken);
    }

    /// <summary>Brings the newest accepted revision of one content to AlipayHK, or says why not now. Safe to call at any time, any number of times.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; the content stays pending and has spent no attempt.</exception>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<SyncOutcome> SynchronizeAsync(string contentId, CancellationToken cancellationToken)
    {
        using var activity = Telemetry.StartItem(contentId);
        try
        {
            for (var revisions = 1; ; revisions++)
            {
                var (outcome, newerPending) = await RunOnceAsync(contentId, cancellationToken).ConfigureAwait(false);
                if (newerPending && revisions < MaxRevisionsPerRun) continue;
                if (Telemetry.Outcomes.Enabled) Telemetry.Outcomes.Add(1, new("outcome", outcome.Kind.ToString()), new("code", outcome.Code));
                activity?.SetTag("outcome", outcome.Kind.ToString()).SetTag(Telemetry.TracerIdTag, outcome.Record?.LastAttempt?.TracerId);
                return outcome;
            }
        }
        catch (LedgerUnavailableException e)
        {
            LogLedgerUnavailable(contentId, e.Message);
            return Pending(PendingCause.LedgerUnavailable, options.LeaseDuration, null) with { Description = e.Message };
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(SyncOutcome Outcome, bool NewerPending)> RunOnceAsync(string contentId, CancellationToken cancellationToken)
    {
        if (!gate.TryEnter(out var permit, out var wait))
            return (Pending(PendingCause.Deferred, WithJitter(wait), null) with { Code = gate.OpenState?.Code, Description = gate.OpenState?.Message }, false);

        var reported = false;
        try
        {
            var asked = time.GetTimestamp();
            var (status, record) = await ledger.LeaseAsync(contentId, options.LeaseDuration, cancellationToken).ConfigureAwait(false);
            if (status != LeaseStatus.Granted) return (NotLeased(status, record), false);

            // The lease runs from when it was written: one that was long on its way might end with the request still in flight.
            var leased = record!;
            if (time.GetElapsedTime(asked) > options.LeaseDuration / LeaseShareForLedger) return await ReleaseCancelledAsync(leased).ConfigureAwait(false);
            if (leased.Attempts > RecoverabilityPolicy.MaxUnansweredAttempts(options)) return await ParkExhaustedAsync(leased).ConfigureAwait(false);

            SynchronizeResult answer;
            try
            {
                answer = await client.SynchronizeAsync(leased.Body, cancellationToken, immediateRetries: !permit.IsProbe).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // AlipayHK may have the request in its hands all the same.
                await RecordAsync(leased, new AttemptOutcome(AttemptOutcomeKind.Released) { LateEffectUntil = time.GetUtcNow() + options.LateEffectWindow }).ConfigureAwait(false);
                throw;
            }

            gate.Report(permit, answer);
            reported = true;
            CountVerificationFailure(answer);
            return await CompleteAttemptAsync(leased, answer, permit.IsProbe).ConfigureAwait(false);
        }
        finally
        {
            if (!reported) gate.Return(permit);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<(SyncOutcome Outcome, bool NewerPending)> CompleteAttemptAsync(SyncRecord leased, SynchronizeResult answer, bool isProbe)
    {
        var now = time.GetUtcNow();
        var decision = Decide(leased, answer, isProbe, now);
        var attempt = new SyncAttempt(now, answer.RequestId ?? leased.RequestId, answer.Code, Shortened(answer.Message), answer.TracerId);
        var ending = decision switch
        {
            RecoverabilityDecision.Complete => new AttemptOutcome(AttemptOutcomeKind.Synchronized) { Attempt = attempt, TemplateCode = answer.TemplateCode, TemplateStatus = answer.TemplateStatus },
            RecoverabilityDecision.Park parked => new AttemptOutcome(AttemptOutcomeKind.Parked) { Attempt = attempt, ParkReason = parked.Reason },
            RecoverabilityDecision.DelayedRetry retry => new AttemptOutcome(AttemptOutcomeKind.RetryAt) { Attempt = attempt, DueAt = now + retry.Delay },
            RecoverabilityDecision.Defer pause => new AttemptOutcome(AttemptOutcomeKind.DeferredUntil) { Attempt = attempt, DueAt = now + pause.Delay },
            _ => throw new InvalidOperationException($"Unknown decision {decision}."),
        };
        if (answer.MayTakeEffectLater) ending = ending with { LateEffectUntil = now + options.LateEffectWindow };
        Log(leased, answer, decision);
        var (status, record) = await RecordAsync(leased, ending).ConfigureAwait(false);
        if (status == RecordStatus.Recorded && ending.Kind == AttemptOutcomeKind.Parked) CountParked(record);
        return status switch
        {
            RecordStatus.NewerPending => (Pending(PendingCause.NotDue, TimeSpan.Zero, record), true),
            RecordStatus.LeaseLost => (Pending(PendingCause.Busy, options.LeaseDuration, record), false),
            _ => (Outcome(decision, answer, record), false),
        };
    }

    private async ValueTask<(SyncOutcome Outcome, bool NewerPending)> ReleaseCancelledAsync(SyncRecord leased)
    {
        var (_, record) = await RecordAsync(leased, new AttemptOutcome(AttemptOutcomeKind.Released)).ConfigureAwait(false);
        return (Pending(PendingCause.LedgerUnavailable, WithJitter(TimeSpan.Zero), record) with { Description = "The ledger answers too slowly to send safely." }, false);
    }

    private RecoverabilityDecision Decide(SyncRecord leased, SynchronizeResult answer, bool isProbe, DateTimeOffset now)
    {
        // What was under way when sending stopped waits with the others: AlipayHK is down, which is not this content's fault. A probe
        // is an attempt like any other, for it may be the content that is at fault.
        return !isProbe && gate.OpenState is { } stop && RecoverabilityPolicy.IsUnanswered(answer)
            ? new RecoverabilityDecision.Defer(WithJitter(stop.NextProbe - now))
            : RecoverabilityPolicy.Decide(options, answer, leased.Attempts, now - leased.AcceptedAt, jitter());
    }

    private async ValueTask<(SyncOutcome Outcome, bool NewerPending)> ParkExhaustedAsync(SyncRecord leased)
    {
        var last = leased.LastAttempt;
        var answer = new SynchronizeResult(SynchronizeResultKind.Retryable, last?.Code ?? ClientCodes.Interrupted, last?.Message ?? "The process ended during each attempt.");
        var decision = RecoverabilityPolicy.Exhausted(answer, leased.Attempts - 1);
        var attempt = last ?? new SyncAttempt(time.GetUtcNow(), leased.RequestId, answer.Code, answer.Message, null);
        var (status, record) = await RecordAsync(leased, new AttemptOutcome(AttemptOutcomeKind.Parked) { Attempt = attempt, ParkReason = decision.Reason }).ConfigureAwait(false);
        if (status != RecordStatus.Recorded) return (Pending(PendingCause.Busy, TimeSpan.Zero, record), status == RecordStatus.NewerPending);
        CountParked(record);
        return (Outcome(decision, answer, record), false);
    }

    // Writing down what AlipayHK did must not be given up because the caller went away.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome ending)
    {
        using var timeout = new CancellationTokenSource(EndingTimeout, time);
        try
        {
            return await ledger.RecordAsync(leased, ending, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new LedgerUnavailableException($"The ledger did not answer within {EndingTimeout.TotalSeconds:0} seconds.", e);
        }
    }

    private SyncOutcome NotLeased(LeaseStatus status, SyncRecord? record) => status switch
    {
        LeaseStatus.NotFound => new SyncOutcome(SyncOutcomeKind.NotFound),
        LeaseStatus.Busy => Pending(PendingCause.Busy, Until(record!.Lease!.ExpiresAt), record),
        LeaseStatus.NotDue => Pending(PendingCause.NotDue, Until(record!.DueAt), record),
        _ => record!.State == SyncState.Synchronized ? new SyncOutcome(SyncOutcomeKind.Unchanged) { Record = record } : Parked(record),
    };

    private static SyncOutcome Outcome(RecoverabilityDecision decision, SynchronizeResult answer, SyncRecord record) => decision switch
    {
        RecoverabilityDecision.Complete => new SyncOutcome(SyncOutcomeKind.Synchronized) { Record = record, Code = answer.Code },
        RecoverabilityDecision.Park parked => Parked(record) with { Description = parked.Description },
        RecoverabilityDecision.DelayedRetry retry => Pending(PendingCause.Retry, retry.Delay, record) with { Code = answer.Code, Description = answer.Message },
        RecoverabilityDecision.Defer pause => Pending(PendingCause.Deferred, pause.Delay, record) with { Code = answer.Code, Description = answer.Message },
        _ => throw new InvalidOperationException($"Unknown decision {decision}."),
    };

    private static SyncOutcome Parked(SyncRecord record) =>
        new(record.ParkReason == ParkReason.Rejected ? SyncOutcomeKind.Rejected : SyncOutcomeKind.Parked)
        {
            Record = record,
            Code = record.LastAttempt?.Code,
            Description = record.LastAttempt?.Message,
        };

    private static SyncOutcome Pending(PendingCause cause, TimeSpan delay, SyncRecord? record) =>
        new(SyncOutcomeKind.Pending) { Cause = cause, Delay = delay > TimeSpan.Zero ? delay : TimeSpan.Zero, Record = record };

    private TimeSpan Until(DateTimeOffset then) => then - time.GetUtcNow();

    // Spreads what was held back over the time after the next probe, so that it does not arrive in one wave.
    private TimeSpan WithJitter(TimeSpan wait) => (wait > TimeSpan.Zero ? wait : TimeSpan.Zero) + options.ProbeInterval * jitter();

    private PreparedRequest Prepare(ContentItem item)
    {
        var requestId = requestIds.Create();
        return new PreparedRequest(requestId, SynchronizeRequest.Prepare(item, requestId));
    }

    // An error page of something on the way is unsigned as well; only who claims a success must have signed it.
    private static void CountVerificationFailure(SynchronizeResult answer)
    {
        if (answer.Verification is null or SignatureVerification.Valid) return;
        if (answer.Verification == SignatureVerification.Unsigned && answer.Code != ClientCodes.UnsignedSuccess) return;
        Telemetry.VerificationFailures.Add(1, new KeyValuePair<string, object?>("verification", answer.Verification.ToString()));
    }

    private static void CountParked(SyncRecord record) =>
        Telemetry.Parked.Add(1, new("reason", record.ParkReason?.ToString()), new("code", record.LastAttempt?.Code));

    private static string Shortened(string message) => message.Length <= 256 ? message : message[..256];

    private void Log(SyncRecord leased, SynchronizeResult answer, RecoverabilityDecision decision)
    {
        switch (decision)
        {
            case RecoverabilityDecision.Complete:
                LogSynchronized(leased.ContentId, leased.RequestId, answer.TracerId);
                break;
            case RecoverabilityDecision.Park parked:
                LogParked(leased.ContentId, leased.RequestId, answer.Code, answer.TracerId, parked.Description);
                break;
            case RecoverabilityDecision.DelayedRetry retry:
                LogRetry(leased.ContentId, leased.RequestId, answer.Code, leased.Attempts, retry.Delay, answer.TracerId);
                break;
            case RecoverabilityDecision.Defer pause:
                LogDeferred(leased.ContentId, answer.Code, answer.Message, pause.Delay);
                break;
        }
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Debug, Message = "Synchronized {ContentId} with request {RequestId}, tracer {TracerId}")]
    private partial void LogSynchronized(string contentId, string requestId, string? tracerId);

    [LoggerMessage(EventId = 2002, Level = LogLevel.Information, Message = "Retry of {ContentId}, request {RequestId}: {Code} on attempt {Attempt}, next in {Delay}, tracer {TracerId}")]
    private partial void LogRetry(string contentId, string requestId, string code, int attempt, TimeSpan delay, string? tracerId);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Warning, Message = "Paused {ContentId} for {Delay}: {Code}, {Reason}")]
    private partial void LogDeferred(string contentId, string code, string reason, TimeSpan delay);

    [LoggerMessage(EventId = 2004, Level = LogLevel.Warning, Message = "Parked {ContentId}, request {RequestId}: {Code}, tracer {TracerId}. {Description}")]
    private partial void LogParked(string contentId, string requestId, string code, string? tracerId, string description);

    [LoggerMessage(EventId = 2005, Level = LogLevel.Error, Message = "The ledger cannot be reached for {ContentId}: {Reason}")]
    private partial void LogLedgerUnavailable(string contentId, string reason);
}
