using ContentSync.Signing;

namespace ContentSync.Simulation;

/// <summary>Holds our key, throttles and goes away.</summary>
internal sealed class SimulatedVault(World world)
{
    private readonly Quota _quota = new(world, "signatures");

    public long Signatures { get; private set; }

    public byte[] Sign(ReadOnlyMemory<byte> sha256)
    {
        Signatures++;
        _quota.Use();
        return world.Keys.Sign(sha256.Span);
    }
}

/// <summary>The signer over the simulated vault.</summary>
internal sealed class VaultSigner(SimulatedProcess process, World world) : IRequestSigner
{
    public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
        new("1", await process.CallAsync("sign", () => world.Vault.Sign(sha256), Go(), cancellationToken).ConfigureAwait(false));

    private Journey Go()
    {
        if (world.Meets(Fault.VaultOutage)) return new Journey(world.Brief(), TimeSpan.FromSeconds(3), IsLost: true, () => new SigningUnavailableException("The vault does not answer."));
        if (!world.Strikes(Fault.VaultThrottle)) return new Journey(world.Brief(), world.Brief());
        var wait = TimeSpan.FromSeconds(1 + world.Random.Next(20));
        return new Journey(world.Brief(), world.Brief(), IsLost: true, () => new SigningUnavailableException("The vault is throttled.", wait));
    }
}

/// <summary>What a partner or a vault grants: calls in any ten seconds.</summary>
internal sealed class Quota(World world, string what)
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    // Each process may begin at once after its start, and it cannot start twice in one window.
    private readonly int _most = world.Plan.Machines * ((int)Math.Ceiling(world.Plan.MaxSendsPerSecond * Window.TotalSeconds) + 2);
    private readonly Queue<TimeSpan> _calls = new();

    public void Use()
    {
        var now = world.Time.Elapsed;
        _calls.Enqueue(now);
        while (_calls.Peek() <= now - Window) _calls.Dequeue();
        if (_calls.Count > _most) world.Judge.Report(Invariant.QuotasKept, $"{_calls.Count} {what} within {Window.TotalSeconds:0} s; {_most} are granted");
    }
}
