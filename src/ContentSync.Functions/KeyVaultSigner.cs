using System.Globalization;
using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Keys.Cryptography;
using ContentSync.Diagnostics;
using ContentSync.Signing;

namespace ContentSync.Functions;

/// <summary>
/// Signs with keys that never leave Key Vault. The digest is computed here; only its 32 bytes go to the vault, as RS256. One client
/// per key lives as long as the process; none of them calls anything before the first signature. A role that may sign and
/// nothing else is enough: the client asks for the public key once, is refused, and goes on signing in the vault.
/// </summary>
public sealed class KeyVaultSigner : IRequestSigner
{
    private readonly VaultKey[] _keys;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private int _turn = -1;

    /// <param name="options">Validated.</param>
    /// <param name="connect">Makes the client of one key.</param>
    /// <param name="time">Clock of pacing and time limit.</param>
    public KeyVaultSigner(SigningOptions options, Func<Uri, CryptographyClient> connect, TimeProvider time)
    {
        _keys = [.. options.Keys.Select(key => new VaultKey(key.KeyVersion, key.KeyId, connect(new Uri(key.KeyId)), new SignaturePace(options.SignaturesPerSecond, time)))];
        _timeout = options.NetworkTimeout;
        _time = time;
    }

    /// <summary>Makes a client that does not try again by itself and gives up in time: whether and when to try again is the recoverability policy's to say.</summary>
    public static CryptographyClient Connect(Uri keyId, TokenCredential credential, SigningOptions options) =>
        new(keyId, credential, new CryptographyClientOptions { Retry = { MaxRetries = 0, NetworkTimeout = options.NetworkTimeout } });

    /// <inheritdoc/>
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        var key = _keys[(uint)Interlocked.Increment(ref _turn) % (uint)_keys.Length];
        var began = _time.GetTimestamp();
        var result = "failed";
        try
        {
            var signature = await SignAsync(key, sha256.ToArray(), cancellationToken).ConfigureAwait(false);
            result = "signed";
            return signature;
        }
        finally
        {
            Telemetry.SignDuration.Record(_time.GetElapsedTime(began).TotalSeconds, new KeyValuePair<string, object?>("result", result));
        }
    }

    private async Task<RequestSignature> SignAsync(VaultKey key, byte[] digest, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_timeout, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            var wait = key.Pace.TakeTurn(_timeout);
            if (wait > _timeout) throw new SigningUnavailableException($"More signatures are asked for than {key.KeyId} may give.", wait);
            if (wait > TimeSpan.Zero) await Task.Delay(wait, _time, limit.Token).ConfigureAwait(false);
            var signed = await key.Client.SignAsync(SignatureAlgorithm.RS256, digest, limit.Token).ConfigureAwait(false);
            return new RequestSignature(key.KeyVersion, signed.Signature);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SigningUnavailableException($"Key Vault did not sign within {_timeout.TotalSeconds:0.#} s ({key.KeyId}).", null, e);
        }
        catch (AuthenticationFailedException e)
        {
            throw new SigningUnavailableException($"No access token for Key Vault could be had ({key.KeyId}). Check the app's identity.", null, e);
        }
        catch (RequestFailedException e)
        {
            throw new SigningUnavailableException(Explain(e, key), RetryAfter(e), e);
        }
    }

    // The exception's own message holds the whole answer with its headers; status and code are what a person needs.
    private static string Explain(RequestFailedException e, VaultKey key) => e.Status switch
    {
        429 => $"Key Vault throttles ({key.KeyId}).",
        401 or 403 => $"Key Vault refused to sign with {key.KeyId} ({e.Status} {e.ErrorCode}). Check that the key is enabled and that the app's identity may sign with it.",
        404 => $"Key Vault knows no key {key.KeyId}.",
        0 => $"Key Vault could not be reached for {key.KeyId}: {e.InnerException?.Message ?? "no connection."}",
        _ => $"Key Vault did not sign with {key.KeyId} ({e.Status} {e.ErrorCode}).",
    };

    private TimeSpan? RetryAfter(RequestFailedException e)
    {
        if (e.GetRawResponse()?.Headers.TryGetValue("Retry-After", out var value) is not true) return null;
        if (int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return TimeSpan.FromSeconds(seconds);
        if (!DateTimeOffset.TryParseExact(value, "R", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var then)) return null;
        var wait = then - _time.GetUtcNow();
        return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
    }

    private sealed record VaultKey(string KeyVersion, string KeyId, CryptographyClient Client, SignaturePace Pace);
}
