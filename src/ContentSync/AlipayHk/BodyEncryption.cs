using System.Security.Cryptography;
using System.Text;
using ContentSync.Signing;

namespace ContentSync.AlipayHk;

/// <summary>
/// RSA_AES as the sibling gateways implement it: the body is encrypted with AES in ECB mode, PKCS#7 padding and a fresh key, and
/// sent as base64 on one line; the Encrypt header carries the key, wrapped with AlipayHK's RSA key. Requests are encrypted, then
/// signed; responses are verified, then decrypted. ECB reveals equal blocks and authenticates nothing: use it only where AlipayHK
/// demands it; it adds nothing to TLS.
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

    /// <summary>Encrypts one body with a fresh key.</summary>
    /// <exception cref="InvalidOperationException">
    /// None of AlipayHK's keys has the configured keyVersion. <see cref="AlipayHkOptionsValidator"/> reports this earlier.
    /// </exception>
    public EncryptedBody Encrypt(ReadOnlySpan<byte> body)
    {
        if (!keys.TryFind(options.KeyVersion, out var publicKey))
        {
            throw new InvalidOperationException($"None of AlipayHK's public keys has the Encrypt keyVersion {options.KeyVersion}.");
        }

        var key = RandomNumberGenerator.GetBytes(options.AesKeyBits / 8);
        try
        {
            using var aes = Aes.Create();
            aes.SetKey(key);
            var cipher = aes.EncryptEcb(body, PaddingMode.PKCS7);
            var header = HeaderPairs.Format(Algorithm, options.KeyVersion, ValueName, publicKey.Encrypt(key, _padding));
            return new EncryptedBody(Encoding.ASCII.GetBytes(ToText(cipher)), header);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>
    /// Decrypts a response whose signature is valid. Never pass an unverified response: the different outcomes would leak
    /// information about the key to a forger. The response's Encrypt header carries its key, wrapped for our private key.
    /// </summary>
    /// <returns>The plain body, or null if the header, the wrapped key or the body cannot be read.</returns>
    public async ValueTask<ReadOnlyMemory<byte>?> DecryptAsync(
        ReadOnlyMemory<byte> body,
        string encryptHeader,
        IKeyUnwrapper unwrapper,
        CancellationToken cancellationToken)
    {
        var fault = HeaderPairs.TryParse(encryptHeader, ValueName, out var pairs);
        if (fault != HeaderFault.None || !pairs.Algorithm.Equals(Algorithm, StringComparison.OrdinalIgnoreCase)) return null;
        var cipher = FromText(body.Span);
        if (cipher is null) return null;
        var key = await unwrapper.UnwrapAsync(pairs.Value, _padding, cancellationToken).ConfigureAwait(false);
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

    // Accepts either alphabet, padded or not: the sibling gateway's documentation and code disagree.
    private static byte[]? FromText(ReadOnlySpan<byte> body)
    {
        var text = Encoding.ASCII.GetString(body).Trim().TrimEnd('=').Replace('-', '+').Replace('_', '/');
        var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
        var cipher = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64String(padded, cipher, out var length) ? cipher[..length] : null;
    }
}

/// <summary>An encrypted request body and its header.</summary>
/// <param name="Text">Base64 text; sent and signed as the request's body.</param>
/// <param name="Header">Value of the Encrypt header.</param>
public readonly record struct EncryptedBody(ReadOnlyMemory<byte> Text, string Header);
