using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace ContentSync.Signing;

/// <summary>
/// Signs with several keys in several vaults as if they were one. A rate limiter keeps calls to each vault below its limit: above it,
/// a vault refuses calls for whole seconds. Calls move away from a vault that throttles, hangs or refuses, and return after a
/// successful probe. Callers wait for their turn, first come, first served; one failing vault never fails a caller. Thread-safe; one
/// per process.
/// </summary>
/// <remarks>
/// Keys with the same keyVersion hold the same key material (backup and restore keeps the public key). During a rotation, the pool
/// contains and uses the keys of both the old and the new version, so AlipayHK must already have both public keys.
/// </remarks>
public sealed class SignerPool : IRequestSigner, IDisposable
{
    private readonly SignerPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly TaskCreationOptions _continuations;
    private readonly long _startedAt;
    private readonly PooledVault[] _vaults;
    private readonly LinkedList<SignatureWaiter> _waiting = new();
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private double _timerDueAt = double.PositiveInfinity;

    /// <param name="keys">At least one. Keys in the same vault share its rate limit.</param>
    /// <param name="options">Rates, delays and timeouts.</param>
    /// <param name="time">Clock for rates and timeouts.</param>
    /// <exception cref="ArgumentException">There is no key, or a keyVersion is not valid.</exception>
    public SignerPool(IReadOnlyList<VaultKey> keys, SignerPoolOptions options, TimeProvider time)
        : this(keys, options, time, TaskCreationOptions.RunContinuationsAsynchronously)
    {
    }

    /// <summary>
    /// With <see cref="TaskCreationOptions.None"/>, waiting callers resume synchronously, in an order that a simulation can repeat.
    /// </summary>
    internal SignerPool(IReadOnlyList<VaultKey> keys, SignerPoolOptions options, TimeProvider time, TaskCreationOptions continuations)
    {
        if (keys.Count == 0) throw new ArgumentException("A signer pool needs at least one key.", nameof(keys));
        if (keys.Any(key => !KeyVersionText.IsValid(key.KeyVersion))) throw new ArgumentException(KeyVersionText.Rule, nameof(keys));
        _options = options;
        _time = time;
        _continuations = continuations;
        _startedAt = time.GetTimestamp();
        _vaults =
        [
            .. keys.GroupBy(key => key.Vault, StringComparer.OrdinalIgnoreCase)
                .Select(vault => new PooledVault(vault.Key, [.. vault], options)),
        ];
        _timer = time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Number of callers that wait for their turn.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _waiting.Count;
        }
    }

    /// <summary>The state of each vault.</summary>
    public IReadOnlyList<VaultStatus> Status
    {
        get
        {
            lock (_lock) return [.. _vaults.Select(vault => vault.Status)];
        }
    }

    private double Now => _time.GetElapsedTime(_startedAt).TotalSeconds;

    /// <inheritdoc/>
    /// <exception cref="SigningUnavailableException">
    /// All keys are down, or too many callers are waiting to get a turn within <see cref="SignerPoolOptions.MaxWait"/>.
    /// </exception>
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        SigningUnavailableException? lastFailure = null;
        while (true)
        {
            // A caller that a vault refused has already waited, so it goes first.
            var key = await WaitForKeyAsync(lastFailure, cancellationToken).ConfigureAwait(false);
            var sentAt = Now;
            try
            {
                var signature = await SignAsync(key, sha256, cancellationToken).ConfigureAwait(false);
                lock (_lock)
                {
                    key.Succeeded(Now);
                    ArmTimer(Now);
                }

                return signature with { KeyVersion = key.KeyVersion };
            }
            catch (SigningUnavailableException e)
            {
                lastFailure = e;
                lock (_lock)
                {
                    key.Failed(e, sentAt, Now);
                    ServeWaiters();
                }
            }
            catch
            {
                lock (_lock)
                {
                    key.Return();
                    ArmTimer(Now);
                }

                throw;
            }
        }
    }

    /// <summary>Fails the callers that still wait.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock) RejectWaiters(new SigningUnavailableException("The process is shutting down."));
    }

    private async ValueTask<RequestSignature> SignAsync(PooledKey key, ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        var limit = key.Timeout;
        using var timeout = new CancellationTokenSource(limit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await key.Signer.SignAsync(sha256, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SigningUnavailableException(
                $"The vault {key.Vault} did not sign within {limit.TotalSeconds:0.#} seconds.",
                innerException: e);
        }
        catch (CryptographicException e)
        {
            throw new SigningUnavailableException($"The vault {key.Vault} cannot sign: {e.Message}", innerException: e);
        }
    }

    private async ValueTask<PooledKey> WaitForKeyAsync(SigningUnavailableException? lastFailure, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SignatureWaiter waiter;
        lock (_lock)
        {
            var now = Now;
            if ((_waiting.Count == 0 || lastFailure is not null) && TryTake(now, out var free)) return free;
            ThrowIfUnavailable(now, lastFailure);
            waiter = new SignatureWaiter(this);
            waiter.Node = lastFailure is null ? _waiting.AddLast(waiter) : _waiting.AddFirst(waiter);
            ArmTimer(now);
        }

        using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((SignatureWaiter)state!).Cancel(token), waiter);
        return await waiter.Task.ConfigureAwait(false);
    }

    private void ThrowIfUnavailable(double now, SigningUnavailableException? lastFailure)
    {
        var perSecond = _vaults.Sum(vault => vault.Rate);
        if (perSecond == 0)
        {
            throw new SigningUnavailableException($"No vault can sign. {lastFailure?.Message}".TrimEnd(), UntilUsable(now), lastFailure);
        }

        var wait = TimeSpan.FromSeconds(_waiting.Count / perSecond);
        if (wait <= _options.MaxWait) return;
        throw new SigningUnavailableException(
            $"{Wording.Count(_waiting.Count, "signature is", "signatures are")} already waiting, "
            + $"{wait.TotalSeconds:0} seconds of work for the vaults.",
            wait - _options.MaxWait,
            lastFailure);
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            _timerDueAt = double.PositiveInfinity;
            ServeWaiters();
        }
    }

    private void ServeWaiters()
    {
        var now = Now;
        while (_waiting.First is { } first && TryTake(now, out var key))
        {
            _waiting.RemoveFirst();
            first.Value.Node = null;
            first.Value.SetResult(key);
        }

        // While no vault works, deferring the items is better than keeping them in memory.
        if (_waiting.Count > 0 && _vaults.All(vault => vault.Rate == 0))
        {
            RejectWaiters(new SigningUnavailableException("No vault can sign.", UntilUsable(now)));
        }

        ArmTimer(now);
    }

    private bool TryTake(double now, [MaybeNullWhen(false)] out PooledKey key)
    {
        PooledVault? best = null;
        key = null;
        foreach (var vault in _vaults)
        {
            if (!vault.IsReady(now)) continue;
            if (vault.TryProbe(now, out key)) return true;
            if (vault.HasFreeKey && (best is null || vault.Tokens > best.Tokens)) best = vault;
        }

        key = best?.Take();
        return key is not null;
    }

    private void ArmTimer(double now)
    {
        if (_waiting.Count == 0) return;

        // Timers have a resolution of 1 ms; the vaults' tokens make up for late ones. The timer only ever moves to an earlier time: if
        // each caller restarted it, a steady stream of callers would keep it from firing.
        var dueAt = now + Math.Max(0.001, UntilUsable(now).TotalSeconds);
        if (dueAt >= _timerDueAt) return;
        _timerDueAt = dueAt;
        _timer.Change(TimeSpan.FromSeconds(dueAt - now), Timeout.InfiniteTimeSpan);
    }

    private TimeSpan UntilUsable(double now) =>
        TimeSpan.FromSeconds(Math.Min(_options.MaxProbeDelay.TotalSeconds, _vaults.Min(vault => vault.UntilUsable(now))));

    private void RejectWaiters(SigningUnavailableException reason)
    {
        while (_waiting.First is { } first)
        {
            _waiting.RemoveFirst();
            first.Value.Node = null;
            first.Value.SetException(new SigningUnavailableException(reason.Message, reason.RetryAfter));
        }
    }

    /// <summary>A waiting caller.</summary>
    private sealed class SignatureWaiter(SignerPool pool) : TaskCompletionSource<PooledKey>(pool._continuations)
    {
        /// <summary>Null once the caller has left the queue.</summary>
        public LinkedListNode<SignatureWaiter>? Node { get; set; }

        public void Cancel(CancellationToken cancellationToken)
        {
            lock (pool._lock)
            {
                if (Node is null) return;
                pool._waiting.Remove(Node);
                Node = null;
            }

            TrySetCanceled(cancellationToken);
        }
    }
}

