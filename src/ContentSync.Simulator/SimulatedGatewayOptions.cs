using System.Security.Cryptography;

namespace ContentSync.Simulator;

/// <summary>What the simulated AlipayHK knows when it starts.</summary>
public sealed record SimulatedGatewayOptions
{
    /// <summary>Loopback port; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>The one path it serves, and the path that is signed.</summary>
    public string Path { get; init; } = "/api/open/alipay/v1/content/synchronize";

    /// <summary>The only Client-Id it knows.</summary>
    public required string ClientId { get; init; }

    /// <summary>The caller's registered public keys. A Signature header without keyVersion means the last one, the latest registered.</summary>
    public required IReadOnlyList<RegisteredKey> CallerKeys { get; init; }

    /// <summary>The key that signs answers; null generates an RSA-2048 pair with keyVersion 1.</summary>
    public GatewayKey? Key { get; init; }

    /// <summary>While this is set, every other answer is signed with it, as by a fleet in the middle of a key rotation.</summary>
    public GatewayKey? PreviousKey { get; init; }

    /// <summary>The contentType values it takes, compared exactly.</summary>
    public IReadOnlyList<string> ContentTypes { get; init; } = ["SKU", "MOVIE"];

    /// <summary>
    /// Content is rejected with CONTENT_RISKY when contentInfo has the member <c>"simulate":"risky"</c>, or when one of these occurs
    /// anywhere in contentInfo, upper and lower case alike.
    /// </summary>
    public IReadOnlyList<string> RiskyWords { get; init; } = ["counterfeit", "replica watch", "guaranteed profit", "冒牌", "穩賺不賠"];

    /// <summary>File that keeps the content over a restart; null keeps it in memory only.</summary>
    public string? StatePath { get; init; }

    /// <summary>Furthest that Request-Time may lie from the clock; null for no check, since AlipayHK documents none.</summary>
    public TimeSpan? ClockSkew { get; init; }

    /// <summary>Name of the envelope: <c>resultInfo</c> as this API documents it, or <c>result</c> as its siblings spell it.</summary>
    public string ResultMember { get; init; } = "resultInfo";

    /// <summary>Name of the message: <c>resultMessage</c>, or <c>resultMsg</c> as one sibling spells it.</summary>
    public string MessageMember { get; init; } = "resultMessage";

    /// <summary>How RSA_AES bodies are read and written; null refuses a request with an Encrypt header.</summary>
    public GatewayEncryption? Encryption { get; init; } = new();

    /// <summary>How it misbehaves from the start; can be changed while it runs.</summary>
    public GatewayFaults Faults { get; init; } = GatewayFaults.None;
}

/// <summary>A public key that the caller registered.</summary>
/// <param name="KeyVersion">As the Signature header names it.</param>
/// <param name="PublicKey">RSA public key: PEM, or bare base64 of the X.509 SubjectPublicKeyInfo.</param>
public sealed record RegisteredKey(string KeyVersion, string PublicKey);

/// <summary>A key pair of the gateway itself.</summary>
/// <param name="KeyVersion">As the Signature header of its answers names it.</param>
/// <param name="PrivateKey">RSA private key as PEM, PKCS#8 or PKCS#1.</param>
public sealed record GatewayKey(string KeyVersion, string PrivateKey);

/// <summary>The parts of RSA_AES that AlipayHK leaves open.</summary>
public sealed record GatewayEncryption
{
    /// <summary>How the AES key is wrapped, in both directions.</summary>
    public RSAEncryptionPadding KeyWrap { get; init; } = RSAEncryptionPadding.Pkcs1;

    /// <summary>Alphabet of answers; requests may use either.</summary>
    public bool UrlSafeBase64 { get; init; }

    /// <summary>Content-Type of encrypted answers.</summary>
    public string ContentType { get; init; } = "text/plain; charset=UTF-8";
}
