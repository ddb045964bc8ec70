using System.Security.Cryptography;
using Azure.Core;

namespace Azure.Security.KeyVault.Keys.Cryptography;

/// <summary>
/// 4.7.0: <c>public class CryptographyClient : IKeyEncryptionKey</c>. Where the real class calls a vault, this double signs with the private
/// key in the PEM file that the environment variable <see cref="KeyFileVariable"/> names, so that the tests' worker processes have a key.
/// </summary>
public class CryptographyClient
{
    /// <summary>Exists only in this double.</summary>
    internal const string KeyFileVariable = "KEY_VAULT_KEYS_DOUBLE_PEM";

    /// <summary>4.7.0: <c>protected CryptographyClient()</c>, for fakes that override what they need.</summary>
    protected CryptographyClient()
    {
    }

    /// <summary>
    /// 4.7.0: <c>CryptographyClient(Uri keyId, TokenCredential credential, CryptographyClientOptions options)</c>. The real constructor calls no
    /// service either.
    /// </summary>
    public CryptographyClient(Uri keyId, TokenCredential credential, CryptographyClientOptions options)
    {
        ArgumentNullException.ThrowIfNull(keyId);
        ArgumentNullException.ThrowIfNull(credential);
        KeyId = keyId.AbsoluteUri;
        Options = options;
    }

    /// <summary>4.7.0: <c>virtual string KeyId { get; }</c></summary>
    public virtual string KeyId { get; } = "";

    /// <summary>Exists only in this double: the options that the host passed.</summary>
    internal CryptographyClientOptions? Options { get; }

    /// <summary>
    /// 4.7.0: <c>virtual Task&lt;SignResult&gt; SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken =
    /// default)</c>
    /// </summary>
    public virtual async Task<SignResult> SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken = default)
    {
        if (algorithm != SignatureAlgorithm.RS256) throw new NotSupportedException($"The double signs RS256 only, not {algorithm}.");
        var file = Environment.GetEnvironmentVariable(KeyFileVariable)
            ?? throw new NotSupportedException($"The double calls no vault; {KeyFileVariable} must name a file with a private key.");
        using var key = RSA.Create();
        key.ImportFromPem(await File.ReadAllTextAsync(file, cancellationToken).ConfigureAwait(false));
        return new SignResult(KeyId, key.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), algorithm);
    }
}
