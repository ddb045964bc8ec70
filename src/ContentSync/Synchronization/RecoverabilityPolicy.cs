using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>
/// Decides what happens to a content after an attempt. A pure function: the same facts always give the same decision.
/// <code>
/// answer                       attempts and age                     decision
/// Succeeded                    any                                  Complete
/// Rejected                     any                                  DeadLetter(Rejected)
/// Retryable                    within the limits                    DelayedRetry(Retry-After, or jitter x back-off of this attempt)
/// Retryable, not answered      sending stopped meanwhile            Pause(until the next probe), unless it was a probe
/// Retryable, answered          MaxAttempts                          DeadLetter(AttemptsExhausted)
/// Retryable, not answered      twice MaxAttempts                    DeadLetter(AttemptsExhausted)
/// Retryable                    half of MaxAttempts and too old      DeadLetter(AgeExceeded)
/// ConfigurationFault           any                                  Pause(one probe interval)
/// SigningUnavailable           any                                  Pause(Retry-After, or the signing pause)
/// </code>
/// Answered means signed by AlipayHK: it was there, and could not do this content. Without such an answer it may merely be down,
/// which is no content's fault. Age alone parks nothing: a content that waited out a long pause still has its attempts.
/// </summary>
public static class RecoverabilityPolicy
{
    /// <param name="options">The limits.</param>
    /// <param name="answer">What the attempt came to.</param>
    /// <param name="attempts">Attempts spent on this request, this one included.</param>
    /// <param name="age">Time since the content was accepted.</param>
    /// <param name="jitter">Drawn evenly from [0, 1).</param>
    public static RecoverabilityDecision Decide(RecoverabilityOptions options, SynchronizeResult answer, int attempts, TimeSpan age, double jitter) => answer.Kind switch
    {
        SynchronizeResultKind.Succeeded => RecoverabilityDecision.Complete.Instance,
        SynchronizeResultKind.Rejected => new RecoverabilityDecision.Park(
            ParkReason.Rejected, $"AlipayHK rejected this content with {answer.Code}: {answer.Message} Change the content; the same content is not sent again."),
        SynchronizeResultKind.ConfigurationFault => new RecoverabilityDecision.Defer(options.ProbeInterval),
        SynchronizeResultKind.SigningUnavailable => new RecoverabilityDecision.Defer(Bounded(options, answer.RetryAfter) ?? options.SigningRetryDelay),
        _ when attempts >= (Answered(answer) ? options.MaxAttempts : MaxUnansweredAttempts(options)) => Exhausted(answer, attempts),
        _ when age >= options.MaxAge && attempts * 2 >= options.MaxAttempts => new RecoverabilityDecision.Park(
            ParkReason.AgeExceeded, string.Create(CultureInfo.InvariantCulture, $"Not acknowledged within {options.MaxAge.TotalHours:0.#} hours; the last attempt ended with {answer.Code}: {answer.Message} Replay it when the cause is mended.")),
        _ => new RecoverabilityDecision.DelayedRetry(Bounded(options, answer.RetryAfter) ?? options.BackOff[Math.Min(attempts, options.BackOff.Count) - 1] * jitter),
    };

    /// <summary>The decision for a content whose every attempt was spent, its last one without an ending: the process died in it.</summary>
    public static RecoverabilityDecision.Park Exhausted(SynchronizeResult answer, int attempts) => new(
        ParkReason.AttemptsExhausted,
        string.Create(CultureInfo.InvariantCulture, $"Gave up after {attempts} attempts; the last one ended with {answer.Code}: {answer.Message} Replay it when the cause is mended."));

    /// <summary>Attempts that no content ever exceeds, whatever they ended with.</summary>
    public static int MaxUnansweredAttempts(RecoverabilityOptions options) => options.MaxAttempts * 2;

    /// <summary>Whether the attempt failed and AlipayHK did not say so itself: it may merely be down.</summary>
    public static bool IsUnanswered(SynchronizeResult answer) => answer.Kind == SynchronizeResultKind.Retryable && !Answered(answer);

    private static bool Answered(SynchronizeResult answer) => answer.Verification == SignatureVerification.Valid;

    private static TimeSpan? Bounded(RecoverabilityOptions options, TimeSpan? retryAfter) =>
        retryAfter is { } wait ? (wait < options.MaxRetryAfter ? wait : options.MaxRetryAfter) : null;
}
