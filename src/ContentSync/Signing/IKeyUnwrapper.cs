using System.Security.Cryptography;

namespace ContentSync.Signing;

/// <summary>Unwraps the symmetric key of an encrypted answer with the partner's private RSA key. Only a signer that holds the key itself can be expected to be one.</summary>
public interface IKeyUnwrapper
{
    /// <summary>The key's bytes, or null where they were not wrapped for this key or with another padding.</summary>
    ValueTask<byte[]?> UnwrapAsync(ReadOnlyMemory<byte> wrappedKey, RSAEncryptionPadding padding, CancellationToken cancellationToken);
}
