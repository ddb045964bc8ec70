using System.Security.Cryptography;

namespace ContentSync.Simulator;

/// <summary>Settings of the simulated AlipayHK.</summary>
public sealed record SimulatedGatewayOptions
{
    /// <summary>Loopback port; 0 picks a free one.</summary>
    public int Port { get; init; }

    /// <summary>The only path of the API, also as signed.</summary>
    public string Path { get; init; } = "/api/open/alipay/v1/content/synchronize";

    /// <summary>The only Client-Id that it accepts.</summary>
    public required string ClientId { get; init; }

    /// <summary>Public keys that the caller registered, latest last. A Signature header without keyVersion means the last one.</summary>
    public required IReadOnlyList<RegisteredKey> CallerKeys { get; init; }

    /// <summary>The key that signs responses; null generates an RSA-2048 pair with keyVersion 1.</summary>
    public GatewayKey? Key { get; init; }

    /// <summary>If set, signs every other response, as a fleet does in the middle of a key rotation.</summary>
    public GatewayKey? PreviousKey { get; init; }

    /// <summary>Accepted values of contentType, compared exactly.</summary>
    public required IReadOnlyList<string> ContentTypes { get; init; }

    /// <summary>
    /// An item is rejected with CONTENT_RISKY when contentInfo has the member <c>"simulate":"risky"</c>, or when one of these words occurs
    /// anywhere in contentInfo, ignoring case.
    /// </summary>
    public IReadOnlyList<string> RiskyWords { get; init; } = ["counterfeit", "replica watch", "guaranteed profit", "冒牌", "穩賺不賠"];

    /// <summary>File that keeps the items across restarts; null keeps them in memory only.</summary>
    public string? StatePath { get; init; }

    /// <summary>Max difference between Request-Time and the clock; null for no check, since AlipayHK documents none.</summary>
    public TimeSpan? ClockSkew { get; init; }

    /// <summary>Name of the envelope: <c>resultInfo</c> as this API documents it, or <c>result</c> as its siblings spell it.</summary>
    public string ResultMember { get; init; } = "resultInfo";

    /// <summary>Name of the message: <c>resultMessage</c>, or <c>resultMsg</c> as one sibling spells it.</summary>
    public string MessageMember { get; init; } = "resultMessage";

    /// <summary>How RSA_AES bodies are read and written; null refuses requests with an Encrypt header.</summary>
    public GatewayEncryption? Encryption { get; init; } = new();

    /// <summary>Initial faults; <see cref="SimulatedGateway.Faults"/> changes them at run time.</summary>
    public GatewayFaults Faults { get; init; } = GatewayFaults.None;
}

/// <summary>A public key that the caller registered.</summary>
/// <param name="KeyVersion">As in the Signature header of requests.</param>
/// <param name="PublicKey">RSA public key: PEM, or bare base64 of the X.509 SubjectPublicKeyInfo.</param>
public sealed record RegisteredKey(string KeyVersion, string PublicKey);

/// <summary>The gateway's own key pair.</summary>
/// <param name="KeyVersion">As in the Signature header of responses.</param>
/// <param name="PrivateKey">RSA private key as PEM, PKCS#8 or PKCS#1.</param>
public sealed record GatewayKey(string KeyVersion, string PrivateKey);

/// <summary>Details of RSA_AES that AlipayHK does not document.</summary>
public sealed record GatewayEncryption
{
    /// <summary>How the AES key is wrapped, in both directions.</summary>
    public RSAEncryptionPadding KeyWrap { get; init; } = RSAEncryptionPadding.Pkcs1;

    /// <summary>Alphabet of responses; requests may use either.</summary>
    public bool UrlSafeBase64 { get; init; }

    /// <summary>Content-Type of encrypted responses.</summary>
    public string ContentType { get; init; } = "text/plain; charset=UTF-8";
}
