namespace ContentSync.AlipayHk;

/// <summary>What one call to AlipayHK came to, quick retries included. A value for every ending: only cancellation throws.</summary>
public sealed record SynchronizeResult(SynchronizeResultKind Kind, string Code, string Message)
{
    /// <summary>Of the last try, where <see cref="AlipayHkOptions.NewRequestIdPerRequest"/> put it in place of the one in the prepared body; otherwise null.</summary>
    public string? RequestId { get; init; }

    /// <summary>Of the response, where there was one.</summary>
    public int? HttpStatus { get; init; }

    /// <summary>What the check of the response's signature came to; null where no response came.</summary>
    public SignatureVerification? Verification { get; init; }

    /// <summary>AlipayHK's trace id from the <c>Tracer-Id</c> (or <c>tracerId</c>) header.</summary>
    public string? TracerId { get; init; }

    /// <summary>A try was sent and given up on without an answer to it: AlipayHK may be at work on it still.</summary>
    public bool MayTakeEffectLater { get; init; }

    /// <summary>MOVIE only.</summary>
    public string? TemplateCode { get; init; }

    /// <summary>MOVIE only; kept as AlipayHK wrote it.</summary>
    public string? TemplateStatus { get; init; }

    /// <summary>From Retry-After, or from the signer where it was throttled.</summary>
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>What an answer means for the item.</summary>
public enum SynchronizeResultKind
{
    /// <summary>A signed success.</summary>
    Succeeded,

    /// <summary>A signed and permanent no to this content.</summary>
    Rejected,

    /// <summary>Failed or of unknown outcome; the same request is to be sent again later.</summary>
    Retryable,

    /// <summary>Key, Client-Id, path or the like is wrong: every item would fail alike, so sending stops.</summary>
    ConfigurationFault,

    /// <summary>No signature could be had, or the send budget is spent; the last try was not sent.</summary>
    SigningUnavailable,
}

/// <summary>What the check of a signature came to.</summary>
public enum SignatureVerification
{
    Valid,

    /// <summary>Neither Signature nor Response-Time is there.</summary>
    Unsigned,

    /// <summary>One of Signature and Response-Time is missing.</summary>
    Incomplete,

    /// <summary>The Signature header cannot be read.</summary>
    Malformed,

    /// <summary>Another algorithm than RSA256, ECC224 for one.</summary>
    UnsupportedAlgorithm,

    /// <summary>No key is configured for the keyVersion it names.</summary>
    UnknownKeyVersion,

    /// <summary>It does not match.</summary>
    Invalid,
}
