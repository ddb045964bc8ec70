namespace ContentSync.AlipayHk;

/// <summary>Codes of the client's own, where no usable answer of AlipayHK's came. In PascalCase, which no code of AlipayHK's is.</summary>
public static class ClientCodes
{
    /// <summary>No answer within the attempt's or the whole call's time. AlipayHK may have done it.</summary>
    public const string Timeout = nameof(Timeout);

    /// <summary>No connection, or it broke before the whole answer was read. AlipayHK may have done it.</summary>
    public const string ConnectionFailed = nameof(ConnectionFailed);

    /// <summary>An HTTP status that allows no result: without a readable one, or a success under another status than 200.</summary>
    public const string HttpStatus = nameof(HttpStatus);

    /// <summary>A redirect. Never followed: it would carry a signed request to an address nobody configured.</summary>
    public const string Redirected = nameof(Redirected);

    /// <summary>More bytes than MaxResponseBytes.</summary>
    public const string AnswerTooLarge = nameof(AnswerTooLarge);

    /// <summary>No JSON object with resultCode and resultStatus.</summary>
    public const string MalformedAnswer = nameof(MalformedAnswer);

    /// <summary>resultCode and resultStatus contradict each other.</summary>
    public const string UnclearResult = nameof(UnclearResult);

    /// <summary>A success without signature, which is no success.</summary>
    public const string UnsignedSuccess = nameof(UnsignedSuccess);

    /// <summary>One of the headers Signature and Response-Time is missing.</summary>
    public const string IncompleteResponseSignature = nameof(IncompleteResponseSignature);

    /// <summary>The answer's signature does not match, or its header cannot be read.</summary>
    public const string InvalidResponseSignature = nameof(InvalidResponseSignature);

    /// <summary>The answer is signed with a keyVersion for which no partner key is configured.</summary>
    public const string UnknownResponseKeyVersion = nameof(UnknownResponseKeyVersion);

    /// <summary>The answer is signed with another algorithm than RSA256.</summary>
    public const string UnsupportedResponseAlgorithm = nameof(UnsupportedResponseAlgorithm);

    /// <summary>The answer is encrypted and cannot be decrypted: no private key at hand, not verified, or not readable with it.</summary>
    public const string UndecryptableResponse = nameof(UndecryptableResponse);

    /// <summary>The signer cannot sign now; nothing was sent.</summary>
    public const string SigningUnavailable = nameof(SigningUnavailable);

    /// <summary>The send budget is spent for now; nothing was sent.</summary>
    public const string SendBudgetSpent = nameof(SendBudgetSpent);

    /// <summary>The process ended during the attempt; nobody knows what came of it.</summary>
    public const string Interrupted = nameof(Interrupted);
}
