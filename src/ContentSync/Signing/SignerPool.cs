using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace ContentSync.Signing;

/// <summary>
/// Signs with several keys in several vaults as if they were one. Each vault is paced below its limit, since a vault throttles
/// an unpaced caller for whole seconds and loses signatures that it was asked for. A vault that throttles, hangs or refuses
/// loses its traffic to the others and gets it back after a probe. Whoever calls waits for his turn, first come first served,
/// and is never failed by one vault alone. Thread-safe; one per process.
/// </summary>
/// <remarks>
/// Keys of the same keyVersion hold the same key material (backup and restore keeps the public key). During a rotation the keys
/// of the old and the new version stand in the pool together, and both are used: AlipayHK must hold both public keys by then.
/// </remarks>
public sealed class SignerPool : IRequestSigner, IDisposable
{
    private readonly SignerPoolOptions _options;
    private readonly TimeProvider _time;
    private readonly TaskCreationOptions _turns;
    private readonly long _began;
    private readonly PooledVault[] _vaults;
    private readonly LinkedList<SignatureWaiter> _waiting = new();
    private readonly ITimer _timer;
    private readonly Lock _lock = new();
    private double _timerAt = double.PositiveInfinity;

    /// <param name="keys">At least one. Those that name the same vault share its pace.</param>
    /// <param name="options">Pace and patience.</param>
    /// <param name="time">Clock.</param>
    /// <exception cref="ArgumentException">No key, or a keyVersion that cannot stand in a header.</exception>
    public SignerPool(IReadOnlyList<VaultKey> keys, SignerPoolOptions options, TimeProvider time)
        : this(keys, options, time, TaskCreationOptions.RunContinuationsAsynchronously)
    {
    }

    /// <summary>With <see cref="TaskCreationOptions.None"/>, whose turn has come goes on at once, on the thread that gave it: in an order that can be repeated.</summary>
    internal SignerPool(IReadOnlyList<VaultKey> keys, SignerPoolOptions options, TimeProvider time, TaskCreationOptions turns)
    {
        if (keys.Count == 0) throw new ArgumentException("A signer pool needs at least one key.", nameof(keys));
        if (keys.Any(key => !KeyVersionText.IsValid(key.KeyVersion))) throw new ArgumentException(KeyVersionText.Rule, nameof(keys));
        _options = options;
        _time = time;
        _turns = turns;
        _began = time.GetTimestamp();
        _vaults = [.. keys.GroupBy(key => key.Vault, StringComparer.OrdinalIgnoreCase).Select(vault => new PooledVault(vault.Key, [.. vault], options))];
        _timer = time.CreateTimer(_ => OnTimer(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Callers that wait for their turn.</summary>
    public int Waiting
    {
        get
        {
            lock (_lock) return _waiting.Count;
        }
    }

    /// <summary>How each vault stands.</summary>
    public IReadOnlyList<VaultStatus> Status
    {
        get
        {
            lock (_lock) return [.. _vaults.Select(vault => vault.Status)];
        }
    }

    private double Now => _time.GetElapsedTime(_began).TotalSeconds;

    /// <inheritdoc/>
    /// <exception cref="SigningUnavailableException">
    /// Every key is down, or so many wait that the turn would not come within <see cref="SignerPoolOptions.MaxWait"/>.
    /// </exception>
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        SigningUnavailableException? last = null;
        while (true)
        {
            // Who was turned away by a vault has waited already and goes first.
            var key = await WaitForKeyAsync(last, cancellationToken).ConfigureAwait(false);
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
                last = e;
                lock (_lock)
                {
                    key.Failed(e, sentAt, Now);
                    ServeWaiters();
                }
            }
            catch
            {
                lock (_lock) key.Return();
                throw;
            }
        }
    }

    /// <summary>Those that still wait are told that no signature can be had.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_lock) RejectWaiters(new SigningUnavailableException("The process is shutting down."));
    }

