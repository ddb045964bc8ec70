using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace ContentSync.Simulator;

/// <summary>
/// Pools instances of one RSA key for concurrent requests: <see cref="RSA"/> instances are not guaranteed to be thread-safe, and importing a
/// key costs more than using it.
/// </summary>
internal sealed class RsaKeyPool : IDisposable
{
    private readonly ConcurrentBag<RSA> _idle = [];
    private readonly RSAParameters _parameters;

    public RsaKeyPool(string keyVersion, RSA key)
    {
        KeyVersion = keyVersion;
        IsPrivate = HasPrivateHalf(key);
        _parameters = key.ExportParameters(IsPrivate);
        _idle.Add(key);
    }

    public string KeyVersion { get; }

    public bool IsPrivate { get; }

    /// <summary>X.509 SubjectPublicKeyInfo in base64.</summary>
    public string PublicKey
    {
        get
        {
            var key = Rent();
            try
            {
                return Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
            }
            finally
            {
                Return(key);
            }
        }
    }

    /// <exception cref="ArgumentException">The text holds no RSA key.</exception>
    public static RsaKeyPool Import(string keyVersion, string text)
    {
        var rsa = RSA.Create();
        try
        {
            if (text.Contains("-----BEGIN", StringComparison.Ordinal)) rsa.ImportFromPem(text);
            else rsa.ImportSubjectPublicKeyInfo(Convert.FromBase64String(text), out _);
            return new RsaKeyPool(keyVersion, rsa);
        }
        catch (Exception e) when (e is CryptographicException or FormatException or ArgumentException)
        {
            rsa.Dispose();
            throw new ArgumentException($"The key with keyVersion {keyVersion} is not an RSA key in PEM or base64: {e.Message}", nameof(text), e);
        }
    }

    public bool Verify(ReadOnlySpan<byte> sha256, ReadOnlySpan<byte> signature)
    {
        var key = Rent();
        try
        {
            return key.VerifyHash(sha256, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            Return(key);
        }
    }

    public byte[] Sign(ReadOnlySpan<byte> sha256)
    {
        var key = Rent();
        try
        {
            return key.SignHash(sha256, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            Return(key);
        }
    }

    public byte[] Encrypt(ReadOnlySpan<byte> data, RSAEncryptionPadding padding)
    {
        var key = Rent();
        try
        {
            return key.Encrypt(data, padding);
        }
        finally
        {
            Return(key);
        }
    }

    public byte[] Decrypt(ReadOnlySpan<byte> data, RSAEncryptionPadding padding)
    {
        var key = Rent();
        try
        {
            return key.Decrypt(data, padding);
        }
        finally
        {
            Return(key);
        }
    }

    public void Dispose()
    {
        while (_idle.TryTake(out var key)) key.Dispose();
    }

    private RSA Rent() => _idle.TryTake(out var key) ? key : RSA.Create(_parameters);

    private void Return(RSA key) => _idle.Add(key);

    private static bool HasPrivateHalf(RSA key)
    {
        try
        {
            return key.ExportParameters(true).D is not null;
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
