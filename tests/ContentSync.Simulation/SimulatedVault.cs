using ContentSync.Signing;

namespace ContentSync.Simulation;

/// <summary>The vaults that hold our key: they throttle, fall silent and go away, each by itself or all together.</summary>
internal sealed class SimulatedVault
{
    private readonly World _world;
    private readonly Quota[] _quotas;

    public SimulatedVault(World world)
    {
        _world = world;
        var isPooled = world.Plan.Vaults > 1;
        _quotas = [.. Enumerable.Range(0, world.Plan.Vaults).Select(_ => new Quota(world, "signatures", isPooled ? world.Plan.SignaturesPerSecond : world.Plan.MaxSendsPerSecond, World.LongestBrief))];
    }

    public byte[] Sign(int vault, ReadOnlyMemory<byte> sha256)
    {
        _quotas[vault].Use();
        return _world.Keys.Sign(sha256.Span);
    }
}

/// <summary>The signer over one simulated vault.</summary>
internal sealed class VaultSigner(SimulatedProcess process, World world, PoolWatch? watch) : IRequestSigner
{
    private static readonly TimeSpan Silence = TimeSpan.FromMinutes(2);

    /// <summary>Which one.</summary>
    public int Vault { get; init; }

    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        watch?.Asked(Vault);
        var asked = world.Time.Elapsed;
        try
        {
            return new("1", await process.CallAsync("sign", () => world.Vault.Sign(Vault, sha256), Go(), cancellationToken).ConfigureAwait(false));
        }
        catch (SigningUnavailableException e) when (e.Cause == SigningFault.Down)
        {
            watch?.Failed(Vault);
            throw;
        }
        catch (OperationCanceledException)
        {
            // Given up by the pool; a caller who goes away says nothing of the vault.
            if (world.Time.Elapsed - asked >= SimulatedProcess.PoolOptions.RequestTimeout) watch?.Failed(Vault);
            throw;
        }
    }

    private Journey Go()
    {
        if (world.Meets(Fault.VaultOutage)) return Refused(() => new SigningUnavailableException("The vault does not answer."), TimeSpan.FromSeconds(3));
        if (watch is not null && world.Meets(Fault.VaultDisabled, Vault)) return Refused(() => new SigningUnavailableException("The key is disabled."), world.Brief());
        if (watch is not null && world.Strikes(Fault.VaultSilent)) return Refused(() => new SigningUnavailableException("The vault came back too late."), Silence);
        if (!world.Strikes(Fault.VaultThrottle)) return new Journey(world.Brief(), world.Brief());
        var wait = TimeSpan.FromSeconds(1 + world.Random.Next(20));
        return Refused(() => new SigningUnavailableException("The vault is throttled.", wait) { Cause = watch is null ? SigningFault.Down : SigningFault.Throttled }, world.Brief());
    }

    private Journey Refused(Func<Exception> fault, TimeSpan after) => new(world.Brief(), after, IsLost: true, fault);
}

/// <summary>Sees to it that a pool tries a vault again that was down.</summary>
internal sealed class PoolWatch(World world)
{
    /// <summary>The longest time between two probes, what a vault may ask for, and a little more.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(75);

    private readonly TimeSpan?[] _downSince = new TimeSpan?[world.Plan.Vaults];
    private readonly int[] _others = new int[world.Plan.Vaults];

    // Those before it may be down as well, and have their turns first.
    private readonly int _mostWithoutIt = 3 * world.Plan.Vaults;

    public void Asked(int vault)
    {
        world.Trace.Write("pool", $"asks vault{vault}");
        _downSince[vault] = null;
        for (var other = 0; other < _others.Length; other++)
        {
            if (_downSince[other] is not { } since || world.Time.Elapsed - since < Longest) continue;
            if (++_others[other] >= _mostWithoutIt) world.Judge.Report(Invariant.VaultsComeBack, $"vault{other} was down and is not tried again");
        }
    }

    public void Failed(int vault)
    {
        world.Trace.Write("pool", $"vault{vault} is down");
        _downSince[vault] = world.Time.Elapsed;
        _others[vault] = 0;
    }
}

/// <summary>
/// What a partner or a vault grants: in a window of any length no more calls than the rate allows, but for the first ones of each
/// process and for those that bunch up on the way.
/// </summary>
/// <param name="world">The world.</param>
/// <param name="what">Calls of what.</param>
/// <param name="perSecond">Of one process.</param>
/// <param name="longestDelay">How long a call may be held up between its turn and here.</param>
internal sealed class Quota(World world, string what, double perSecond, TimeSpan longestDelay)
{
    private readonly double _rate = perSecond * world.Plan.Machines;
    private readonly double _burst = (2 + (perSecond * longestDelay.TotalSeconds)) * world.Plan.Machines;
    private TimeSpan _at;
    private double _over;

    public void Use()
    {
        var now = world.Time.Elapsed;
        _over = Math.Max(0, _over - ((now - _at).TotalSeconds * _rate)) + 1;
        _at = now;
        if (_over > _burst + 0.001) world.Judge.Report(Invariant.QuotasKept, $"{what}: {_over:0.##} more than {_rate:0.##} a second at one time; {_burst} are granted");
    }
}
