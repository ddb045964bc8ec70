using System.Security.Cryptography;

namespace ContentSync.Signing;

/// <summary>
/// Unwraps the symmetric key of an encrypted response with the partner's private RSA key. Implemented only by signers that hold the
/// private key in this process.
/// </summary>
public interface IKeyUnwrapper
{
    /// <summary>Returns the key's bytes, or null if they were wrapped for another key or with another padding.</summary>
    ValueTask<byte[]?> UnwrapAsync(ReadOnlyMemory<byte> wrappedKey, RSAEncryptionPadding padding, CancellationToken cancellationToken);
}
