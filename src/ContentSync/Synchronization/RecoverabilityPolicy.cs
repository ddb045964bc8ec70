using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>
/// Decides what happens to an item after an attempt. A pure function: the same facts always give the same decision.
/// <code>
/// result                       attempts and age                     decision
/// Succeeded                    any                                  Complete
/// Rejected                     any                                  Park(Rejected)
/// Retryable                    within the limits                    DelayedRetry(Retry-After, or jitter x back-off of this attempt)
/// Retryable, unsigned          circuit breaker tripped meanwhile    Defer(until the next probe), unless it was a probe
/// Retryable, signed            MaxAttempts                          Park(AttemptsExhausted)
/// Retryable, unsigned          twice MaxAttempts                    Park(AttemptsExhausted)
/// Retryable                    half of MaxAttempts and too old      Park(AgeExceeded)
/// ConfigurationFault           any                                  Defer(one probe interval)
/// SigningUnavailable           any                                  Defer(Retry-After, or SigningRetryDelay)
/// item at fault                within the same limits               DelayedRetry; a configuration fault spends an attempt, too
/// item at fault                beyond them                          Park(AttemptsExhausted)
/// </code>
/// Signed means that AlipayHK sent a signed response: it was up and could not process this item. Without one (unsigned), AlipayHK may
/// only be down, and no item is the cause of that. Age alone parks nothing: an item that was deferred for long still has its attempts.
/// An item is at fault if it fails again (a configuration fault, or no signed response) although others succeeded since its last failure:
/// see <see cref="IsItemAtFault"/>.
/// </summary>
public static class RecoverabilityPolicy
{
    /// <param name="options">The limits.</param>
    /// <param name="result">The result of the attempt.</param>
    /// <param name="attempts">Attempts spent on this request, including this one.</param>
    /// <param name="age">Time since the item was accepted.</param>
    /// <param name="jitter">Uniformly distributed in [0, 1).</param>
    /// <param name="isItemAtFault">From <see cref="IsItemAtFault"/>.</param>
    public static RecoverabilityDecision Decide(
        RecoverabilityOptions options, SynchronizeResult result, int attempts, TimeSpan age, double jitter, bool isItemAtFault) => result.Kind switch
        {
            SynchronizeResultKind.Succeeded => RecoverabilityDecision.Complete.Instance,
            SynchronizeResultKind.Rejected => new RecoverabilityDecision.Park(
                ParkReason.Rejected,
                $"AlipayHK rejected this item with {result.Code}: {Wording.Sentence(result.Message)} "
                + "Change its content; the same content is not sent again."),
            _ when isItemAtFault => IsExhausted(options, result, attempts) || IsTooOld(options, attempts, age)
                ? ExhaustedAtFault(result, attempts)
                : Retry(options, result, attempts, jitter),
            SynchronizeResultKind.ConfigurationFault => new RecoverabilityDecision.Defer(options.ProbeInterval),
            SynchronizeResultKind.SigningUnavailable =>
                new RecoverabilityDecision.Defer(Bounded(options, result.RetryAfter) ?? options.SigningRetryDelay),
            _ when IsExhausted(options, result, attempts) => Exhausted(result, attempts),
            _ when IsTooOld(options, attempts, age) => new RecoverabilityDecision.Park(
                ParkReason.AgeExceeded,
                string.Create(CultureInfo.InvariantCulture, $"Not acknowledged within {options.MaxAge.TotalHours:0.#} hours; {LastAttempt(result)}")),
            _ => Retry(options, result, attempts, jitter),
        };

    /// <summary>
    /// Whether a failure is the item's own: it failed before, other items succeeded since, and it fails again. The first failure of an
    /// item never is. Neither is a failure in a series that is about to trip the circuit breaker, or while that is open: then AlipayHK
    /// has failed after those successes, and each item that failed before would look guilty.
    /// </summary>
    /// <param name="options">The limits.</param>
    /// <param name="last">The item's previous attempt, whatever version it sent; null if there was none.</param>
    /// <param name="result">The result of this attempt.</param>
    /// <param name="evidence">The other items' results.</param>
    public static bool IsItemAtFault(RecoverabilityOptions options, SyncAttempt? last, SynchronizeResult result, SendEvidence evidence) =>
        (result.Kind == SynchronizeResultKind.ConfigurationFault || FailedWithoutSignedResponse(result))
        && last is { Code: not (ResultCodes.Success or ClientCodes.SigningUnavailable or ClientCodes.SendBudgetSpent) }
        && evidence.SucceededAt > last.At
        && !evidence.IsOpen
        && evidence.FailuresInARow < Math.Max(1, options.BreakerThreshold - 1);

    /// <summary>The decision for an item that has spent all its attempts.</summary>
    public static RecoverabilityDecision.Park Exhausted(SynchronizeResult result, int attempts) => new(
        ParkReason.AttemptsExhausted,
        string.Create(CultureInfo.InvariantCulture, $"All {attempts} attempts failed; {LastAttempt(result)}"));

    // An item that spent attempts as a probe during an outage and fails once more is not yet one that always fails.
    private static bool IsExhausted(RecoverabilityOptions options, SynchronizeResult result, int attempts) =>
        attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options));

    private static bool IsTooOld(RecoverabilityOptions options, int attempts, TimeSpan age) =>
        age >= options.MaxAge && attempts * 2 >= options.MaxAttempts;

    private static RecoverabilityDecision.Park ExhaustedAtFault(SynchronizeResult result, int attempts) => new(
        ParkReason.AttemptsExhausted,
        string.Create(CultureInfo.InvariantCulture, $"All {attempts} attempts failed while other items succeeded; {LastAttempt(result)}"));

    private static RecoverabilityDecision.DelayedRetry Retry(RecoverabilityOptions options, SynchronizeResult result, int attempts, double jitter) =>
        new(Bounded(options, result.RetryAfter) ?? options.BackOff[Math.Min(attempts, options.BackOff.Count) - 1] * jitter);

    /// <summary>Attempts before an item is parked if the last one got no signed response; no item ever exceeds this number.</summary>
    public static int MaxAttemptsWithoutSignedResponse(RecoverabilityOptions options) => options.MaxAttempts * 2;

    /// <summary>Whether the attempt failed without a signed response: AlipayHK may only be down.</summary>
    public static bool FailedWithoutSignedResponse(SynchronizeResult result) =>
        result.Kind == SynchronizeResultKind.Retryable && !HasSignedResponse(result);

    private static bool HasSignedResponse(SynchronizeResult result) => result.Verification == SignatureVerification.Valid;

    private static string LastAttempt(SynchronizeResult result) =>
        $"the last one ended with {result.Code}: {Wording.Sentence(result.Message)} Replay it once the cause is fixed.";

    private static TimeSpan? Bounded(RecoverabilityOptions options, TimeSpan? retryAfter) =>
        retryAfter is { } wait ? (wait < options.MaxRetryAfter ? wait : options.MaxRetryAfter) : null;
}
