using System.Security.Cryptography;
using Azure.Security.KeyVault.Keys;
using Azure.Security.KeyVault.Keys.Cryptography;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>A Key Vault key that signs with a local test key and counts its calls.</summary>
internal sealed class RecordingVaultKey(Uri keyId, RSA key) : CryptographyClient
{
    private int _calls;

    public override string KeyId => keyId.AbsoluteUri;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Runs before each signature; may throw or delay.</summary>
    public Func<CancellationToken, Task>? Fault { get; set; }

    public override async Task<SignResult> SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _calls);
        if (Fault is { } fault) await fault(cancellationToken);
        Assert.Equal(SignatureAlgorithm.RS256, algorithm);
        lock (key) return CryptographyModelFactory.SignResult(KeyId, key.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), algorithm);
    }
}
