using ContentSync.Signing;

namespace ContentSync.Benchmarks.Resync.Simulation;

/// <summary>So many callers who sign without pause with a pool of simulated vaults, in virtual time.</summary>
internal sealed class SigningSimulation : IDisposable
{
    /// <summary>Signatures that Key Vault allows a vault in 10 seconds: RSA-2048, software key.</summary>
    public const int VaultLimit = 4_000;

    private readonly VirtualTime _time = new();
    private readonly SignerPool _pool;
    private readonly CancellationTokenSource _stop = new();
    private readonly int _callers;
    private int _ended;
    private long _signed;
    private long _failed;

    public SigningSimulation(int vaults, int callers, Action<SignerPoolOptions>? change = null)
    {
        var options = new SignerPoolOptions();
        change?.Invoke(options);
        Vaults = [.. Enumerable.Range(1, vaults).Select(i => new SimulatedVault($"vault-{i}", VaultLimit, _time, seed: i))];
        _pool = new SignerPool([.. Vaults.Select(vault => new VaultKey(vault.Name, "1", vault))], options, _time);
        _callers = callers;
        for (var i = 0; i < callers; i++) _ = CallAsync();
    }

    public IReadOnlyList<SimulatedVault> Vaults { get; }

    /// <summary>Signatures made.</summary>
    public long Signed => Interlocked.Read(ref _signed);

    /// <summary>Callers who were told that no signature can be had.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    public long Throttled => Vaults.Sum(vault => vault.Throttled);

    /// <summary>Goes on for so long, and answers the signatures made per second.</summary>
    public double Run(TimeSpan duration)
    {
        var before = Signed;
        _time.Run(_time.Elapsed + duration, EverybodyWaits);
        return (Signed - before) / duration.TotalSeconds;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _pool.Dispose();
        _stop.Dispose();
    }

    // A caller between his turn and the vault is counted nowhere, so a sum that is full shows that nobody is on the move.
    private bool EverybodyWaits() => _pool.Waiting + Vaults.Sum(vault => vault.InFlight) + Volatile.Read(ref _ended) == _callers;

    private async Task CallAsync()
    {
        await Task.Yield();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _pool.SignAsync(new byte[32], CancellationToken.None).ConfigureAwait(false);
                Interlocked.Increment(ref _signed);
            }
            catch (SigningUnavailableException)
            {
                Interlocked.Increment(ref _failed);
                break;
            }
        }

        Interlocked.Increment(ref _ended);
    }
}
