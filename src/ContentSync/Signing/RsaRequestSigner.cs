using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace ContentSync.Signing;

/// <summary>
/// Signs with a private key that this process holds. Imported once; each signature in flight has a copy of its own from a
/// stock that grows to as many as were ever in flight together. One shared key is safe too, but OpenSSL then takes a lock and a
/// slower blinding for every thread except the first, some 10 % of a signature.
/// </summary>
public sealed class RsaRequestSigner : IRequestSigner, IKeyUnwrapper, IDisposable
{
    private readonly RSA _key;
    private readonly ConcurrentBag<RSA> _idle = [];
    private readonly string _keyVersion;
    private readonly int _signatureBytes;

    /// <param name="key">A private key of 2048 bits or more, exportable; disposed with the signer.</param>
    /// <param name="keyVersion">The version under which AlipayHK holds the public half.</param>
    /// <exception cref="ArgumentException">The key is too short, or the version cannot stand in a header.</exception>
    public RsaRequestSigner(RSA key, string keyVersion)
    {
        if (key.KeySize < RsaKeyText.MinimumBits) throw new ArgumentException($"The RSA key has {key.KeySize} bits; {RsaKeyText.MinimumBits} or more are needed.", nameof(key));
        if (!KeyVersionText.IsValid(keyVersion)) throw new ArgumentException(KeyVersionText.Rule, nameof(keyVersion));
        _key = key;
        _keyVersion = keyVersion;
        _signatureBytes = key.KeySize / 8;
    }

    /// <summary>Imports the key from text: PEM or bare base64, PKCS#8 or PKCS#1.</summary>
    /// <param name="keyText">The private key.</param>
    /// <param name="keyVersion">The version under which AlipayHK holds the public half.</param>
    /// <param name="setting">Name of the setting or file it came from, for the message.</param>
    /// <exception cref="RsaKeyTextException">It is no RSA private key of 2048 bits or more.</exception>
    public static RsaRequestSigner FromKeyText(string keyText, string keyVersion, string setting) => new(RsaKeyText.ImportPrivate(keyText, setting), keyVersion);

    /// <inheritdoc/>
    public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<RequestSignature>(cancellationToken);
        var signature = new byte[_signatureBytes];

        // The bag hands a thread the copy it used last, whose blinding factors OpenSSL holds for that thread.
        if (!_idle.TryTake(out var key)) key = Copy();
        var signed = key.TrySignHash(sha256.Span, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1, out var written);
        _idle.Add(key);
        if (!signed || written != signature.Length) throw new CryptographicException($"The RSA signature has not the key's {_signatureBytes} bytes.");
        return ValueTask.FromResult(new RequestSignature(_keyVersion, signature));
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> UnwrapAsync(ReadOnlyMemory<byte> wrappedKey, RSAEncryptionPadding padding, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<byte[]?>(cancellationToken);
        try
        {
            return ValueTask.FromResult<byte[]?>(_key.Decrypt(wrappedKey.Span, padding));
        }
        catch (CryptographicException)
        {
            return ValueTask.FromResult<byte[]?>(null);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _key.Dispose();
        while (_idle.TryTake(out var copy)) copy.Dispose();
    }

    private RSA Copy()
    {
        var pkcs8 = _key.ExportPkcs8PrivateKey();
        try
        {
            var copy = RSA.Create();
            copy.ImportPkcs8PrivateKey(pkcs8, out _);
            return copy;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }
    }
}

/// <summary>The form of a keyVersion in the Signature and Encrypt headers.</summary>
public static class KeyVersionText
{
    /// <summary>What a keyVersion must look like, as a sentence for messages.</summary>
    public const string Rule = "A keyVersion is 1 to 64 letters, digits, dots, hyphens or underscores, as AlipayHK named it.";

    private static readonly SearchValues<char> Allowed = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");

    /// <summary>Whether it can stand in a header without breaking its pairs.</summary>
    public static bool IsValid(string? keyVersion) => keyVersion is { Length: > 0 and <= 64 } && !keyVersion.AsSpan().ContainsAnyExcept(Allowed);
}
