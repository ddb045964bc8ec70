namespace ContentSync.AlipayHk;

/// <summary>Where AlipayHK is and who we are to it. Section <c>AlipayHk</c> of the settings. AlipayHK's solution architect hands over base address and Client-Id.</summary>
public sealed class AlipayHkOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "AlipayHk";

    /// <summary>Scheme and host, no path. HTTPS; plain HTTP only for a loopback address.</summary>
    public Uri? BaseAddress { get; set; }

    /// <summary>Path that is called and signed, without query.</summary>
    public string Path { get; set; } = "/api/open/alipay/v1/content/synchronize";

    /// <summary>The Client-Id header.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>AlipayHK's public keys, at least one; old and new side by side while AlipayHK rotates.</summary>
    public IList<AlipayHkKeyOptions> PublicKeys { get; init; } = [];

    /// <summary>Off: every attempt at one content repeats its requestId. On: each attempt carries a new one, should AlipayHK's acceptance test show that it wants so.</summary>
    public bool NewRequestIdPerRequest { get; set; }

    /// <summary>From the first byte sent to the last byte of the answer, one try.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>All quick tries together, waits included. Must be shorter than the lease and a queue's message lock.</summary>
    public TimeSpan TotalTimeout { get; set; } = TimeSpan.FromSeconds(40);

    /// <summary>Quick tries after the first one, for a connection that broke or a 5xx answer without result; the longer waits are the recoverability policy's.</summary>
    public int ImmediateRetries { get; set; } = 2;

    /// <summary>
    /// The send budget of one process: most tries per second, quick retries included; null for no limit. AlipayHK publishes no quota:
    /// take what it grants, divided by the number of instances.
    /// </summary>
    public double? MaxSendsPerSecond { get; set; }

    /// <summary>Most bytes of an answer that are read.</summary>
    public int MaxResponseBytes { get; set; } = 64 * 1024;

    public EncryptionOptions Encryption { get; set; } = new();
}

/// <summary>One of AlipayHK's public keys.</summary>
public sealed class AlipayHkKeyOptions
{
    /// <summary>As the keyVersion of AlipayHK's Signature header names it.</summary>
    public string KeyVersion { get; set; } = "1";

    /// <summary>RSA public key: PEM, or bare base64 of the X.509 SubjectPublicKeyInfo.</summary>
    public string PublicKey { get; set; } = "";
}

/// <summary>RSA_AES body encryption. Off unless AlipayHK asks for it: it is weak (AES in ECB mode) and no gain over TLS. What AlipayHK does not document is a switch here.</summary>
public sealed class EncryptionOptions
{
    public bool Enabled { get; set; }

    /// <summary>keyVersion in the Encrypt header.</summary>
    public string KeyVersion { get; set; } = "1";

    /// <summary>How the AES key is wrapped with AlipayHK's public key.</summary>
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
