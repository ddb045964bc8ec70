using ContentSync.Signing;

namespace ContentSync.Benchmarks.Resync.Simulation;

/// <summary>A number of callers that sign continuously with a pool of simulated vaults, in virtual time.</summary>
internal sealed class SigningSimulation : IDisposable
{
    /// <summary>Signatures that Key Vault allows per vault in 10 seconds: RSA-2048, software key.</summary>
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

    /// <summary>Calls that failed because no signature was available.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    public long Throttled => Vaults.Sum(vault => vault.Throttled);

    /// <summary>Runs for the given time and returns the signatures made per second.</summary>
    public double Run(TimeSpan duration)
    {
        var before = Signed;
        _time.Run(_time.Elapsed + duration, AllCallersWait);
        return (Signed - before) / duration.TotalSeconds;
    }

    public void Dispose()
    {
        _stop.Cancel();
        _pool.Dispose();
        _stop.Dispose();
    }

    // A caller that is between the pool and a vault is counted nowhere, so all callers wait only if the sum is complete.
    private bool AllCallersWait() => _pool.Waiting + Vaults.Sum(vault => vault.InFlight) + Volatile.Read(ref _ended) == _callers;

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
