namespace ContentSync.AlipayHk;

/// <summary>
/// The result of one call to AlipayHK, immediate retries included. Every outcome but cancellation is a result. Everything that AlipayHK
/// sent is truncated: the message to 256 characters, any other text to 128.
/// </summary>
public sealed record SynchronizeResult(SynchronizeResultKind Kind, string Code, string Message)
{
    /// <summary>
    /// Id of the last request if <see cref="AlipayHkOptions.NewRequestIdPerRequest"/> replaced the one in the prepared body; otherwise
    /// null.
    /// </summary>
    public string? RequestId { get; init; }

    /// <summary>HTTP status of the response; null without one.</summary>
    public int? HttpStatus { get; init; }

    /// <summary>Outcome of verifying the response's signature; null without a response.</summary>
    public SignatureVerification? Verification { get; init; }

    /// <summary>AlipayHK's id of the request, from the <c>Tracer-Id</c> (or <c>tracerId</c>) header.</summary>
    public string? TracerId { get; init; }

    /// <summary>A request was sent but ended without a final response: AlipayHK may still be processing it.</summary>
    public bool MayTakeEffectLater { get; init; }

    /// <summary>MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>MOVIE only; verbatim.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>From the Retry-After header, the throttled signer or the rate limiter.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What a result means for the item.</summary>
public enum SynchronizeResultKind
{
    /// <summary>A signed success.</summary>
    Succeeded,

    /// <summary>AlipayHK rejected the item permanently, in a signed response.</summary>
    Rejected,

    /// <summary>Failed, or the outcome is unknown; send the same request again later.</summary>
    Retryable,

    /// <summary>A key, the Client-Id, the path or similar is wrong: every item would fail alike, so the circuit breaker trips.</summary>
    ConfigurationFault,

    /// <summary>The signer is unavailable or the send budget is spent; the last request was not sent.</summary>
    SigningUnavailable,
}

/// <summary>Outcome of verifying a response's signature.</summary>
public enum SignatureVerification
{
    Valid,

    /// <summary>Both Signature and Response-Time are missing.</summary>
    Unsigned,

    /// <summary>Either Signature or Response-Time is missing, or Response-Time is empty.</summary>
    Incomplete,

    /// <summary>The Signature header or the Response-Time cannot be read.</summary>
    Malformed,

    /// <summary>An algorithm other than RSA256, such as ECC224.</summary>
    UnsupportedAlgorithm,

    /// <summary>No public key is configured for its keyVersion.</summary>
    UnknownKeyVersion,

    /// <summary>The signature does not match.</summary>
    Invalid,

    /// <summary>
    /// The signature matches, but Response-Time is earlier than the request by more than
    /// <see cref="AlipayHkOptions.ResponseTimeTolerance"/>.
    /// </summary>
    Outdated,
}
