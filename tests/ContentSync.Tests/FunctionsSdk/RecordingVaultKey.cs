using System.Security.Cryptography;
using Azure.Security.KeyVault.Keys;
using Azure.Security.KeyVault.Keys.Cryptography;

namespace ContentSync.Tests.FunctionsSdk;

/// <summary>A vault's key: signs with a key of the test's and counts.</summary>
internal sealed class RecordingVaultKey(Uri keyId, RSA key) : CryptographyClient
{
    private int _calls;

    public override string KeyId => keyId.AbsoluteUri;

    public int Calls => Volatile.Read(ref _calls);

    /// <summary>What happens instead of a signature.</summary>
    public Func<CancellationToken, Task>? Fault { get; set; }

    public override async Task<SignResult> SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _calls);
        if (Fault is { } fault) await fault(cancellationToken);
        Assert.Equal(SignatureAlgorithm.RS256, algorithm);
        lock (key) return CryptographyModelFactory.SignResult(KeyId, key.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), algorithm);
    }
}
