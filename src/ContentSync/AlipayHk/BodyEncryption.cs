using System.Security.Cryptography;
using System.Text;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>
/// RSA_AES as the sibling gateways do it: the body under AES in ECB mode with PKCS#7 padding and a fresh key, as base64 on one
/// line; the key wrapped with AlipayHK's RSA key in the Encrypt header. A request is encrypted, then signed; an answer is verified,
/// then decrypted. ECB shows equal blocks and authenticates nothing: this is for AlipayHK's wish only, never a gain over TLS.
/// </summary>
public sealed class BodyEncryption(EncryptionOptions options, AlipayHkKeys keys)
{
    /// <summary>The one algorithm AlipayHK documents for the Encrypt header.</summary>
    public const string Algorithm = "RSA_AES";

    private const string ValueName = "symmetricKey";

    private readonly RSAEncryptionPadding _padding = options.KeyWrap switch
    {
        KeyWrapPadding.OaepSha1 => RSAEncryptionPadding.OaepSHA1,
        KeyWrapPadding.OaepSha256 => RSAEncryptionPadding.OaepSHA256,
        _ => RSAEncryptionPadding.Pkcs1,
    };

    /// <summary>Encrypts one body under a key of its own.</summary>
    /// <exception cref="InvalidOperationException">No partner key has the configured keyVersion; the options' validator reports it before.</exception>
    public EncryptedBody Encrypt(ReadOnlySpan<byte> body)
    {
        if (!keys.TryFind(options.KeyVersion, out var partner)) throw new InvalidOperationException($"No partner key has the Encrypt keyVersion {options.KeyVersion}.");
        var key = RandomNumberGenerator.GetBytes(options.AesKeyBits / 8);
        try
        {
            using var aes = Aes.Create();
            aes.SetKey(key);
            var cipher = aes.EncryptEcb(body, PaddingMode.PKCS7);
            var header = HeaderPairs.Format(Algorithm, options.KeyVersion, ValueName, partner.Encrypt(key, _padding));
            return new EncryptedBody(Encoding.ASCII.GetBytes(ToText(cipher)), header);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>
    /// Decrypts an answer whose signature was valid; an unverified one must not get here, since its endings would tell a forger
    /// about the key. The answer's own Encrypt header wraps its key for our private key.
    /// </summary>
    /// <returns>The plain body, or null where the header, the wrapped key or the text cannot be read.</returns>
    public async ValueTask<ReadOnlyMemory<byte>?> DecryptAsync(ReadOnlyMemory<byte> body, string encryptHeader, IKeyUnwrapper unwrapper, CancellationToken cancellationToken)
    {
        var fault = HeaderPairs.TryParse(encryptHeader, ValueName, out var pairs);
        if (fault != HeaderFault.None || !pairs.Algorithm.Equals(Algorithm, StringComparison.OrdinalIgnoreCase)) return null;
        var cipher = FromText(body.Span);
        if (cipher is null) return null;
        var key = await unwrapper.UnwrapAsync(pairs.Value, _padding, cancellationToken);
        if (key is not { Length: 16 or 24 or 32 }) return null;
        try
        {
            using var aes = Aes.Create();
            aes.SetKey(key);
            return aes.DecryptEcb(cipher, PaddingMode.PKCS7);
        }
        catch (CryptographicException)
        {
            return null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private string ToText(byte[] cipher)
    {
        var text = Convert.ToBase64String(cipher);
        return options.Alphabet == Base64Alphabet.Url ? text.TrimEnd('=').Replace('+', '-').Replace('/', '_') : text;
    }

    // Either alphabet, padded or not: the sibling's documents say one and its code does the other.
    private static byte[]? FromText(ReadOnlySpan<byte> body)
    {
        var text = Encoding.ASCII.GetString(body).Trim().TrimEnd('=').Replace('-', '+').Replace('_', '/');
        var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
        var cipher = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64String(padded, cipher, out var length) ? cipher[..length] : null;
    }
}

/// <summary>What goes on the wire in place of the body.</summary>
/// <param name="Text">The base64 text: body of the request and subject of the signature.</param>
/// <param name="Header">The Encrypt header.</param>
public readonly record struct EncryptedBody(ReadOnlyMemory<byte> Text, string Header);
