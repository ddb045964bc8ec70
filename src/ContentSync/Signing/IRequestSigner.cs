namespace ContentSync.Signing;

/// <summary>Signs with the partner's private RSA key, in this process or in a vault.</summary>
public interface IRequestSigner
{
    /// <summary>Signs a SHA-256 digest with RSASSA-PKCS1-v1_5.</summary>
    /// <param name="sha256">The 32-byte digest of the string to sign.</param>
    /// <param name="cancellationToken">Cancels the call; never counts as a failure of the signer.</param>
    /// <returns>The signature and the keyVersion under which AlipayHK knows the public key.</returns>
    /// <exception cref="SigningUnavailableException">The signer is unavailable; nothing was sent.</exception>
    ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken);
}

/// <summary>A raw RSA signature and AlipayHK's <c>keyVersion</c> for the key that created it.</summary>
public readonly record struct RequestSignature(string KeyVersion, ReadOnlyMemory<byte> Value);

/// <summary>The signer is throttled or unreachable, or its key is disabled. The item is deferred and spends no attempt.</summary>
public sealed class SigningUnavailableException : Exception
{
    public SigningUnavailableException(string message, TimeSpan? retryAfter = null, Exception? innerException = null)
        : base(message, innerException) => RetryAfter = retryAfter;

    /// <summary>The delay that the signer asked for; null if it did not.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>Why the signer is unavailable; <see cref="SigningFault.Down"/> unless the signer knows better.</summary>
    public SigningFault Cause { get; init; }
}

/// <summary>Why a signer is unavailable.</summary>
public enum SigningFault
{
    /// <summary>Unreachable, too slow, refusing, or without a usable key. It gets no calls until a probe succeeds.</summary>
    Down = 0,

    /// <summary>It received too many calls (Key Vault's status 429). It works, but gets fewer calls.</summary>
    Throttled = 1,
}
