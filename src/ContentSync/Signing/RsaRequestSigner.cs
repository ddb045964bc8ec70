using System.Buffers;
using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace ContentSync.Signing;

/// <summary>
/// Signs with a private key in this process. Thread-safe. Every signature in flight uses its own copy of the key, from a pool that
/// grows to the peak concurrency. One shared key would be correct too, but OpenSSL then takes a lock and a slower blinding path for
/// every thread except the first, which costs some 10 % of a signature.
/// </summary>
public sealed class RsaRequestSigner : IRequestSigner, IKeyUnwrapper, IDisposable
{
    private readonly RSA _key;
    private readonly ConcurrentBag<RSA> _idle = [];
    private readonly string _keyVersion;
    private readonly int _signatureBytes;

    /// <param name="key">A private key of 2048 bits or more, exportable; disposed with the signer.</param>
    /// <param name="keyVersion">AlipayHK's keyVersion for the public key.</param>
    /// <exception cref="ArgumentException">The key is too short, or the keyVersion is not valid in a header.</exception>
    public RsaRequestSigner(RSA key, string keyVersion)
    {
        if (key.KeySize < RsaKeyText.MinimumBits)
        {
            throw new ArgumentException($"The RSA key has {key.KeySize} bits; it must have {RsaKeyText.MinimumBits} or more.", nameof(key));
        }

        if (!KeyVersionText.IsValid(keyVersion)) throw new ArgumentException(KeyVersionText.Rule, nameof(keyVersion));
        _key = key;
        _keyVersion = keyVersion;
        _signatureBytes = key.KeySize / 8;
    }

    /// <summary>Imports the key from text: PEM or bare base64, PKCS#8 or PKCS#1.</summary>
    /// <param name="keyText">The text of the private key.</param>
    /// <param name="keyVersion">AlipayHK's keyVersion for the public key.</param>
    /// <param name="setting">Name of the key's setting or file, for messages.</param>
    /// <exception cref="RsaKeyTextException">The text is not an RSA private key of 2048 bits or more.</exception>
    public static RsaRequestSigner FromKeyText(string keyText, string keyVersion, string setting) =>
        new(RsaKeyText.ImportPrivate(keyText, setting), keyVersion);

    /// <inheritdoc/>
    public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled<RequestSignature>(cancellationToken);
        var signature = new byte[_signatureBytes];

        // The bag prefers the copy that this thread used last, for which OpenSSL keeps the thread's blinding factors.
        if (!_idle.TryTake(out var key)) key = Copy();
        var signed = key.TrySignHash(sha256.Span, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1, out var written);
        _idle.Add(key);
        if (!signed || written != signature.Length)
        {
            throw new CryptographicException($"The RSA signature has {written} bytes instead of the key's {_signatureBytes}.");
        }

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

/// <summary>Syntax of a keyVersion in the Signature and Encrypt headers.</summary>
public static class KeyVersionText
{
    /// <summary>The syntax as a sentence, for messages.</summary>
    public const string Rule = "A keyVersion must be 1 to 64 letters, digits, dots, hyphens or underscores, as assigned by AlipayHK.";

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");

    /// <summary>Whether the text follows <see cref="Rule"/>, so that it cannot break the header's syntax.</summary>
    public static bool IsValid(string? keyVersion) =>
        keyVersion is { Length: > 0 and <= 64 } && !keyVersion.AsSpan().ContainsAnyExcept(Allowed);
}
