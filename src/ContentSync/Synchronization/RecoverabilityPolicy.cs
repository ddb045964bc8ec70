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
/// </code>
/// Signed means that AlipayHK sent a signed response: it was up and could not process this item. Without one (unsigned), AlipayHK may
/// only be down, and no item is the cause of that. Age alone parks nothing: an item that was deferred for long still has its attempts.
/// </summary>
public static class RecoverabilityPolicy
{
    /// <param name="options">The limits.</param>
    /// <param name="result">The result of the attempt.</param>
    /// <param name="attempts">Attempts spent on this request, including this one.</param>
    /// <param name="age">Time since the item was accepted.</param>
    /// <param name="jitter">Uniformly distributed in [0, 1).</param>
    public static RecoverabilityDecision Decide(
        RecoverabilityOptions options, SynchronizeResult result, int attempts, TimeSpan age, double jitter) => result.Kind switch
        {
            SynchronizeResultKind.Succeeded => RecoverabilityDecision.Complete.Instance,
            SynchronizeResultKind.Rejected => new RecoverabilityDecision.Park(
                ParkReason.Rejected,
                $"AlipayHK rejected this item with {result.Code}: {result.Message} Change its content; the same content is not sent again."),
            SynchronizeResultKind.ConfigurationFault => new RecoverabilityDecision.Defer(options.ProbeInterval),
            SynchronizeResultKind.SigningUnavailable =>
                new RecoverabilityDecision.Defer(Bounded(options, result.RetryAfter) ?? options.SigningRetryDelay),
            _ when attempts >= (HasSignedResponse(result) ? options.MaxAttempts : MaxAttemptsWithoutSignedResponse(options)) =>
                Exhausted(result, attempts),
            _ when age >= options.MaxAge && attempts * 2 >= options.MaxAttempts => new RecoverabilityDecision.Park(
                ParkReason.AgeExceeded,
                string.Create(CultureInfo.InvariantCulture, $"Not acknowledged within {options.MaxAge.TotalHours:0.#} hours; {LastAttempt(result)}")),
            _ => new RecoverabilityDecision.DelayedRetry(
                Bounded(options, result.RetryAfter) ?? options.BackOff[Math.Min(attempts, options.BackOff.Count) - 1] * jitter),
        };

    /// <summary>The decision for an item that has spent all its attempts.</summary>
    public static RecoverabilityDecision.Park Exhausted(SynchronizeResult result, int attempts) => new(
        ParkReason.AttemptsExhausted,
        string.Create(CultureInfo.InvariantCulture, $"All {attempts} attempts failed; {LastAttempt(result)}"));

    /// <summary>Attempts before an item is parked if the last one got no signed response; no item ever exceeds this number.</summary>
    public static int MaxAttemptsWithoutSignedResponse(RecoverabilityOptions options) => options.MaxAttempts * 2;

    /// <summary>Whether the attempt failed without a signed response: AlipayHK may only be down.</summary>
    public static bool FailedWithoutSignedResponse(SynchronizeResult result) =>
        result.Kind == SynchronizeResultKind.Retryable && !HasSignedResponse(result);

    private static bool HasSignedResponse(SynchronizeResult result) => result.Verification == SignatureVerification.Valid;

    private static string LastAttempt(SynchronizeResult result) =>
        $"the last one ended with {result.Code}: {result.Message} Replay it once the cause is fixed.";

    private static TimeSpan? Bounded(RecoverabilityOptions options, TimeSpan? retryAfter) =>
        retryAfter is { } wait ? (wait < options.MaxRetryAfter ? wait : options.MaxRetryAfter) : null;
}
