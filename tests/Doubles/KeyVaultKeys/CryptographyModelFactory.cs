using Azure.Security.KeyVault.Keys.Cryptography;

namespace Azure.Security.KeyVault.Keys;

/// <summary>4.7.0: <c>public static class CryptographyModelFactory</c></summary>
public static class CryptographyModelFactory
{
    /// <summary>4.7.0: <c>static SignResult SignResult(string keyId = default, byte[] signature = default, SignatureAlgorithm algorithm = default)</c></summary>
    public static SignResult SignResult(string? keyId = default, byte[]? signature = default, SignatureAlgorithm algorithm = default) =>
        new(keyId!, signature!, algorithm);
}
