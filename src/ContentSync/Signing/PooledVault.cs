using System.Diagnostics.CodeAnalysis;

namespace ContentSync.Signing;

/// <summary>
/// One vault of a pool: a token bucket that limits its rate, and its keys. Times are seconds since the pool was created. Guarded by
/// the pool's lock.
/// </summary>
internal sealed class PooledVault
{
    // A throttled vault's rate drops to what it delivered in its last window, or by half if it delivered the full rate. The rate then
    // grows by a factor of e in this many seconds, from a tenth back to the full rate within a minute.
    private const double GrowthSeconds = 25;

    private const double MinRateShare = 0.02;
    private const double FirstRestSeconds = 0.1;
    private const double MaxRestSeconds = 5;
    private const double MaxRetryAfterSeconds = 60;

    private readonly string _name;
    private readonly PooledKey[] _keys;
    private readonly double _maxRate;
    private readonly double _minRate;
    private readonly double _burstSeconds;
    private readonly Func<double> _share;
    private readonly SignatureWindow _window = new();
    private double _rate;
    private double _refilledAt;
    private double _restUntil;
    private double _rateLoweredAt = double.NegativeInfinity;
    private int _consecutiveThrottles;
    private int _nextKey;
    private long _signed;
    private long _throttled;

    public PooledVault(string name, IReadOnlyList<VaultKey> keys, SignerPoolOptions options)
    {
        _name = name;
        _keys = [.. keys.Select(key => new PooledKey(this, key, options))];
        _rate = _maxRate = options.SignaturesPerSecond;

        // Even at a low rate, a throttled vault gets as many calls as one that is down gets probes; otherwise its recovery goes unnoticed.
        _minRate = Math.Min(_maxRate, Math.Max(_maxRate * MinRateShare, 1 / options.MaxProbeDelay.TotalSeconds));
        _burstSeconds = options.BurstDuration.TotalSeconds;
        _share = options.Share;
        Tokens = 1;
    }

    /// <summary>Signatures that may be requested at once, as of the last refill.</summary>
    public double Tokens { get; private set; }

    /// <summary>Signatures per second that the vault gets to make; 0 while all its keys are down.</summary>
    public double Rate => _keys.Any(key => !key.IsDown) ? OwnRate : 0;

    // The rates are those of all processes together, as if each had an equal part of the faults.
    private double OwnRate => _rate * _share();

    /// <summary>Whether a key can take a call now: it works, and no first call to it is in flight.</summary>
    public bool HasFreeKey => Array.Exists(_keys, key => key.IsFree);

    public VaultStatus Status => new(_name, Rate, _signed, _throttled, _keys.Count(key => key.IsDown), _rate < _maxRate);

    /// <summary>Refills the tokens and returns whether the rate allows a call now.</summary>
    public bool IsReady(double now)
    {
        if (now > _refilledAt)
        {
            var maxTokens = Math.Max(1, _maxRate * _share() * _burstSeconds);
            Tokens = Math.Min(maxTokens, Tokens + ((now - _refilledAt) * OwnRate));
            _refilledAt = now;
        }

        return Tokens >= 1 && now >= _restUntil;
    }

    /// <summary>Seconds until the vault can be called, for a signature or a probe.</summary>
    public double UntilUsable(double now)
    {
        var untilToken = Math.Max(_restUntil - now, IsReady(now) ? 0 : (1 - Tokens) / OwnRate);
        var untilKey = _keys.Min(key => key.IsDown ? key.NextProbe - now : key.IsFree ? 0 : double.PositiveInfinity);
        return Math.Max(0, Math.Max(untilToken, untilKey));
    }

    /// <summary>Takes a key that is down and due for a probe.</summary>
    public bool TryProbe(double now, [MaybeNullWhen(false)] out PooledKey key)
    {
        key = Array.Find(_keys, key => key.IsDueForProbe(now));
        if (key is null) return false;
        key.BeginProbe();
        Tokens--;
        return true;
    }

    /// <summary>Takes the next free key, round-robin. There must be one.</summary>
    public PooledKey Take()
    {
        PooledKey key;
        do key = _keys[_nextKey++ % _keys.Length];
        while (!key.IsFree);
        _nextKey %= _keys.Length;
        key.Begin();
        Tokens--;
        return key;
    }

    public void Succeeded(double now)
    {
        _signed++;
        _consecutiveThrottles = 0;
        _window.Add(now);
        if (_rate < _maxRate) _rate = Math.Min(_maxRate, _rate + (1 / (GrowthSeconds * _share())));
    }

