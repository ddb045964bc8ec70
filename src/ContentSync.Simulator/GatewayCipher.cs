using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace ContentSync.Simulator;

/// <summary>
/// RSA_AES as in the code of the sibling gateways: a new AES key per message, wrapped with RSA; AES/ECB/PKCS7 over the body; base64 in one line.
/// </summary>
internal static class GatewayCipher
{
    /// <summary>Decrypts a body. Null, with the reason, when it cannot be decrypted.</summary>
    public static (byte[]? Body, string Problem) Decrypt(
        string header, ReadOnlySpan<byte> body, GatewayEncryption encryption, IReadOnlyList<RsaKeyPool> ownKeys)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!GatewaySignature.TryReadPairs(header, pairs)) return (null, "Encrypt header is not a list of name=value pairs");
        if (!pairs.TryGetValue("algorithm", out var algorithm) || !algorithm.Equals("RSA_AES", StringComparison.OrdinalIgnoreCase))
        {
            return (null, "Encrypt header: algorithm must be RSA_AES");
        }

        if (!pairs.TryGetValue("symmetricKey", out var wrapped) || GatewaySignature.Decode(wrapped) is not { } wrappedKey)
        {
            return (null, "Encrypt header: symmetricKey must be percent-encoded base64");
        }

        var ownKey = ownKeys.FirstOrDefault(key => pairs.TryGetValue("keyVersion", out var version) && key.KeyVersion == version) ?? ownKeys[0];
        try
        {
            using var aes = Aes.Create();
            aes.Key = ownKey.Decrypt(wrappedKey, encryption.KeyWrap);
            return (aes.DecryptEcb(FromBase64(body), PaddingMode.PKCS7), "");
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return (null, "body cannot be decrypted");
        }
    }

    /// <summary>Encrypts a body and returns it with its Encrypt header.</summary>
    public static (byte[] Body, string Header) Encrypt(ReadOnlySpan<byte> body, GatewayEncryption encryption, RsaKeyPool callerKey)
    {
        using var aes = Aes.Create();
        aes.KeySize = 256;
        aes.GenerateKey();
        var cipher = aes.EncryptEcb(body, PaddingMode.PKCS7);
        var text = encryption.UrlSafeBase64 ? Base64Url.EncodeToString(cipher) : Convert.ToBase64String(cipher);
        var wrapped = Uri.EscapeDataString(Convert.ToBase64String(callerKey.Encrypt(aes.Key, encryption.KeyWrap)));
        return (Encoding.ASCII.GetBytes(text), $"algorithm=RSA_AES,keyVersion={callerKey.KeyVersion},symmetricKey={wrapped}");
    }

    private static byte[] FromBase64(ReadOnlySpan<byte> body)
    {
        var text = Encoding.ASCII.GetString(body);
        return text.AsSpan().ContainsAny('-', '_') || text.Length % 4 != 0 ? Base64Url.DecodeFromChars(text) : Convert.FromBase64String(text);
    }
}
