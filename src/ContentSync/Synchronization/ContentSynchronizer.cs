using System.Runtime.CompilerServices;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Diagnostics.Trends;
using ContentSync.Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Synchronization;

/// <summary>
/// The pipeline behind every input: accepts items into the ledger and sends one item at a time to AlipayHK. Thread-safe. One
/// instance per process.
/// </summary>
/// <remarks>
/// The pooled builders of its async methods save about 780 of 7,600 allocated bytes per item; the time of an item does not show it. The
/// benchmark <c>allocations</c> measures both.
/// </remarks>
public sealed partial class ContentSynchronizer(
    ISyncLedger ledger,
    AlipayHkClient client,
    SharedCircuitBreaker breaker,
    SendSwitch sendSwitch,
    RequestIdSource requestIds,
    RecoverabilityOptions options,
    RetentionOptions retention,
    ItemAlerts alerts,
    JitterSource jitter,
    [FromKeyedServices(Clocks.Store)] TimeProvider time,
    ILogger<ContentSynchronizer> logger,
    TrendRecorder? trends = null)
{
    /// <summary>
    /// Upper bound of attempts in one call. A newer version accepted meanwhile is sent at once; beyond this bound it is left to the
    /// queue.
    /// </summary>
    private const int MaxVersionsPerRun = 3;

    /// <summary>The ledger may take 1/8 of the lease to grant it. The attempt itself takes up to two thirds of the lease.</summary>
    private const int LeaseShareForLedger = 8;

    /// <summary>How long to wait for the ledger to record an outcome. The caller's cancellation does not shorten it.</summary>
    private static readonly TimeSpan RecordTimeout = TimeSpan.FromSeconds(10);

    private readonly ClockFaultDetector _clockFaults = new();

    /// <summary>State of the open circuit breaker as this process knows it; null while it is closed.</summary>
    public OpenCircuit? OpenCircuit => breaker.OpenState;

    /// <summary>Accepts validated items into the ledger. Once this returns, none of them can be lost.</summary>
    /// <param name="items">The items in the caller's order.</param>
    /// <param name="firstReceivedAt">
    /// When they first reached us (<see cref="ChangeVersion.FirstReceivedAt"/>). Of two without revision or occurredAt for the same
    /// contentId, the first one wins; where the last one should, submit each at its own time.
    /// </param>
    /// <param name="cancellationToken">Ends the wait; some of the items may have been accepted.</param>
    /// <exception cref="LedgerUnavailableException">The write failed; accepting the items again is safe.</exception>
    public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(
        IReadOnlyList<ContentItem> items, DateTimeOffset firstReceivedAt, CancellationToken cancellationToken)
    {
        var submissions = new Submission[items.Count];
        for (var i = 0; i < submissions.Length; i++) submissions[i] = Submit(items[i], firstReceivedAt);
        return AcceptAsync(submissions, cancellationToken);
    }

    /// <inheritdoc cref="AcceptAsync(IReadOnlyList{ContentItem}, DateTimeOffset, CancellationToken)"/>
    /// <param name="submissions">Created by <see cref="Submit"/>, in the caller's order.</param>
    /// <param name="cancellationToken">Ends the wait; some of the items may have been accepted.</param>
    public async ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        var acceptances = await ledger.AcceptAsync(submissions, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < acceptances.Count; i++)
        {
            if (acceptances[i].TimeWasAhead) LogTimeAhead(submissions[i].Item.ContentId, submissions[i].Version.ToString());
        }

        return acceptances;
    }

    /// <summary>Creates the submission of an item that first reached us at <paramref name="firstReceivedAt"/>.</summary>
    public Submission Submit(ContentItem item, DateTimeOffset firstReceivedAt) =>
        new(item, ChangeVersion.Of(item, firstReceivedAt), Prepare) { KeepsSentBody = retention.SentBodies };

    /// <inheritdoc cref="ISyncLedger.RefuseAsync"/>
    public ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
        ledger.RefuseAsync(contentId, version, code, message, cancellationToken);

    /// <summary>
    /// Sends the newest accepted version of an item to AlipayHK, or returns why it cannot be sent now. Safe to call at any time and
    /// any number of times.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled; the item stays pending and the attempt is not counted.</exception>
    public ValueTask<SyncOutcome> SynchronizeAsync(string contentId, CancellationToken cancellationToken) =>
        SynchronizeAsync(contentId, null, cancellationToken);

    /// <summary>Does the same for an item that was accepted just now, with one call to the ledger less if it has not changed since.</summary>
    /// <inheritdoc cref="SynchronizeAsync(string, CancellationToken)"/>
    public ValueTask<SyncOutcome> SynchronizeAsync(SyncRecord accepted, CancellationToken cancellationToken) =>
        SynchronizeAsync(accepted.ContentId, accepted, cancellationToken);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<SyncOutcome> SynchronizeAsync(string contentId, SyncRecord? accepted, CancellationToken cancellationToken)
    {
        using var activity = Telemetry.StartItem(contentId);
        try
        {
            for (var versions = 1; ; versions++)
            {
                var (outcome, newerPending) = await RunOnceAsync(contentId, versions == 1 ? accepted : null, cancellationToken).ConfigureAwait(false);
                if (newerPending && versions < MaxVersionsPerRun) continue;
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
    private async ValueTask<RunResult> RunOnceAsync(string contentId, SyncRecord? accepted, CancellationToken cancellationToken)
    {
        var sending = await sendSwitch.CurrentAsync(cancellationToken).ConfigureAwait(false);
        if (sendSwitch.IsOutdated) return new(Uninformed(), NewerPending: false);
        if (sending.PauseOf(null) is { } pause) return new(Paused(pause, null), NewerPending: false);
        var (permit, refusedFor) = await breaker.EnterAsync(contentId, cancellationToken).ConfigureAwait(false);
        if (refusedFor is { } wait)
        {
            await breaker.ShareAsync().ConfigureAwait(false);
            var open = breaker.OpenState;
            var deferred = Pending(PendingCause.Deferred, WithJitter(wait), null);
            return new(deferred with { Code = open?.Code, Description = open?.Message }, NewerPending: false);
        }

        var (reported, cancelled) = (false, false);
        try
        {
            var requestedAt = time.GetTimestamp();
            // The outcome may never be recorded, because the process or the ledger fails, so the lease covers the late-effect window too.
            var duration = options.LeaseDuration + options.LateEffectWindow;
            var lease = accepted is null
                ? ledger.LeaseAsync(contentId, duration, cancellationToken)
                : ledger.LeaseAsync(accepted, duration, cancellationToken);
            var (status, record) = await lease.ConfigureAwait(false);
            if (status != LeaseStatus.Granted) return new(NotLeased(status, record), NewerPending: false);

            // The lease began when the ledger wrote it. If the response took long, or if it shows that the clock that set the end was behind, the
            // lease might expire while the request is in flight.
            var leased = record!;
            var maxLate = options.LeaseDuration / LeaseShareForLedger;
            var left = leased.Lease!.ExpiresAt - time.GetUtcNow();
            if (time.GetElapsedTime(requestedAt) > maxLate || left < duration - maxLate)
                return await ReleaseLateLeaseAsync(leased).ConfigureAwait(false);
            if (sending.PauseOf(leased.ContentType) is { } typePause)
            {
                var (_, released) = await RecordAsync(leased, new AttemptOutcome(AttemptOutcomeKind.Released)).ConfigureAwait(false);
                return new(Paused(typePause, released), NewerPending: false);
            }

            if (leased.Attempts > RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(options))
                return await ParkExhaustedAsync(leased).ConfigureAwait(false);

            SynchronizeResult result;
            try
            {
                result = await client.SynchronizeAsync(
                    leased.Body, cancellationToken, immediateRetries: !permit.IsProbe, permit.Claim).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                cancelled = true;
                // AlipayHK may still process the request.
                var now = time.GetUtcNow();
                var released = new AttemptOutcome(AttemptOutcomeKind.Released)
                {
                    Attempt = new SyncAttempt(now, leased.RequestId, ClientCodes.Interrupted, "The attempt was cancelled.", null),
                    LateEffectUntil = now + options.LateEffectWindow,
                };
                await RecordAsync(leased, released).ConfigureAwait(false);
                throw;
            }

            var isItemAtFault = RecoverabilityPolicy.IsItemAtFault(options, leased.LastAttempt, result, breaker.EvidenceFor(permit));
            result = _clockFaults.Examine(contentId, result, isItemAtFault);
            breaker.Report(permit, contentId, result, isItemAtFault);
            reported = true;
            CountVerificationFailure(result);
            trends?.CountOutcome(result.Code);
            return await CompleteAttemptAsync(leased, result, permit.IsProbe, isItemAtFault).ConfigureAwait(false);
        }
        finally
        {
            if (!reported) breaker.Return(permit, cancelled);
            await breaker.ShareAsync().ConfigureAwait(false);
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RunResult> CompleteAttemptAsync(
        SyncRecord leased, SynchronizeResult result, bool isProbe, bool isItemAtFault)
    {
        var now = time.GetUtcNow();
        var decision = Decide(leased, result, isProbe, isItemAtFault, now);
        var message = ResponseClassifier.Truncate(result.Message);
        var attempt = new SyncAttempt(now, result.RequestId ?? leased.RequestId, result.Code, message, result.TracerId);
        var outcome = decision switch
        {
            RecoverabilityDecision.Complete => new AttemptOutcome(AttemptOutcomeKind.Synchronized)
            {
                Attempt = attempt,
                TemplateCode = result.TemplateCode,
                TemplateStatus = result.TemplateStatus,
            },
            RecoverabilityDecision.Park parked => new AttemptOutcome(AttemptOutcomeKind.Parked) { Attempt = attempt, ParkReason = parked.Reason },
            RecoverabilityDecision.DelayedRetry retry => new AttemptOutcome(AttemptOutcomeKind.RetryAt)
            {
                Attempt = attempt,
                DueAt = now + retry.Delay,
            },
            RecoverabilityDecision.Defer deferral => new AttemptOutcome(AttemptOutcomeKind.DeferredUntil)
            {
                Attempt = attempt,
                DueAt = now + deferral.Delay,
            },
            _ => throw new InvalidOperationException($"Unknown decision {decision}."),
        };
        if (result.MayTakeEffectLater) outcome = outcome with { LateEffectUntil = now + options.LateEffectWindow };

        // The last request was not sent, but one before it may have been.
        if (result.Code is ClientCodes.SigningUnavailable or ClientCodes.SendBudgetSpent && !result.MayTakeEffectLater)
            outcome = outcome with { WasSent = false };
        Log(leased, result, decision);
        var (status, record) = await RecordAsync(leased, outcome).ConfigureAwait(false);
        if (status == RecordStatus.Recorded && outcome.Kind == AttemptOutcomeKind.Parked) CountParked(record);
        if (status != RecordStatus.LeaseLost && TemplateStatuses.IsInactive(outcome.TemplateStatus)) WarnOfTemplate(record);
        return status switch
        {
            RecordStatus.NewerPending => new(Pending(PendingCause.NotDue, TimeSpan.Zero, record), NewerPending: true),
            RecordStatus.LeaseLost => new(Pending(PendingCause.Busy, options.LeaseDuration, record), NewerPending: false),
            _ => new(Outcome(decision, result, record), NewerPending: false),
        };
    }

    private async ValueTask<RunResult> ReleaseLateLeaseAsync(SyncRecord leased)
    {
        var (_, record) = await RecordAsync(leased, new AttemptOutcome(AttemptOutcomeKind.Released)).ConfigureAwait(false);
        var pending = Pending(PendingCause.LedgerUnavailable, WithJitter(TimeSpan.Zero), record);
        return new(pending with { Description = "The ledger responds too slowly to send safely." }, NewerPending: false);
    }

    private RecoverabilityDecision Decide(SyncRecord leased, SynchronizeResult result, bool isProbe, bool isItemAtFault, DateTimeOffset now)
    {
        // An attempt that was in flight when the circuit breaker tripped is deferred like the rest: AlipayHK is down, so the item is not
        // the cause. A failed probe counts as an attempt, because its item may be the cause.
        return !isProbe && !isItemAtFault && breaker.OpenState is { } open && RecoverabilityPolicy.FailedWithoutSignedResponse(result)
            ? new RecoverabilityDecision.Defer(WithJitter(open.NextProbe - now))
            : RecoverabilityPolicy.Decide(options, result, leased.Attempts, Age(leased, now), jitter.Draw(), isItemAtFault);
    }

    // While sending is paused, an item does not get older.
    private TimeSpan Age(SyncRecord leased, DateTimeOffset now) =>
        now - leased.AcceptedAt - sendSwitch.Known.PausedTime(leased.ContentType, leased.AcceptedAt, now);

    private async ValueTask<RunResult> ParkExhaustedAsync(SyncRecord leased)
    {
        var last = leased.LastAttempt;
        var result = new SynchronizeResult(
            SynchronizeResultKind.Retryable, last?.Code ?? ClientCodes.Interrupted, last?.Message ?? "The process ended during each attempt.");
        var decision = RecoverabilityPolicy.Exhausted(result, leased.Attempts - 1);
        var attempt = last ?? new SyncAttempt(time.GetUtcNow(), leased.RequestId, result.Code, result.Message, null);
        var outcome = new AttemptOutcome(AttemptOutcomeKind.Parked) { Attempt = attempt, ParkReason = decision.Reason };
        var (status, record) = await RecordAsync(leased, outcome).ConfigureAwait(false);
        if (status != RecordStatus.Recorded) return new(Pending(PendingCause.Busy, TimeSpan.Zero, record), status == RecordStatus.NewerPending);
        CountParked(record);
        return new(Outcome(decision, result, record), NewerPending: false);
    }

    // Takes no token of the caller's: what AlipayHK did must be recorded even if the caller has cancelled.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome)
    {
        using var timeout = new CancellationTokenSource(RecordTimeout, time);
        try
        {
            var kept = retention.SentBodies ? outcome with { KeepsSentBody = true } : outcome;
            return await ledger.RecordAsync(leased, kept, timeout.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new LedgerUnavailableException($"The ledger did not respond within {RecordTimeout.TotalSeconds:0} seconds.", e);
        }
    }

    private SyncOutcome NotLeased(LeaseStatus status, SyncRecord? record) => status switch
    {
        LeaseStatus.NotFound => new SyncOutcome(SyncOutcomeKind.NotFound),
        LeaseStatus.Busy => Pending(PendingCause.Busy, Until(record!.Lease!.ExpiresAt), record),
        LeaseStatus.NotDue => Pending(PendingCause.NotDue, Until(record!.DueAt), record),
        _ when record!.State == SyncState.Parked => Parked(record),
        _ => new SyncOutcome(SyncOutcomeKind.Unchanged) { Record = record },
    };

    private static SyncOutcome Outcome(RecoverabilityDecision decision, SynchronizeResult result, SyncRecord record) => decision switch
    {
        RecoverabilityDecision.Complete => new SyncOutcome(SyncOutcomeKind.Synchronized) { Record = record, Code = result.Code },
        RecoverabilityDecision.Park parked => Parked(record) with { Description = parked.Description },
        RecoverabilityDecision.DelayedRetry retry =>
            Pending(PendingCause.Retry, retry.Delay, record) with { Code = result.Code, Description = result.Message },
        RecoverabilityDecision.Defer deferral =>
            Pending(PendingCause.Deferred, deferral.Delay, record) with { Code = result.Code, Description = result.Message },
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

    private SyncOutcome Uninformed() => Pending(PendingCause.LedgerUnavailable, SendSwitch.MaxAge, null) with
    {
        Description = $"It is unknown whether sending is paused or stopped. {sendSwitch.Fault}",
    };

    private static SyncOutcome Paused(SendPause pause, SyncRecord? record) => Pending(PendingCause.Paused, SendSwitch.MaxAge, record) with
    {
        Code = ClientCodes.Paused,
        Description = $"{pause.By} paused {(pause.ContentType is { } type ? $"sending {type}" : "all sending")} at {pause.Since:u}: {pause.Reason}",
    };

    private TimeSpan Until(DateTimeOffset then) => then - time.GetUtcNow();

    // Spreads deferred items over the time after the next probe, so that they are not all sent at once.
    private TimeSpan WithJitter(TimeSpan wait) => (wait > TimeSpan.Zero ? wait : TimeSpan.Zero) + options.ProbeInterval * jitter.Draw();

    private PreparedRequest Prepare(ContentItem item)
    {
        var requestId = requestIds.Create();
        return new PreparedRequest(requestId, SynchronizeRequest.Prepare(item, requestId));
    }

    // An intermediary's error page is unsigned too, so an unsigned response counts only if it claims a success.
    private static void CountVerificationFailure(SynchronizeResult result)
    {
        if (result.Verification is null or SignatureVerification.Valid) return;
        if (result.Verification == SignatureVerification.Unsigned && result.Code != ClientCodes.UnsignedSuccess) return;
        Telemetry.VerificationFailures.Add(1, new KeyValuePair<string, object?>("verification", result.Verification.ToString()));
    }

    private void CountParked(SyncRecord record)
    {
        Telemetry.Parked.Add(1, new("reason", record.ParkReason?.ToString()), new("code", record.LastAttempt?.Code));
        alerts.Parked(record);
    }

    private void WarnOfTemplate(SyncRecord record)
    {
        Telemetry.InactiveTemplates.Add(1, new KeyValuePair<string, object?>("status", record.TemplateStatus));
        LogInactiveTemplate(record.ContentId, record.TemplateCode, record.TemplateStatus);
        alerts.InactiveTemplate(record);
    }

    private void Log(SyncRecord leased, SynchronizeResult result, RecoverabilityDecision decision)
    {
        switch (decision)
        {
            case RecoverabilityDecision.Complete:
                LogSynchronized(leased.ContentId, leased.RequestId, result.TracerId);
                break;
            case RecoverabilityDecision.Park parked:
                LogParked(leased.ContentId, leased.RequestId, result.Code, result.TracerId, parked.Description);
                break;
            case RecoverabilityDecision.DelayedRetry retry:
                LogRetry(leased.ContentId, leased.RequestId, result.Code, leased.Attempts, retry.Delay, result.TracerId);
                break;
            case RecoverabilityDecision.Defer deferral:
                LogDeferred(leased.ContentId, result.Code, result.Message, deferral.Delay);
                break;
        }
    }

    [LoggerMessage(EventId = 2001, Level = LogLevel.Debug, Message = "Synchronized {ContentId} with request {RequestId}, tracer {TracerId}")]
    private partial void LogSynchronized(string contentId, string requestId, string? tracerId);

    [LoggerMessage(
        EventId = 2002,
        Level = LogLevel.Information,
        Message = "Attempt {Attempt} of {ContentId} failed with {Code}, request {RequestId}, tracer {TracerId}; next attempt in {Delay}")]
    private partial void LogRetry(string contentId, string requestId, string code, int attempt, TimeSpan delay, string? tracerId);

    [LoggerMessage(EventId = 2003, Level = LogLevel.Warning, Message = "Deferred {ContentId} for {Delay}: {Code}, {Reason}")]
    private partial void LogDeferred(string contentId, string code, string reason, TimeSpan delay);

    [LoggerMessage(
        EventId = 2004,
        Level = LogLevel.Warning,
        Message = "Parked {ContentId}, request {RequestId}: {Code}, tracer {TracerId}. {Description}")]
    private partial void LogParked(string contentId, string requestId, string code, string? tracerId, string description);

    [LoggerMessage(EventId = 2005, Level = LogLevel.Error, Message = "The ledger cannot be reached for {ContentId}: {Reason}")]
    private partial void LogLedgerUnavailable(string contentId, string reason);

    [LoggerMessage(
        EventId = 2006,
        Level = LogLevel.Warning,
        Message = "The time {Time} of {ContentId} is more than five minutes ahead of the store's clock and counts as the time of its first receipt")]
    private partial void LogTimeAhead(string contentId, string time);

    [LoggerMessage(
        EventId = 2007,
        Level = LogLevel.Warning,
        Message = "AlipayHK acknowledged {ContentId}, but reports its template {TemplateCode} as {TemplateStatus}")]
    private partial void LogInactiveTemplate(string contentId, string? templateCode, string? templateStatus);

    /// <param name="Outcome">The outcome of one version of the item.</param>
    /// <param name="NewerPending">Whether a newer version was accepted meanwhile and is pending.</param>
    private readonly record struct RunResult(SyncOutcome Outcome, bool NewerPending);
}
