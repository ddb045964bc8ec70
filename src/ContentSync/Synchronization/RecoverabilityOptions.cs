namespace ContentSync.Synchronization;

/// <summary>Limits and delays of retries. Settings section <c>Recoverability</c>.</summary>
public sealed class RecoverabilityOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Recoverability";

    /// <summary>
    /// Maximum delay before the second, third ... attempt. The actual delay is uniformly distributed between zero and this value (full
    /// jitter). The last value also applies to all further attempts. The defaults are AlipayHK's own intervals for redelivering
    /// notifications to merchants.
    /// </summary>
    public IList<TimeSpan> BackOff { get; init; } =
    [
        TimeSpan.FromMinutes(2),
        TimeSpan.FromMinutes(10),
        TimeSpan.FromMinutes(10),
        TimeSpan.FromHours(1),
        TimeSpan.FromHours(2),
        TimeSpan.FromHours(6),
        TimeSpan.FromHours(15),
    ];

    /// <summary>
    /// Attempts before an item is parked, including the first one. Doubled if the last attempt got no signed response, because
    /// AlipayHK may only be down.
    /// </summary>
    public int MaxAttempts { get; set; } = 8;

    /// <summary>Age since acceptance at which an item that has failed half of its attempts is parked instead of retried.</summary>
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(72);

    /// <summary>Upper bound of a delay that a Retry-After header requests.</summary>
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Delay after the signer was unavailable and named no delay of its own.</summary>
    public TimeSpan SigningRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Duration of an attempt's lease. A quarter of it is reserved for the ledger's own time; the rest must be at least
    /// <c>AlipayHk:TotalTimeout</c>.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long AlipayHK may still process a request that timed out or was cancelled. No other request for the item is sent before
    /// that, because an older version that takes effect late would undo a newer one. A cancellation may come right after sending, so
    /// this must exceed AlipayHK's total processing time, not just the part beyond the client's timeout.
    /// </summary>
    public TimeSpan LateEffectWindow { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Consecutive failures, over all items, that trip the circuit breaker; failures of one item in a row count once. Must be below
    /// <see cref="MaxAttempts"/>, so that a few items do not spend all their attempts while AlipayHK is down.
    /// </summary>
    public int BreakerThreshold { get; set; } = 5;

    /// <summary>Time between two probes while the circuit breaker is open.</summary>
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromSeconds(30);
}
