using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>
/// Classifies a response; a pure function. Trust comes first (an unsigned success does not count as one, an unsigned failure serves
/// only as a diagnosis), then AlipayHK's result code, then the HTTP status.
/// </summary>
internal static class ResponseClassifier
{
    /// <summary>
    /// Of a message. With the other limits, an item's last ten attempts take about 17 KB; a table property holds 64 KB.
    /// </summary>
    internal const int MaxMessageLength = 256;

    /// <summary>
    /// Of Tracer-Id, templateCode and templateStatus. AlipayHK's sample Tracer-Id has 28 characters, and sibling APIs allow 32 for a
    /// templateCode. Without a limit, the ledger could refuse the record of a success, which would then be sent again.
    /// </summary>
    internal const int MaxIdentifierLength = 128;

    public static ClassifiedResponse Classify(in ResponseFacts facts)
    {
        var (kind, code, message) = Decide(facts);
        var result = new SynchronizeResult(kind, code, Truncate(message))
        {
            HttpStatus = facts.HttpStatus,
            Verification = facts.TooLarge ? null : facts.Check.Verification,
            TracerId = Identifier(facts.TracerId),
            RetryAfter = facts.RetryAfter,
            TemplateCode = kind == SynchronizeResultKind.Succeeded ? Identifier(facts.Response?.TemplateCode) : null,
            TemplateStatus = kind == SynchronizeResultKind.Succeeded ? Identifier(facts.Response?.TemplateStatus) : null,
        };

        // Retry-After rules out an immediate retry, and so does a result: it proves that the request reached AlipayHK.
        var retryImmediately = code == ClientCodes.HttpStatus
            && facts.Response is null
            && facts.RetryAfter is null
            && facts.HttpStatus is (408 or >= 500);
        return new ClassifiedResponse(result, retryImmediately);
    }

    /// <summary>Truncates to max 256 characters, never inside a surrogate pair.</summary>
    public static string Truncate(string message) => Truncate(message, MaxMessageLength);

    private static string? Identifier(string? text) => text is null ? null : Truncate(text, MaxIdentifierLength);

    private static string Truncate(string text, int maxLength)
    {
        if (text.Length <= maxLength) return text;
        return char.IsHighSurrogate(text[maxLength - 1]) ? text[..(maxLength - 1)] : text[..maxLength];
    }

    private static Decision Decide(in ResponseFacts facts)
    {
        if (facts.HttpStatus is >= 300 and <= 399)
        {
            return new(
                SynchronizeResultKind.ConfigurationFault,
                ClientCodes.Redirected,
                $"HTTP {Number(facts.HttpStatus)}: the address redirects, and redirects are never followed. "
                    + $"{AlipayHkOptions.Section}:{nameof(AlipayHkOptions.BaseAddress)} must name AlipayHK's own host.");
        }

        if (facts.TooLarge)
        {
            return new(
                SynchronizeResultKind.Retryable,
                ClientCodes.ResponseTooLarge,
                $"The response is larger than {AlipayHkOptions.Section}:{nameof(AlipayHkOptions.MaxResponseBytes)} allows.");
        }

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
        SignatureVerification.Outdated => ClientCodes.OutdatedResponse,
        _ => ClientCodes.InvalidResponseSignature,
    };

    private static Decision Signed(int httpStatus, in SynchronizeResponse response)
    {
        var kind = ResultCodes.Classify(response.ResultCode, response.ResultStatus);
        if (kind == SynchronizeResultKind.Succeeded && httpStatus != 200)
        {
            return new(
                SynchronizeResultKind.Retryable,
                ClientCodes.HttpStatus,
                $"The response says success, but with HTTP {Number(httpStatus)} instead of 200.");
        }

        return kind == SynchronizeResultKind.Retryable && Contradictory(response)
            ? Unclear(response)
            : new(kind, response.ResultCode, response.ResultMessage);
    }

    private static Decision Unsigned(in SynchronizeResponse response)
    {
        var kind = ResultCodes.Classify(response.ResultCode, response.ResultStatus);
        return kind switch
        {
            SynchronizeResultKind.Succeeded => new(
                SynchronizeResultKind.Retryable,
                ClientCodes.UnsignedSuccess,
                "The response says success but is not signed, so it does not count as one."),

            // AlipayHK cannot sign the response to a request that it cannot attribute.
            SynchronizeResultKind.ConfigurationFault => new(kind, response.ResultCode, response.ResultMessage),
            _ when Contradictory(response) => Unclear(response),
            _ => new(SynchronizeResultKind.Retryable, response.ResultCode, response.ResultMessage),
        };
    }

    private static bool Contradictory(in SynchronizeResponse response) =>
        response.ResultCode == ResultCodes.Success || response.ResultStatus == ResultCodes.StatusSuccess;

    private static Decision Unclear(in SynchronizeResponse response) => new(
        SynchronizeResultKind.Retryable,
        ClientCodes.UnclearResult,
        $"resultCode {response.ResultCode} contradicts resultStatus {response.ResultStatus}.");

    private static Decision WithoutResult(in ResponseFacts facts)
    {
        var status = Number(facts.HttpStatus);
        var signed = facts.Check.Verification == SignatureVerification.Valid;
        return facts.HttpStatus switch
        {
            // The server does not accept this client, this path or this kind of request: every item would fail alike.
            401 or 403 or 404 or 405 or 415 => new(
                SynchronizeResultKind.ConfigurationFault,
                ClientCodes.HttpStatus,
                $"HTTP {status} without a result. Check the base address, the path, the Client-Id and the source addresses that AlipayHK allows."),
            408 or 429 or >= 500 => new(SynchronizeResultKind.Retryable, ClientCodes.HttpStatus, $"HTTP {status} without a result."),
            >= 400 => new(
                signed ? SynchronizeResultKind.Rejected : SynchronizeResultKind.Retryable,
                ClientCodes.HttpStatus,
                $"HTTP {status} without a result."),
            _ => new(SynchronizeResultKind.Retryable, facts.ProblemCode, $"HTTP {status} without a usable result: {facts.Problem}."),
        };
    }

    private static string Number(int httpStatus) => httpStatus.ToString(CultureInfo.InvariantCulture);

    private readonly record struct Decision(SynchronizeResultKind Kind, string Code, string Message);
}

/// <summary>The result of one request, and whether an immediate retry may follow.</summary>
internal readonly record struct ClassifiedResponse(SynchronizeResult Result, bool RetryImmediately);

/// <summary>Everything that <see cref="ResponseClassifier"/> considers about a response.</summary>
internal readonly record struct ResponseFacts(int HttpStatus, ResponseCheck Check)
{
    public bool TooLarge { get; init; }

    /// <summary>Null if no result could be read.</summary>
    public SynchronizeResponse? Response { get; init; }

    /// <summary>Why no result could be read.</summary>
    public string Problem { get; init; } = "";

    /// <summary>One of <see cref="ClientCodes"/>.</summary>
    public string ProblemCode { get; init; } = ClientCodes.MalformedResponse;

    public string? TracerId { get; init; }

    public TimeSpan? RetryAfter { get; init; }
}
