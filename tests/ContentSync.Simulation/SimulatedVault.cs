using ContentSync.Signing;

namespace ContentSync.Simulation;

/// <summary>The vaults that hold our key. They throttle, become unresponsive and fail, individually or all together.</summary>
internal sealed class SimulatedVault
{
    private readonly World _world;
    private readonly Quota[] _quotas;
    private readonly bool _hasQuota;

    public SimulatedVault(World world)
    {
        _world = world;
        var isPooled = world.Plan.Vaults > 1;
        var perSecond = isPooled ? world.Plan.SignaturesPerSecond : world.Plan.MaxSendsPerSecond;
        _hasQuota = !world.Plan.HasSharedBudget && !world.Plan.HasFreezes;
        _quotas = [.. Enumerable.Range(0, world.Plan.Vaults).Select(_ => new Quota(world, "signatures", perSecond, World.MaxShortDelay))];
    }

    /// <summary>A process starts, whose limits do not count what the one before it signed.</summary>
    public void ProcessStarted()
    {
        foreach (var quota in _quotas) quota.AddBurst();
    }

    public byte[] Sign(int vault, ReadOnlyMemory<byte> sha256)
    {
        // A process that froze signs at once what waited for its turn, and then sends it only within its lease.
        if (_hasQuota) _quotas[vault].Use();
        return _world.Keys.Sign(sha256.Span);
    }
}

/// <summary>The signer of one simulated vault.</summary>
internal sealed class VaultSigner(SimulatedProcess process, World world, PoolWatch? watch) : IRequestSigner
{
    private static readonly TimeSpan UnresponsiveTime = TimeSpan.FromMinutes(2);

    /// <summary>Number of the vault.</summary>
    public int Vault { get; init; }

    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
    {
        watch?.Called(Vault);
        var called = world.Time.Elapsed;
        try
        {
            var signature = await process.CallAsync("sign", () => world.Vault.Sign(Vault, sha256), NextCall(), cancellationToken)
                .ConfigureAwait(false);
            return new("1", signature);
        }
        catch (SigningUnavailableException e) when (e.Cause == SigningFault.Down)
        {
            watch?.Failed(Vault);
            throw;
        }
        catch (OperationCanceledException)
        {
            // A timeout of the pool counts as a failure of the vault; a cancellation by the caller does not.
            if (world.Time.Elapsed - called >= SimulatedProcess.PoolOptions.RequestTimeout) watch?.Failed(Vault);
            throw;
        }
    }

    private CallBehavior NextCall()
    {
        if (world.InjectOutage(Fault.VaultOutage))
            return Failure(() => new SigningUnavailableException("The vault does not respond."), TimeSpan.FromSeconds(3));
        if (watch is not null && world.InjectOutage(Fault.VaultDisabled, Vault))
            return Failure(() => new SigningUnavailableException("The key is disabled."), world.ShortDelay());
        if (watch is not null && world.Inject(Fault.VaultUnresponsive))
            return Failure(() => new SigningUnavailableException("The vault responded too late."), UnresponsiveTime);
        if (!world.Inject(Fault.VaultThrottle)) return new CallBehavior(world.ShortDelay(), world.ShortDelay());
        var retryAfter = TimeSpan.FromSeconds(1 + world.Random.Next(20));
        var cause = watch is null ? SigningFault.Down : SigningFault.Throttled;
        return Failure(() => new SigningUnavailableException("The vault throttles.", retryAfter) { Cause = cause }, world.ShortDelay());
    }

    private CallBehavior Failure(Func<Exception> fault, TimeSpan after) => new(world.ShortDelay(), after, IsLost: true, fault);
}

/// <summary>Checks that a pool probes a vault again after it was down.</summary>
internal sealed class PoolWatch(World world)
{
    /// <summary>Max time between two probes plus max Retry-After of a vault, with some margin.</summary>
    private static readonly TimeSpan MaxProbeInterval = TimeSpan.FromSeconds(75);

    private readonly TimeSpan?[] _downSince = new TimeSpan?[world.Plan.Vaults];
    private readonly int[] _callsToOthers = new int[world.Plan.Vaults];

    // Other vaults may be down as well and be probed first.
    private readonly int _maxCallsToOthers = 3 * world.Plan.Vaults;

    public void Called(int vault)
    {
        world.Trace.Write("pool", $"calls vault{vault}");
        _downSince[vault] = null;
        for (var other = 0; other < _callsToOthers.Length; other++)
        {
            if (_downSince[other] is not { } since || world.Time.Elapsed - since < MaxProbeInterval) continue;
            if (++_callsToOthers[other] >= _maxCallsToOthers)
                world.Invariants.Report(Invariant.VaultsProbedAgain, $"vault{other} was down and is not probed again");
        }
    }

    public void Failed(int vault)
    {
        world.Trace.Write("pool", $"vault{vault} is down");
        _downSince[vault] = world.Time.Elapsed;
        _callsToOthers[vault] = 0;
    }
}

/// <summary>
/// The quota of AlipayHK or a vault, each process having its own: no more calls than the rate allows in a window of any length, except for an initial burst of each process
/// and for calls that arrive together because of different delays.
/// </summary>
/// <param name="world">Provides the time and receives violations.</param>
/// <param name="what">Name of the calls in messages.</param>
/// <param name="perSecond">Rate of one process.</param>
/// <param name="maxDelay">Max delay of a call between the rate limiter and this quota.</param>
internal sealed class Quota(World world, string what, double perSecond, TimeSpan maxDelay)
{
    private readonly double _rate = perSecond * world.Plan.Machines;
    private readonly double _burst = (2 + (perSecond * maxDelay.TotalSeconds)) * world.Plan.Machines;
    private TimeSpan _lastUse;
    private double _excess;

    /// <summary>Allows one burst more, of a process that has just started.</summary>
    public void AddBurst() => _excess = Math.Max(0, _excess - (_burst / world.Plan.Machines));

    public void Use()
    {
        var now = world.Time.Elapsed;
        _excess = Math.Max(0, _excess - ((now - _lastUse).TotalSeconds * _rate)) + 1;
        _lastUse = now;
        if (_excess > _burst + 0.001)
            world.Invariants.Report(Invariant.QuotasRespected, $"{what}: {_excess:0.##} above {_rate:0.##} per second; {_burst} are allowed");
    }
}
