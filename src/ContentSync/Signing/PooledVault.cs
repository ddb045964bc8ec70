using System.Diagnostics.CodeAnalysis;

namespace ContentSync.Signing;

/// <summary>One vault of a pool: its pace and its keys. Times are seconds since the pool began. Guarded by the pool's lock.</summary>
internal sealed class PooledVault
{
    // A throttled vault is asked for what it gave in its last window, or half, whichever is less; then for more, by a factor of
    // e in this many seconds, so that it is back from a tenth to all within a minute.
    private const double GrowthSeconds = 25;

    private const double LowestShare = 0.02;
    private const double FirstRest = 0.1;
    private const double LongestRest = 5;

    private readonly string _name;
    private readonly PooledKey[] _keys;
    private readonly double _highest;
    private readonly double _lowest;
    private readonly double _most;
    private readonly SignatureWindow _window = new();
    private double _perSecond;
    private double _savedAt;
    private double _restUntil;
    private double _pacedSince = double.NegativeInfinity;
    private int _throttledInARow;
    private int _nextKey;
    private long _signed;
    private long _throttled;

    public PooledVault(string name, IReadOnlyList<VaultKey> keys, SignerPoolOptions options)
    {
        _name = name;
        _keys = [.. keys.Select(key => new PooledKey(this, key, options))];
        _perSecond = _highest = options.SignaturesPerSecond;

        // However slow the whole, a throttled vault is asked as often as one that is down, or it would not be found to be well again.
        _lowest = Math.Min(_highest, Math.Max(_highest * LowestShare, 1 / options.MaxProbeDelay.TotalSeconds));
        _most = Math.Max(1, _highest * options.BurstDuration.TotalSeconds);
        Tokens = 1;
    }

    /// <summary>Signatures it may be asked for at once, as of the last look.</summary>
    public double Tokens { get; private set; }

    /// <summary>Signatures per second that can be had of it; 0 while all its keys are down.</summary>
    public double Rate => _keys.Any(key => !key.IsDown) ? _perSecond : 0;

    public VaultStatus Status => new(_name, Rate, _signed, _throttled, _keys.Count(key => key.IsDown));

    /// <summary>Whether its pace allows one more.</summary>
    public bool IsReady(double now)
    {
        if (now > _savedAt)
        {
            Tokens = Math.Min(_most, Tokens + ((now - _savedAt) * _perSecond));
            _savedAt = now;
        }

        return Tokens >= 1 && now >= _restUntil;
    }

    /// <summary>Seconds until it can be asked, for a signature or for a probe.</summary>
    public double UntilUsable(double now)
    {
        var pace = Math.Max(_restUntil - now, IsReady(now) ? 0 : (1 - Tokens) / _perSecond);
        var key = _keys.Min(key => key.IsDown ? key.NextProbe - now : 0);
        return Math.Max(0, Math.Max(pace, key));
    }

    /// <summary>Takes a key that is down and due to be tried again.</summary>
    public bool TryProbe(double now, [MaybeNullWhen(false)] out PooledKey key)
    {
        key = Array.Find(_keys, key => key.IsDueForProbe(now));
        if (key is null) return false;
        key.BeginProbe();
        Tokens--;
        return true;
    }

    /// <summary>Takes one of the keys that work, in turns.</summary>
    public PooledKey Take()
    {
        PooledKey key;
        do key = _keys[_nextKey++ % _keys.Length];
        while (key.IsDown);
        _nextKey %= _keys.Length;
        Tokens--;
        return key;
    }

    public void Succeeded(double now)
    {
        _signed++;
        _throttledInARow = 0;
        _window.Add(now);
        if (_perSecond < _highest) _perSecond = Math.Min(_highest, _perSecond + (1 / GrowthSeconds));
    }

    /// <summary>It refused a call that was made at <paramref name="sentAt"/> for being one too many.</summary>
    public void Throttled(double sentAt, double now, TimeSpan? retryAfter)
    {
        _throttled++;

        // Calls that were under way when the pace was lowered say nothing about the new one.
        if (sentAt <= _pacedSince) return;
        _pacedSince = now;
        var given = _window.PerSecond(now);
        _perSecond = Math.Max(_lowest, given < _perSecond * 0.97 ? given * 0.97 : _perSecond / 2);
        var rest = Math.Min(LongestRest, FirstRest * (1 << Math.Min(10, _throttledInARow++)));
        _restUntil = now + Math.Min(60, retryAfter?.TotalSeconds ?? rest);
        Tokens = Math.Min(Tokens, 1);
    }

    /// <summary>Counts the signatures of the last 10 seconds, the window of a vault's limit.</summary>
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
    private double _wait;
    private bool _probing;

    public string Vault => key.Vault;

    public string KeyVersion => key.KeyVersion;

    public IRequestSigner Signer => key.Signer;

    /// <summary>Out of use but for probes.</summary>
    public bool IsDown { get; private set; }

    /// <summary>When it may be tried again; never while a probe is under way.</summary>
    public double NextProbe { get => _probing ? double.PositiveInfinity : field; private set; }

    public bool IsDueForProbe(double now) => IsDown && now >= NextProbe;

    public void BeginProbe() => _probing = true;

    public void Succeeded(double now)
    {
        _probing = IsDown = false;
        _wait = 0;
        vault.Succeeded(now);
    }

    /// <summary>Gives the turn back without saying anything about the key.</summary>
    public void Return() => _probing = false;

    public void Failed(SigningUnavailableException failure, double sentAt, double now)
    {
        // A vault that throttles is up.
        if (failure.Cause == SigningFault.Throttled)
        {
            _probing = IsDown = false;
            vault.Throttled(sentAt, now, failure.RetryAfter);
            return;
        }

        // Of the many calls that fail together only the first, and after it only probes, count.
        if (IsDown && !_probing) return;
        _probing = false;
        IsDown = true;
        _wait = Math.Clamp(_wait * 2, options.FirstProbeDelay.TotalSeconds, options.MaxProbeDelay.TotalSeconds);
        NextProbe = now + Math.Max(_wait, Math.Min(60, failure.RetryAfter?.TotalSeconds ?? 0));
    }
}
