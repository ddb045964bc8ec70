using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ContentSync.Simulator;

/// <summary>Checks everything that AlipayHK documents about a request, and reads the item from it.</summary>
internal sealed class GatewayRequestReader(
    SimulatedGatewayOptions options,
    IReadOnlyList<RsaKeyPool> callerKeys,
    IReadOnlyList<RsaKeyPool> ownKeys,
    TimeProvider time)
{
    private const int MaxRequestIdLength = 32;

    private static readonly JsonDocumentOptions StrictJson = new() { AllowDuplicateProperties = false };

    private readonly SearchValues<string> _riskyWords = SearchValues.Create([.. options.RiskyWords], StringComparison.OrdinalIgnoreCase);

    /// <summary>Runs the gateway's checks first, whose refusals cannot be signed, then the checks of the body, whose refusals are signed.</summary>
    public GatewayReading Read(HttpRequest request, ReadOnlySpan<byte> body)
    {
        var encrypt = request.Headers["Encrypt"].ToString();
        if (CheckEndpoint(request, encrypt.Length > 0) is { } refusal) return new GatewayReading { Refusal = refusal };

        var requestTime = request.Headers["Request-Time"].ToString();
        if (requestTime.Length == 0) return new GatewayReading { Refusal = Refusal.Illegal("header Request-Time is required") };
        var (caller, problem) = FindSigner(request.Headers["Signature"].ToString(), requestTime, body);
        if (caller is null) return new GatewayReading { Refusal = new Refusal("INVALID_SIGNATURE", problem) };

        var reading = new GatewayReading { Caller = caller };
        if (CheckTime(requestTime) is { } timeRefusal) return reading with { Refusal = timeRefusal };
        if (encrypt.Length == 0) return ReadBody(reading, body);
        if (options.Encryption is null)
            return reading with { Refusal = Refusal.Illegal("header Encrypt: encryption is not agreed with this client") };
        var (plain, reason) = GatewayCipher.Decrypt(encrypt, body, options.Encryption, ownKeys);
        return plain is null ? reading with { Refusal = Refusal.Illegal(reason) } : ReadBody(reading with { Encrypted = true }, plain);
    }

    private Refusal? CheckEndpoint(HttpRequest request, bool encrypted)
    {
        if (request.Path.Value != options.Path || request.QueryString.HasValue)
            return new Refusal("INVALID_API", $"no API at {request.Path}{request.QueryString}");
        if (!HttpMethods.IsPost(request.Method)) return new Refusal("METHOD_NOT_SUPPORTED", $"{request.Method} is not supported, POST is");
        if (request.Headers["Client-Id"] != options.ClientId) return new Refusal("INVALID_CLIENT", "header Client-Id is missing or unknown");
        if (!IsUtf8(request.ContentType, encrypted))
        {
            return new Refusal("MEDIA_TYPE_NOT_ACCEPTABLE", "header Content-Type must be application/json; charset=UTF-8");
        }

        return null;
    }

    private static bool IsUtf8(string? contentType, bool encrypted)
    {
        if (!MediaTypeHeaderValue.TryParse(contentType, out var type)) return false;
        var known = type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || (encrypted && type.MediaType.Equals("text/plain", StringComparison.OrdinalIgnoreCase));
        return known && type.Charset.Equals("UTF-8", StringComparison.OrdinalIgnoreCase);
    }

    private (RsaKeyPool? Caller, string Problem) FindSigner(string header, string requestTime, ReadOnlySpan<byte> body)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        if (header.Length == 0) return (null, "header Signature is required");
        if (!GatewaySignature.TryReadPairs(header, pairs)) return (null, "header Signature is not a list of name=value pairs");
        if (!pairs.TryGetValue("algorithm", out var algorithm) || !algorithm.Equals("RSA256", StringComparison.OrdinalIgnoreCase))
        {
            return (null, "header Signature: algorithm must be RSA256");
        }

        var caller = pairs.TryGetValue("keyVersion", out var version) ? callerKeys.FirstOrDefault(key => key.KeyVersion == version) : callerKeys[^1];
        if (caller is null) return (null, $"header Signature: keyVersion {version} is not registered");
        if (!pairs.TryGetValue("signature", out var value) || GatewaySignature.Decode(value) is not { } signature)
        {
            return (null, "header Signature: signature must be percent-encoded base64");
        }

        var digest = GatewaySignature.Digest(options.Path, options.ClientId, requestTime, body);
        return caller.Verify(digest, signature) ? (caller, "") : (null, "signature does not match");
    }

    private Refusal? CheckTime(string requestTime)
    {
        if (!TryReadTime(requestTime, out var sent))
            return Refusal.Illegal("header Request-Time must be ISO 8601 with zone, like 2024-05-22T06:42:21+05:30");
        return options.ClockSkew is { } skew && (time.GetUtcNow() - sent).Duration() > skew
            ? Refusal.Illegal("header Request-Time is too far from now")
            : null;
    }

    private static bool TryReadTime(string text, out DateTimeOffset value)
    {
        var zulu = text.EndsWith('Z');
        var whole = zulu ? text[..^1] + "+00:00" : text;
        // The exact formats also accept +0530, but AlipayHK uses the extended form of ISO 8601, with the colon.
        value = default;
        return whole.Length >= 25 && whole[^3] == ':'
            && DateTimeOffset.TryParseExact(
                whole,
                ["yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz"],
                CultureInfo.InvariantCulture,
                DateTimeStyles.None,
                out value);
    }

    private GatewayReading ReadBody(GatewayReading reading, ReadOnlySpan<byte> body)
    {
        try
        {
            if (!Utf8.IsValid(body)) return reading with { Refusal = Refusal.Illegal("body is not UTF-8") };
            using var document = JsonDocument.Parse(body.ToArray(), StrictJson);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return reading with { Refusal = Refusal.Illegal("body must be a JSON object") };
            var hash = SHA256.HashData(body);
            return ReadFields(document.RootElement) switch
            {
                (null, { } refusal) => reading with { Refusal = refusal },
                var (request, _) => reading with { Request = request! with { BodyHash = BitConverter.ToUInt64(hash) } },
            };
        }
        catch (JsonException)
        {
            return reading with { Refusal = Refusal.Illegal("body is not JSON, or names a member twice") };
        }
    }

    private (SynchronizeRequest? Request, Refusal? Refusal) ReadFields(JsonElement body)
    {
        if (Text(body, "requestId") is not { Length: > 0 } requestId) return (null, Refusal.Illegal("requestId is required and a string"));
        if (requestId.Length > MaxRequestIdLength) return (null, Refusal.Illegal($"requestId has more than {MaxRequestIdLength} characters"));
        if (Text(body, "contentId") is not { Length: > 0 } contentId) return (null, Refusal.Illegal("contentId is required and a string"));
        if (Text(body, "contentType") is not { } contentType || !options.ContentTypes.Contains(contentType))
        {
            return (null, Refusal.Illegal($"contentType must be one of {string.Join(", ", options.ContentTypes)}"));
        }

        if (!body.TryGetProperty("contentStatus", out var status) || status.ValueKind != JsonValueKind.Number
            || !status.TryGetInt32(out var contentStatus) || contentStatus is not (0 or 1))
        {
            return (null, Refusal.Illegal("contentStatus must be the number 0 or 1"));
        }

        if (Text(body, "contentInfo") is not { } contentInfo || Inspect(contentInfo) is not { } traits)
        {
            return (null, Refusal.Illegal("contentInfo must be a string that holds a JSON object"));
        }

        return (new SynchronizeRequest(requestId, contentId, contentType, contentStatus, contentInfo, traits), null);
    }

    private ContentTraits? Inspect(string contentInfo)
    {
        try
        {
            using var document = JsonDocument.Parse(contentInfo, StrictJson);
            var info = document.RootElement;
            if (info.ValueKind != JsonValueKind.Object) return null;
            var marker = Text(info, "simulate");
            long? endDate = info.TryGetProperty("endDate", out var end) && end.ValueKind == JsonValueKind.Number && end.TryGetInt64(out var epoch)
                ? epoch
                : null;
            return new ContentTraits(marker == "risky" || NamesRisk(contentInfo, info), marker == "frozen", marker == "blocked", endDate);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private bool NamesRisk(string contentInfo, JsonElement info)
    {
        if (contentInfo.AsSpan().ContainsAny(_riskyWords)) return true;
        // An escape sequence can hide a word, so the strings are decoded, but only when there is one.
        return contentInfo.Contains('\\') && TextsOf(info).Any(text => text.AsSpan().ContainsAny(_riskyWords));
    }

    private static IEnumerable<string> TextsOf(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => [element.GetString()!],
        JsonValueKind.Array => element.EnumerateArray().SelectMany(TextsOf),
        JsonValueKind.Object => element.EnumerateObject().SelectMany(member => TextsOf(member.Value)),
        _ => [],
    };

    private static string? Text(JsonElement element, string name)
    {
        try
        {
            return element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            // An escaped lone surrogate is valid JSON but not valid text.
            return null;
        }
    }
}

/// <summary>Result of the checks: a refusal or a request, never both. Without a caller the response cannot be signed.</summary>
internal sealed record GatewayReading
{
    public RsaKeyPool? Caller { get; init; }

    public bool Encrypted { get; init; }

    public Refusal? Refusal { get; init; }

    public SynchronizeRequest? Request { get; init; }
}

/// <summary>A result with status F.</summary>
internal sealed record Refusal(string Code, string Message)
{
    public static Refusal Illegal(string message) => new("PARAM_ILLEGAL", message);
}

/// <summary>A request that passed every check.</summary>
internal sealed record SynchronizeRequest(
    string RequestId, string ContentId, string ContentType, int ContentStatus, string ContentInfo, ContentTraits Traits)
{
    /// <summary>First 8 bytes of the SHA-256 over the plain body.</summary>
    public ulong BodyHash { get; init; }
}

/// <summary>Properties of contentInfo that the simulator reacts to.</summary>
/// <param name="Risky">The item must be rejected.</param>
/// <param name="Frozen">Content review freezes it: the member <c>"simulate":"frozen"</c>.</param>
/// <param name="Blocked">A firewall in front of AlipayHK refuses it with 403: the member <c>"simulate":"blocked"</c>.</param>
/// <param name="EndDate">The member endDate, epoch milliseconds.</param>
internal sealed record ContentTraits(bool Risky, bool Frozen, bool Blocked, long? EndDate);