/// <summary>A key in a vault.</summary>
/// <param name="Vault">Name of the vault; its keys share one rate limit.</param>
/// <param name="KeyVersion">AlipayHK's keyVersion for this key. Always change it together with the signer.</param>
/// <param name="Signer">Calls the vault once, without retries.</param>
public sealed record VaultKey(string Vault, string KeyVersion, IRequestSigner Signer);

/// <summary>Rates, delays and timeouts of <see cref="SignerPool"/>.</summary>
public sealed class SignerPoolOptions
{
    /// <summary>
    /// Max signatures per second and vault, of all processes together. Key Vault allows 4,000 RSA-2048 operations with a software key in 10
    /// seconds, and half of that with an HSM key. The default leaves room for <see cref="BurstDuration"/> and for calls that bunch up in the
    /// network.
    /// </summary>
    public double SignaturesPerSecond { get; set; } = 392;

    /// <summary>
    /// This process's part of a vault's rate, above 0 to 1: several processes share a vault. Read again for each signature.
    /// </summary>
    public Func<double> Share { get; set; } = () => 1;

    /// <summary>Max idle time for which a vault may catch up in a burst.</summary>
    public TimeSpan BurstDuration { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Timeout of one call; after it, the key counts as down.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Timeout of calls to a key until the first one succeeds. Until then the key gets one call at a time, so that a cold start connects
    /// once and not for each waiting caller. Null for keys that need no connection: their first call is like any other.
    /// </summary>
    public TimeSpan? FirstRequestTimeout { get; set; }

    /// <summary>Max wait for a turn; callers that would wait longer are refused.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Delay before the first probe of a key that is down; doubles with each failed probe.</summary>
    public TimeSpan FirstProbeDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Max delay between two probes.</summary>
    public TimeSpan MaxProbeDelay { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>The state of a vault of the pool.</summary>
/// <param name="Vault">The vault's name.</param>
/// <param name="SignaturesPerSecond">This process's current rate limit there; 0 while all its keys are down.</param>
/// <param name="Signed">Number of signatures since the start.</param>
/// <param name="Throttled">Number of calls that the vault throttled.</param>
/// <param name="Down">Number of keys that are down.</param>
/// <param name="IsThrottled">Its rate is lowered, because it throttled calls lately.</param>
public sealed record VaultStatus(string Vault, double SignaturesPerSecond, long Signed, long Throttled, int Down, bool IsThrottled);
