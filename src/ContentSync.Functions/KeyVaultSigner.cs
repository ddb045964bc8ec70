using System.Globalization;
using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Keys.Cryptography;
using ContentSync.Signing;

namespace ContentSync.Functions;

/// <summary>
/// Signs with one key that never leaves Key Vault, with one call per signature. The digest is computed here; only its 32 bytes go to the
/// vault, as RS256. The client is created with the first signature and reused. A role that may only sign is sufficient: the client
/// requests the public key once, is refused, and signs in the vault. It would request it once for each concurrent first signature, so
/// the pool lets one of them connect while the others wait.
/// </summary>
public sealed class KeyVaultSigner(SigningKeyOptions key, Func<Uri, CryptographyClient> connect, TimeProvider time) : IRequestSigner
{
    /// <summary>
    /// A first call takes three steps (access token, public key, signature), which may all be slow after a cold start. Twice the
    /// usual timeout is all that a caller waits for a signature, and still shorter than a request's timeout.
    /// </summary>
    public const int FirstCallFactor = 2;

    private readonly Lazy<CryptographyClient> _client = new(() => connect(new Uri(key.KeyId)));

    /// <summary>Creates a client with a timeout and without retries: the pool decides whether and where to retry.</summary>
    public static CryptographyClient Connect(Uri keyId, TokenCredential credential, SigningOptions options) =>
        new(keyId, credential, new CryptographyClientOptions
        {
            // The pool's timeouts are shorter, except for a first call.
            Retry = { MaxRetries = 0, NetworkTimeout = FirstCallFactor * options.NetworkTimeout },
        });

    /// <summary>Combines all keys into one signer. A vault is identified by its host name.</summary>
    /// <param name="options">Keys, rates and timeouts.</param>
    /// <param name="connect">Connects to a key.</param>
    /// <param name="share">This process's part of the vaults' rates, above 0 to 1.</param>
    /// <param name="time">Clock for rates and timeouts.</param>
    public static SignerPool Pool(SigningOptions options, Func<Uri, CryptographyClient> connect, Func<double> share, TimeProvider time) => new(
        [.. options.Keys.Select(key => new VaultKey(new Uri(key.KeyId).Host, key.KeyVersion, new KeyVaultSigner(key, connect, time)))],
        new SignerPoolOptions
        {
            SignaturesPerSecond = options.SignaturesPerSecond,
            Share = share,
            RequestTimeout = options.NetworkTimeout,
            FirstRequestTimeout = FirstCallFactor * options.NetworkTimeout,
            MaxWait = options.NetworkTimeout,
        },
        time);

    /// <inheritdoc/>
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        try
        {
            var signed = await _client.Value.SignAsync(SignatureAlgorithm.RS256, sha256.ToArray(), cancellationToken).ConfigureAwait(false);
            return new RequestSignature(key.KeyVersion, signed.Signature);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SigningUnavailableException($"Key Vault did not respond in time ({key.KeyId}).", null, e);
        }
        catch (AuthenticationFailedException e)
        {
            throw new SigningUnavailableException(
                $"No access token for Key Vault could be obtained ({key.KeyId}). Check the app's identity.", null, e);
        }
        catch (RequestFailedException e)
        {
            var cause = e.Status == 429 ? SigningFault.Throttled : SigningFault.Down;
            throw new SigningUnavailableException(Explain(e), RetryAfter(e), e) { Cause = cause };
        }
    }

    // The exception's message holds the whole response with its headers; a person needs the status and the code.
    private string Explain(RequestFailedException e) => e.Status switch
    {
        429 => $"Key Vault throttles requests ({key.KeyId}).",
        401 or 403 => $"Key Vault refused to sign with {key.KeyId} ({e.Status} {e.ErrorCode}). "
            + "Check that the key is enabled and that the app's identity may sign with it.",
        404 => $"Key Vault has no key {key.KeyId}.",
        0 => $"Key Vault could not be reached for {key.KeyId}: {e.InnerException?.Message ?? "no connection."}",
        _ => $"Key Vault did not sign with {key.KeyId} ({e.Status} {e.ErrorCode}).",
    };

    private TimeSpan? RetryAfter(RequestFailedException e)
    {
        if (e.GetRawResponse()?.Headers.TryGetValue("Retry-After", out var value) is not true) return null;
        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return TimeSpan.FromSeconds(seconds);
        if (!DateTimeOffset.TryParseExact(value, "R", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then)) return null;
        var wait = then - time.GetUtcNow();
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }
}