    /// <summary>Records that the vault throttled a call made at <paramref name="sentAt"/>.</summary>
    public void Throttled(double sentAt, double now, TimeSpan? retryAfter)
    {
        _throttled++;

        // Calls in flight when the rate was lowered say nothing about the new rate.
        if (sentAt <= _rateLoweredAt) return;
        _rateLoweredAt = now;
        var delivered = _window.PerSecond(now) / _share();
        _rate = Math.Max(_minRate, delivered < _rate * 0.97 ? delivered * 0.97 : _rate / 2);
        var rest = Math.Min(MaxRestSeconds, FirstRestSeconds * (1 << Math.Min(10, _consecutiveThrottles++)));
        _restUntil = now + Math.Min(MaxRetryAfterSeconds, retryAfter?.TotalSeconds ?? rest);
        Tokens = Math.Min(Tokens, 1);
    }

    /// <summary>Counts the signatures of the last 10 seconds, the window of Key Vault's limit.</summary>
    private sealed class SignatureWindow
    {
        private const int Slots = 40;
        private const double SlotSeconds = 0.25;

        private readonly int[] _counts = new int[Slots];
        private long _slot;
        private int _total;

        public void Add(double now)
        {
            Advance(now);
            _counts[_slot % Slots]++;
            _total++;
        }

        public double PerSecond(double now)
        {
            Advance(now);
            return _total / (Slots * SlotSeconds);
        }

        private void Advance(double now)
        {
            var slot = (long)(now / SlotSeconds);
            for (var cleared = 0; _slot < slot && cleared < Slots; cleared++)
            {
                _slot++;
                _total -= _counts[_slot % Slots];
                _counts[_slot % Slots] = 0;
            }

            _slot = Math.Max(_slot, slot);
        }
    }
}

/// <summary>One key of a pool. Guarded by the pool's lock.</summary>
internal sealed class PooledKey(PooledVault vault, VaultKey key, SignerPoolOptions options)
{
    private const double MaxRetryAfterSeconds = 60;

    private double _probeDelay;
    private bool _probing;
    private bool _connecting;

    // Read without the lock by the call itself.
    private volatile bool _isConnected = options.FirstRequestTimeout is null;

    public string Vault => key.Vault;

    public string KeyVersion => key.KeyVersion;

    public IRequestSigner Signer => key.Signer;

    /// <summary>Gets no calls except probes.</summary>
    public bool IsDown { get; private set; }

    /// <summary>Gets calls now. A key that never worked gets one call at a time, which connects; the other callers wait for it.</summary>
    public bool IsFree => !IsDown && !_connecting;

    /// <summary>Timeout of a call. The first one also obtains an access token, opens a connection and may fetch the public key.</summary>
    public TimeSpan Timeout => _isConnected ? options.RequestTimeout : options.FirstRequestTimeout!.Value;

    /// <summary>Time of the next probe; infinity while a probe is in flight.</summary>
    public double NextProbe { get => _probing ? double.PositiveInfinity : field; private set; }

    public bool IsDueForProbe(double now) => IsDown && now >= NextProbe;

    public void BeginProbe() => _probing = true;

    /// <summary>Begins a call that is not a probe.</summary>
    public void Begin() => _connecting = !_isConnected;

    public void Succeeded(double now)
    {
        _probing = IsDown = _connecting = false;
        _isConnected = true;
        _probeDelay = 0;
        vault.Succeeded(now);
    }

    /// <summary>Ends a call that says nothing about the key, such as a cancelled one.</summary>
    public void Return() => _probing = _connecting = false;

    public void Failed(SigningUnavailableException failure, double sentAt, double now)
    {
        _connecting = false;

        // A vault that throttles is not down.
        if (failure.Cause == SigningFault.Throttled)
        {
            _probing = IsDown = false;
            _isConnected = true;
            vault.Throttled(sentAt, now, failure.RetryAfter);
            return;
        }

        // Of many calls that fail together, only the first counts; after that, only probes count.
        if (IsDown && !_probing) return;
        _probing = false;
        IsDown = true;
        _probeDelay = Math.Clamp(_probeDelay * 2, options.FirstProbeDelay.TotalSeconds, options.MaxProbeDelay.TotalSeconds);
        NextProbe = now + Math.Max(_probeDelay, Math.Min(MaxRetryAfterSeconds, failure.RetryAfter?.TotalSeconds ?? 0));
    }
}