    private async ValueTask<RequestSignature> SignAsync(PooledKey key, ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(_options.RequestTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        try
        {
            return await key.Signer.SignAsync(sha256, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SigningUnavailableException($"The vault {key.Vault} did not sign within {_options.RequestTimeout.TotalSeconds:0.#} seconds.", innerException: e);
        }
        catch (CryptographicException e)
        {
            throw new SigningUnavailableException($"The vault {key.Vault} cannot sign: {e.Message}", innerException: e);
        }
    }

    private async ValueTask<PooledKey> WaitForKeyAsync(SigningUnavailableException? last, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        SignatureWaiter turn;
        lock (_lock)
        {
            var now = Now;
            if ((_waiting.Count == 0 || last is not null) && TryTake(now, out var free)) return free;
            ThrowIfUnavailable(now, last);
            turn = new SignatureWaiter(this);
            turn.Node = last is null ? _waiting.AddLast(turn) : _waiting.AddFirst(turn);
            ArmTimer(now);
        }

        using var registration = cancellationToken.UnsafeRegister(static (state, token) => ((SignatureWaiter)state!).Cancel(token), turn);
        return await turn.Task.ConfigureAwait(false);
    }

    private void ThrowIfUnavailable(double now, SigningUnavailableException? last)
    {
        var perSecond = _vaults.Sum(vault => vault.Rate);
        if (perSecond == 0)
        {
            throw new SigningUnavailableException($"No vault can sign. {last?.Message}".TrimEnd(), UntilUsable(now), last);
        }

        var wait = TimeSpan.FromSeconds(_waiting.Count / perSecond);
        if (wait <= _options.MaxWait) return;
        throw new SigningUnavailableException($"{_waiting.Count} signatures are waiting already, {wait.TotalSeconds:0} seconds of the vaults' work.", wait - _options.MaxWait, last);
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            _timerAt = double.PositiveInfinity;
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

        // Nobody waits for vaults of which none works: the item is better off paused than held in memory.
        if (_waiting.Count > 0 && _vaults.All(vault => vault.Rate == 0)) RejectWaiters(new SigningUnavailableException("No vault can sign.", UntilUsable(now)));
        ArmTimer(now);
    }

    private bool TryTake(double now, [MaybeNullWhen(false)] out PooledKey key)
    {
        PooledVault? fullest = null;
        key = null;
        foreach (var vault in _vaults)
        {
            if (!vault.IsReady(now)) continue;
            if (vault.TryProbe(now, out key)) return true;
            if (vault.Rate > 0 && (fullest is null || vault.Tokens > fullest.Tokens)) fullest = vault;
        }

        key = fullest?.Take();
        return key is not null;
    }

    private void ArmTimer(double now)
    {
        if (_waiting.Count == 0) return;

        // Timers count in milliseconds; what a late one misses, the vaults' savings make up for. Only ever moved forward: were it
        // set anew with each caller, many callers would keep it from going off at all.
        var due = now + Math.Max(0.001, UntilUsable(now).TotalSeconds);
        if (due >= _timerAt) return;
        _timerAt = due;
        _timer.Change(TimeSpan.FromSeconds(due - now), Timeout.InfiniteTimeSpan);
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

    /// <summary>One caller's place in the line.</summary>
    private sealed class SignatureWaiter(SignerPool pool) : TaskCompletionSource<PooledKey>(pool._turns)
    {
        /// <summary>Null once it has left the line.</summary>
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
/// <param name="Vault">Name of the vault; its keys share one limit.</param>
/// <param name="KeyVersion">AlipayHK's keyVersion of this key. It and the signer belong together and change together.</param>
/// <param name="Signer">Calls the vault once, without retries of its own.</param>
public sealed record VaultKey(string Vault, string KeyVersion, IRequestSigner Signer);

/// <summary>How the signer pool paces.</summary>
public sealed class SignerPoolOptions
{
    /// <summary>
    /// Signatures per second and vault. Key Vault allows 4,000 RSA-2048 operations with a software key in 10 seconds, half of
    /// that with an HSM key; the default leaves room for the savings below and for calls that bunch up on the way.
    /// </summary>
    public double SignaturesPerSecond { get; set; } = 392;

    /// <summary>A vault that was not asked for a while may catch up on this much of it at once.</summary>
    public TimeSpan BurstDuration { get; set; } = TimeSpan.FromMilliseconds(50);

    /// <summary>A vault that has not answered after this time counts as down.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for a turn that a caller is let in for.</summary>
    public TimeSpan MaxWait { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Wait before the first probe of a key that is down; doubles with each probe that fails.</summary>
    public TimeSpan FirstProbeDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait between two probes.</summary>
    public TimeSpan MaxProbeDelay { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>How a vault of the pool stands.</summary>
/// <param name="Vault">Its name.</param>
/// <param name="SignaturesPerSecond">What it is asked for at most at present; 0 while all its keys are down.</param>
/// <param name="Signed">Signatures since the start.</param>
/// <param name="Throttled">Calls it refused for being too many.</param>
/// <param name="Down">Keys that are down.</param>
public sealed record VaultStatus(string Vault, double SignaturesPerSecond, long Signed, long Throttled, int Down);
