namespace ContentSync.Signing;

/// <summary>Signs with the partner's private RSA key, wherever that lives.</summary>
public interface IRequestSigner
{
    /// <summary>RSASSA-PKCS1-v1_5 over a SHA-256 digest that the caller computed.</summary>
    /// <param name="sha256">The 32-byte digest of the string to sign.</param>
    /// <param name="cancellationToken">Ends the wait; never counted as a failure.</param>
    /// <returns>The signature and the keyVersion under which AlipayHK holds the matching public key.</returns>
    /// <exception cref="SigningUnavailableException">No signature can be had now; nothing was sent.</exception>
    ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken);
}

/// <summary>A raw RSA signature and the AlipayHK <c>keyVersion</c> of the key that made it.</summary>
public readonly record struct RequestSignature(string KeyVersion, ReadOnlyMemory<byte> Value);

/// <summary>The signer cannot sign now: throttled, unreachable, or its key is disabled. The item is paused and spends no attempt.</summary>
public sealed class SigningUnavailableException : Exception
{
    public SigningUnavailableException(string message, TimeSpan? retryAfter = null, Exception? innerException = null)
        : base(message, innerException) => RetryAfter = retryAfter;

    /// <summary>How long the signer asked to be left alone, where it said so.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>What kept it from signing. A signer that does not say so is taken to be down.</summary>
    public SigningFault Cause { get; init; }
}

/// <summary>What keeps a signer from signing.</summary>
public enum SigningFault
{
    /// <summary>Unreachable, too slow, refusing, or without a usable key: it is left alone until a probe succeeds.</summary>
    Down = 0,

    /// <summary>It was asked too often (Key Vault's status 429): it works, and is asked less often.</summary>
    Throttled = 1,
}
