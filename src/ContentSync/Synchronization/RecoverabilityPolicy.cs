using System.Globalization;
using ContentSync.AlipayHk;
using ContentSync.Ledger;

namespace ContentSync.Synchronization;

/// <summary>
/// Decides what happens to a content after an attempt. A pure function: the same facts always give the same decision.
/// <code>
/// answer              attempts and age        decision
/// Succeeded           any                     Complete
/// Rejected            any                     DeadLetter(Rejected)
/// Retryable           within both limits      DelayedRetry(Retry-After, or jitter x back-off of this attempt)
/// Retryable           attempts used up        DeadLetter(AttemptsExhausted)
/// Retryable           too old                 DeadLetter(AgeExceeded)
/// ConfigurationFault  any                     Pause(one probe interval)
/// SigningUnavailable  any                     Pause(Retry-After, or the signing pause)
/// </code>
/// </summary>
public static class RecoverabilityPolicy
{
    /// <param name="options">The limits.</param>
    /// <param name="answer">What the attempt came to.</param>
    /// <param name="attempts">Attempts spent on this request, this one included.</param>
    /// <param name="age">Time since the content was accepted.</param>
    /// <param name="jitter">Drawn evenly from [0, 1).</param>
    public static RecoverabilityDecision Decide(RecoverabilityOptions options, SynchronizeAnswer answer, int attempts, TimeSpan age, double jitter) => answer.Verdict switch
    {
        AnswerVerdict.Succeeded => RecoverabilityDecision.Complete.Instance,
        AnswerVerdict.Rejected => new RecoverabilityDecision.DeadLetter(
            ParkReason.Rejected, $"AlipayHK rejected this content with {answer.Code}: {answer.Message} Change the content; the same content is not sent again."),
        AnswerVerdict.ConfigurationFault => new RecoverabilityDecision.Pause(options.ProbeInterval),
        AnswerVerdict.SigningUnavailable => new RecoverabilityDecision.Pause(Bounded(options, answer.RetryAfter) ?? options.SigningPause),
        _ when attempts >= options.MaxAttempts => Exhausted(answer, attempts),
        _ when age >= options.MaxAge => new RecoverabilityDecision.DeadLetter(
            ParkReason.AgeExceeded, string.Create(CultureInfo.InvariantCulture, $"Not acknowledged within {options.MaxAge.TotalHours:0.#} hours; the last attempt ended with {answer.Code}: {answer.Message} Replay it when the cause is mended.")),
        _ => new RecoverabilityDecision.DelayedRetry(Bounded(options, answer.RetryAfter) ?? options.BackOff[Math.Min(attempts, options.BackOff.Count) - 1] * jitter),
    };

    /// <summary>The decision for a content whose every attempt was spent, its last one without an ending: the process died in it.</summary>
    public static RecoverabilityDecision.DeadLetter Exhausted(SynchronizeAnswer answer, int attempts) => new(
        ParkReason.AttemptsExhausted,
        string.Create(CultureInfo.InvariantCulture, $"Gave up after {attempts} attempts; the last one ended with {answer.Code}: {answer.Message} Replay it when the cause is mended."));

    private static TimeSpan? Bounded(RecoverabilityOptions options, TimeSpan? retryAfter) =>
        retryAfter is { } wait ? (wait < options.MaxRetryAfter ? wait : options.MaxRetryAfter) : null;
}
