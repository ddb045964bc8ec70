namespace ContentSync.Synchronization;

/// <summary>How failed sends are repeated. Section <c>Recoverability</c> of the settings.</summary>
public sealed class RecoverabilityOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Recoverability";

    /// <summary>
    /// Longest wait before the second, third ... attempt; the wait itself is drawn evenly between nothing and this (full jitter).
    /// The last one serves for all further attempts. The defaults are the times at which AlipayHK itself redelivers to merchants.
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

    /// <summary>Attempts before a content is parked, the first one included; twice as many where AlipayHK did not answer the last one, since then it may merely be down.</summary>
    public int MaxAttempts { get; set; } = 8;

    /// <summary>Time since acceptance after which a content that has failed half of its attempts is parked rather than tried again.</summary>
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(72);

    /// <summary>Longest Retry-After that is believed.</summary>
    public TimeSpan MaxRetryAfter { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Wait after the signer could not sign and did not say when to come back.</summary>
    public TimeSpan SigningRetryDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one attempt may hold a content. Must be longer than <c>AlipayHk:TotalTimeout</c> by at least a quarter of itself, for the ledger's own time.</summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// How long AlipayHK may go on working on a request whose answer was given up on. Nothing of the same content is sent
    /// meanwhile: an older revision that takes effect late would undo a newer one. A caller who hangs up at once gives up at once, so it
    /// is longer than AlipayHK takes for a request at all, and not merely than what it takes beyond the client's time limit.
    /// </summary>
    public TimeSpan LateEffectWindow { get; set; } = TimeSpan.FromSeconds(25);

    /// <summary>Failures in a row, over all contents, that stop sending until a probe succeeds. Below <see cref="MaxAttempts"/>, so that a lone content does not spend them all on a partner that is down.</summary>
    public int BreakerThreshold { get; set; } = 5;

    /// <summary>Time between two probes while sending is stopped.</summary>
    public TimeSpan ProbeInterval { get; set; } = TimeSpan.FromSeconds(30);
}
