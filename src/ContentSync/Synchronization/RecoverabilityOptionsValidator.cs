using ContentSync.AlipayHk;

namespace ContentSync.Synchronization;

/// <summary>Validates settings section <c>Recoverability</c>.</summary>
public static class RecoverabilityOptionsValidator
{
    /// <summary>Share of a lease that is available to an attempt; the ledger's own time takes the rest.</summary>
    private const double AttemptShare = 0.75;

    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    /// <param name="options">The options to validate.</param>
    /// <param name="alipayHk">A lease must be longer than an attempt, whose timeout is set there.</param>
    public static IEnumerable<string> Faults(RecoverabilityOptions options, AlipayHkOptions alipayHk)
    {
        const string Section = RecoverabilityOptions.Section;
        if (options.BackOff.Count == 0 || options.BackOff.Any(delay => delay <= TimeSpan.Zero))
        {
            yield return $"{Section}:{nameof(RecoverabilityOptions.BackOff)} must hold at least one delay, and all delays must be "
                + "positive.";
        }

        if (options.MaxAttempts < 1) yield return $"{Section}:{nameof(RecoverabilityOptions.MaxAttempts)} must be at least 1.";
        if (options.MaxAge <= TimeSpan.Zero) yield return $"{Section}:{nameof(RecoverabilityOptions.MaxAge)} must be positive.";
        if (options.MaxRetryAfter <= TimeSpan.Zero) yield return $"{Section}:{nameof(RecoverabilityOptions.MaxRetryAfter)} must be positive.";
        if (options.SigningRetryDelay <= TimeSpan.Zero) yield return $"{Section}:{nameof(RecoverabilityOptions.SigningRetryDelay)} must be positive.";
        if (options.LeaseDuration * AttemptShare < alipayHk.TotalTimeout)
        {
            yield return $"{Section}:{nameof(RecoverabilityOptions.LeaseDuration)} must be longer than "
                + $"{AlipayHkOptions.Section}:{nameof(AlipayHkOptions.TotalTimeout)} ({alipayHk.TotalTimeout}) by at least a "
                + "quarter of its own length.";
        }

        if (options.LateEffectWindow < TimeSpan.Zero)
            yield return $"{Section}:{nameof(RecoverabilityOptions.LateEffectWindow)} must not be negative.";
        if (options.BreakerThreshold < 1 || (options.MaxAttempts > 1 && options.BreakerThreshold >= options.MaxAttempts))
            yield return $"{Section}:{nameof(RecoverabilityOptions.BreakerThreshold)} must be at least 1 and below "
                + $"{Section}:{nameof(RecoverabilityOptions.MaxAttempts)}.";
        if (options.ProbeInterval <= TimeSpan.Zero) yield return $"{Section}:{nameof(RecoverabilityOptions.ProbeInterval)} must be positive.";
    }
}
