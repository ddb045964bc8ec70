namespace ContentSync.AlipayHk;

/// <summary>The client's own codes, for results without a usable response from AlipayHK. In PascalCase, unlike AlipayHK's codes.</summary>
public static class ClientCodes
{
    /// <summary>An operator paused sending; nothing was sent.</summary>
    public const string Paused = nameof(Paused);

    /// <summary>No response within the request or total timeout. AlipayHK may have processed the request.</summary>
    public const string Timeout = nameof(Timeout);

    /// <summary>The connection failed, or broke before the complete response arrived. AlipayHK may have processed the request.</summary>
    public const string ConnectionFailed = nameof(ConnectionFailed);

    /// <summary>The HTTP status decides: there is no readable result, or it says success with a status other than 200.</summary>
    public const string HttpStatus = nameof(HttpStatus);

    /// <summary>A redirect. Never followed: it would send a signed request to an address that is not configured.</summary>
    public const string Redirected = nameof(Redirected);

    /// <summary>The response is larger than <see cref="AlipayHkOptions.MaxResponseBytes"/>. The text is a stored value.</summary>
    public const string ResponseTooLarge = "AnswerTooLarge";

    /// <summary>
    /// The response is not a JSON object with one resultCode and one resultStatus, repeats a member, or is not UTF-8. The text is a
    /// stored value.
    /// </summary>
    public const string MalformedResponse = "MalformedAnswer";

    /// <summary>resultCode and resultStatus contradict each other.</summary>
    public const string UnclearResult = nameof(UnclearResult);

    /// <summary>A success without a signature, which does not count as one.</summary>
    public const string UnsignedSuccess = nameof(UnsignedSuccess);

    /// <summary>One of the headers Signature and Response-Time is missing, or Response-Time is empty.</summary>
    public const string IncompleteResponseSignature = nameof(IncompleteResponseSignature);

    /// <summary>The response's signature does not match, or its header or Response-Time cannot be read.</summary>
    public const string InvalidResponseSignature = nameof(InvalidResponseSignature);

    /// <summary>The response is signed with a keyVersion for which none of AlipayHK's public keys is configured.</summary>
    public const string UnknownResponseKeyVersion = nameof(UnknownResponseKeyVersion);

    /// <summary>The response is signed with an algorithm other than RSA256.</summary>
    public const string UnsupportedResponseAlgorithm = nameof(UnsupportedResponseAlgorithm);

    /// <summary>
    /// The response is signed, but earlier than its request by more than <see cref="AlipayHkOptions.ResponseTimeTolerance"/>: it may be
    /// an old one, sent again.
    /// </summary>
    public const string OutdatedResponse = nameof(OutdatedResponse);

    /// <summary>Two different items in a row got an outdated response: our clock or AlipayHK's is wrong.</summary>
    public const string ClockFault = nameof(ClockFault);

    /// <summary>The response is encrypted and cannot be decrypted: it is unverified, or no private key is available or fits.</summary>
    public const string UndecryptableResponse = nameof(UndecryptableResponse);

    /// <summary>The signer is unavailable; nothing was sent.</summary>
    public const string SigningUnavailable = nameof(SigningUnavailable);

    /// <summary>The send budget is spent; nothing was sent.</summary>
    public const string SendBudgetSpent = nameof(SendBudgetSpent);

    /// <summary>The process ended during the attempt; the outcome is unknown.</summary>
    public const string Interrupted = nameof(Interrupted);
}
