using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>
/// What a response means, as a pure function of what was received. Trust first (an unsigned success is none, an unsigned failure
/// is a diagnosis and no more), then AlipayHK's result code, then the HTTP status.
/// </summary>
internal static class ResponseClassifier
{
    private const int MaxMessageLength = 256;

    public static ClassifiedResponse Classify(in ResponseFacts facts)
    {
        var (verdict, code, message) = Decide(facts);
        var answer = new SynchronizeResult(verdict, code, Cut(message))
        {
            HttpStatus = facts.HttpStatus,
            Verification = facts.TooLarge ? null : facts.Check.Verification,
            TracerId = facts.TracerId,
            RetryAfter = facts.RetryAfter,
            TemplateCode = verdict == SynchronizeResultKind.Succeeded ? facts.Response?.TemplateCode : null,
            TemplateStatus = verdict == SynchronizeResultKind.Succeeded ? facts.Response?.TemplateStatus : null,
        };

        // Who says when to come back is not asked again at once; who answered with a result has been reached.
        var quickly = code == ClientCodes.HttpStatus && facts.Response is null && facts.RetryAfter is null && facts.HttpStatus is (408 or >= 500);
        return new ClassifiedResponse(answer, quickly);
    }

    /// <summary>At most 256 characters, never half a surrogate pair.</summary>
    public static string Cut(string message)
    {
        if (message.Length <= MaxMessageLength) return message;
        return char.IsHighSurrogate(message[MaxMessageLength - 1]) ? message[..(MaxMessageLength - 1)] : message[..MaxMessageLength];
    }

    private static Decision Decide(in ResponseFacts facts)
    {
        if (facts.HttpStatus is >= 300 and <= 399)
        {
            return new(SynchronizeResultKind.ConfigurationFault, ClientCodes.Redirected, $"HTTP {Number(facts.HttpStatus)}: the address answers with a redirect, which is never followed. {AlipayHkOptions.Section}:{nameof(AlipayHkOptions.BaseAddress)} must name AlipayHK's own host.");
        }

        if (facts.TooLarge) return new(SynchronizeResultKind.Retryable, ClientCodes.AnswerTooLarge, $"The answer has more bytes than {AlipayHkOptions.Section}:{nameof(AlipayHkOptions.MaxResponseBytes)} allows.");
        if (UntrustedCode(facts.Check.Verification) is { } untrusted) return new(SynchronizeResultKind.Retryable, untrusted, facts.Check.Detail);
        if (facts.Response is not { } response) return WithoutResult(facts);
        return facts.Check.Verification == SignatureVerification.Valid ? Signed(facts.HttpStatus, response) : Unsigned(response);
    }

    private static string? UntrustedCode(SignatureVerification verification) => verification switch
    {
        SignatureVerification.Valid or SignatureVerification.Unsigned => null,
        SignatureVerification.Incomplete => ClientCodes.IncompleteResponseSignature,
        SignatureVerification.UnsupportedAlgorithm => ClientCodes.UnsupportedResponseAlgorithm,
        SignatureVerification.UnknownKeyVersion => ClientCodes.UnknownResponseKeyVersion,
        _ => ClientCodes.InvalidResponseSignature,
    };

    private static Decision Signed(int httpStatus, in SynchronizeResponse response)
    {
        var verdict = ResultCodes.Classify(response.ResultCode, response.ResultStatus);
        if (verdict == SynchronizeResultKind.Succeeded && httpStatus != 200)
        {
            return new(SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, $"The answer says success, but under HTTP {Number(httpStatus)} instead of 200.");
        }

        return verdict == SynchronizeResultKind.Retryable && Contradictory(response) ? Unclear(response) : new(verdict, response.ResultCode, response.ResultMessage);
    }

    private static Decision Unsigned(in SynchronizeResponse response)
    {
        var verdict = ResultCodes.Classify(response.ResultCode, response.ResultStatus);
        return verdict switch
        {
            SynchronizeResultKind.Succeeded => new(SynchronizeResultKind.Retryable, ClientCodes.UnsignedSuccess, "The answer says success but is not signed, so it counts as none."),

            // AlipayHK cannot sign an answer to a request that it cannot attribute.
            SynchronizeResultKind.ConfigurationFault => new(verdict, response.ResultCode, response.ResultMessage),
            _ when Contradictory(response) => Unclear(response),
            _ => new(SynchronizeResultKind.Retryable, response.ResultCode, response.ResultMessage),
        };
    }

    private static bool Contradictory(in SynchronizeResponse response) =>
        response.ResultCode == ResultCodes.Success || response.ResultStatus == ResultCodes.StatusSuccess;

    private static Decision Unclear(in SynchronizeResponse response) =>
        new(SynchronizeResultKind.Retryable, ClientCodes.UnclearResult, $"resultCode {response.ResultCode} came with resultStatus {response.ResultStatus}.");

    private static Decision WithoutResult(in ResponseFacts facts)
    {
        var status = Number(facts.HttpStatus);
        var signed = facts.Check.Verification == SignatureVerification.Valid;
        return facts.HttpStatus switch
        {
            // Whoever answers here does not know this client, this path or this kind of request: no item would fare better.
            401 or 403 or 404 or 405 or 415 => new(SynchronizeResultKind.ConfigurationFault, ClientCodes.HttpStatus, $"HTTP {status} without a result. Check base address, path, Client-Id and the caller's allowed addresses."),
            408 or 429 or >= 500 => new(SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, $"HTTP {status} without a result."),
            >= 400 => new(signed ? SynchronizeResultKind.Rejected : SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, $"HTTP {status} without a result."),
            _ => new(SynchronizeResultKind.Retryable, facts.ProblemCode, $"HTTP {status} without a usable result: {facts.Problem}."),
        };
    }

    private static string Number(int httpStatus) => httpStatus.ToString(CultureInfo.InvariantCulture);

    private readonly record struct Decision(SynchronizeResultKind Verdict, string Code, string Message);
}

/// <summary>What one try came to, and whether another may follow at once.</summary>
internal readonly record struct ClassifiedResponse(SynchronizeResult Result, bool RetryImmediately);

/// <summary>What was received, all that <see cref="ResponseClassifier"/> looks at.</summary>
internal readonly record struct ResponseFacts(int HttpStatus, ResponseCheck Check)
{
    public bool TooLarge { get; init; }

    /// <summary>Null where no result could be read.</summary>
    public SynchronizeResponse? Response { get; init; }

    /// <summary>Why none could be read.</summary>
    public string Problem { get; init; } = "";

    /// <summary>One of <see cref="ClientCodes"/>.</summary>
    public string ProblemCode { get; init; } = ClientCodes.MalformedAnswer;

    public string? TracerId { get; init; }

    public TimeSpan? RetryAfter { get; init; }
}
