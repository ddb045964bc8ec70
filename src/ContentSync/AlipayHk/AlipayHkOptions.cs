namespace ContentSync.AlipayHk;

/// <summary>
/// AlipayHK's address and our identity there: settings section <c>AlipayHk</c>. AlipayHK's solution architect provides the base
/// address and the Client-Id.
/// </summary>
public sealed class AlipayHkOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "AlipayHk";

    /// <summary>Scheme and host, no path. HTTPS; plain HTTP only for a loopback address.</summary>
    public Uri? BaseAddress { get; set; }

    /// <summary>Path to call and sign, without a query.</summary>
    public string Path { get; set; } = "/api/open/alipay/v1/content/synchronize";

    /// <summary>The Client-Id header.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>AlipayHK's public keys, at least one; the old and the new one side by side during a rotation.</summary>
    public IList<AlipayHkKeyOptions> PublicKeys { get; init; } = [];

    /// <summary>
    /// Off: all requests for the same version of an item carry the same requestId. On: every request carries a new one, in case
    /// AlipayHK's acceptance test requires it.
    /// </summary>
    public bool NewRequestIdPerRequest { get; set; }

    /// <summary>Timeout of one request, from signing to the last byte of the response.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Timeout of an attempt: all its requests and delays. Must be shorter than the lease and a queue's message lock.</summary>
    public TimeSpan TotalTimeout { get; set; } = TimeSpan.FromSeconds(40);

    /// <summary>
    /// Max immediate retries after a broken connection or an HTTP 408 or 5xx without a result. The recoverability policy decides on
    /// delayed retries.
    /// </summary>
    public int ImmediateRetries { get; set; } = 2;

    /// <summary>
    /// The send budget of all instances together: max requests per second, immediate retries included; null for no limit. AlipayHK
    /// publishes no quota: use what it grants. The instances lease their parts of it (<see cref="Budget.SendBudget"/>).
    /// </summary>
    public double? MaxSendsPerSecond { get; set; }

    /// <summary>
    /// A response whose Response-Time is earlier than its request's own time by more than this does not count as verified: it may be an
    /// old response, sent again. Nothing else in a response ties it to a request. Covers the difference between AlipayHK's clock and
    /// ours.
    /// </summary>
    public TimeSpan ResponseTimeTolerance { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Max size of a response body.</summary>
    public int MaxResponseBytes { get; set; } = 64 * 1024;

    public EncryptionOptions Encryption { get; set; } = new();
}

/// <summary>One of AlipayHK's public keys.</summary>
public sealed class AlipayHkKeyOptions
{
    /// <summary>The keyVersion that AlipayHK sends in its Signature header.</summary>
    public string KeyVersion { get; set; } = "1";

    /// <summary>RSA public key: PEM, or bare base64 of the X.509 SubjectPublicKeyInfo.</summary>
    public string PublicKey { get; set; } = "";
}

/// <summary>
/// RSA_AES body encryption. Leave it off unless AlipayHK asks for it: it is weak (AES in ECB mode) and adds nothing to TLS. Details
/// that AlipayHK does not document are options here.
/// </summary>
public sealed class EncryptionOptions
{
    public bool Enabled { get; set; }

    /// <summary>keyVersion in the Encrypt header.</summary>
    public string KeyVersion { get; set; } = "1";

    /// <summary>Padding for wrapping the AES key with AlipayHK's public key.</summary>
    public KeyWrapPadding KeyWrap { get; set; } = KeyWrapPadding.Pkcs1;

    /// <summary>Alphabet of the encrypted body.</summary>
    public Base64Alphabet Alphabet { get; set; } = Base64Alphabet.Standard;

    /// <summary>Content-Type of an encrypted request.</summary>
    public string ContentType { get; set; } = "text/plain; charset=UTF-8";

    /// <summary>Size of the AES key: 128, 192 or 256 bits.</summary>
    public int AesKeyBits { get; set; } = 256;
}

/// <summary>RSA padding of the wrapped AES key.</summary>
public enum KeyWrapPadding
{
    Pkcs1,
    OaepSha1,
    OaepSha256,
}

/// <summary>The base64 alphabet of RFC 4648 section 4 or section 5.</summary>
public enum Base64Alphabet
{
    Standard,
    Url,
}
