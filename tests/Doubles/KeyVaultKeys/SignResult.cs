namespace Azure.Security.KeyVault.Keys.Cryptography;

/// <summary>4.7.0: <c>public class SignResult</c></summary>
public class SignResult
{
    internal SignResult(string keyId, byte[] signature, SignatureAlgorithm algorithm) =>
        (KeyId, Signature, Algorithm) = (keyId, signature, algorithm);

    /// <summary>4.7.0: <c>string KeyId { get; }</c></summary>
    public string KeyId { get; }

    /// <summary>4.7.0: <c>byte[] Signature { get; }</c></summary>
    public byte[] Signature { get; }

    /// <summary>4.7.0: <c>SignatureAlgorithm Algorithm { get; }</c></summary>
    public SignatureAlgorithm Algorithm { get; }
}
