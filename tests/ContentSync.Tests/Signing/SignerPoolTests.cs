using ContentSync.Benchmarks.Resync.Simulation;
using ContentSync.Signing;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Signing;

public sealed class SignerPoolTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly List<SignerPool> _pools = [];

    public void Dispose() => _pools.ForEach(pool => pool.Dispose());

    [Theory]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    [InlineData(64)]
    [InlineData(256)]
    [InlineData(1_000)]
    [InlineData(4_000)]
    public void Uses_a_vault_to_its_limit_without_being_throttled(int callers)
    {
        using var simulation = new SigningSimulation(vaults: 1, callers);

        var perSecond = simulation.Run(TimeSpan.FromSeconds(25));

        Assert.InRange(perSecond / (SigningSimulation.VaultLimit / 10.0), 0.97, 1);
        Assert.InRange(simulation.Throttled, 0, simulation.Signed / 1_000);
        Assert.Equal(0, simulation.Failed);
    }

    [Fact]
    public void Signs_five_times_as_fast_with_five_vaults()
    {
        using var one = new SigningSimulation(vaults: 1, callers: 1_000);
        using var five = new SigningSimulation(vaults: 5, callers: 1_000);
        var duration = TimeSpan.FromSeconds(15);

        Assert.InRange(five.Run(duration) / one.Run(duration), 4.75, 5.05);
        Assert.Equal(0, five.Failed);
        Assert.All(five.Vaults, vault => Assert.InRange(vault.Signed, five.Signed * 0.19, five.Signed * 0.21));
    }

    [Fact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public void Loses_only_one_vaults_share_when_that_vault_is_throttled_to_a_tenth()
    {
        using var simulation = new SigningSimulation(vaults: 5, callers: 1_000);
        var undisturbed = simulation.Run(TimeSpan.FromSeconds(20));

        simulation.Vaults[2].Limit = SigningSimulation.VaultLimit / 10;
        simulation.Run(TimeSpan.FromSeconds(60));
        var disturbed = simulation.Run(TimeSpan.FromSeconds(60));

        var missing = (SigningSimulation.VaultLimit - simulation.Vaults[2].Limit) / 10.0;
        Assert.True(
            disturbed >= undisturbed - missing,
            $"{disturbed:0} of {undisturbed:0} signatures per second remain; expected are {undisturbed - missing:0}.");
        Assert.Equal(0, simulation.Failed);
    }

    [Fact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public void Returns_to_the_full_rate_when_a_vault_is_no_longer_throttled()
    {
        using var simulation = new SigningSimulation(vaults: 2, callers: 500);
        simulation.Vaults[0].Limit = SigningSimulation.VaultLimit / 10;
        simulation.Run(TimeSpan.FromSeconds(60));

        simulation.Vaults[0].Limit = SigningSimulation.VaultLimit;
        simulation.Run(TimeSpan.FromSeconds(90));

        Assert.InRange(simulation.Run(TimeSpan.FromSeconds(20)), 2 * 388, 2 * 400);
        Assert.Equal(0, simulation.Failed);
    }

    [Theory]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    [InlineData(true)]
    [InlineData(false)]
    public void Bypasses_a_vault_that_is_disabled_or_hangs_and_uses_it_again_afterwards(bool hangs)
    {
        using var simulation = new SigningSimulation(vaults: 2, callers: 500);
        simulation.Run(TimeSpan.FromSeconds(5));

        (simulation.Vaults[1].Hangs, simulation.Vaults[1].IsDisabled) = (hangs, !hangs);
        simulation.Run(TimeSpan.FromSeconds(10));
        Assert.InRange(simulation.Run(TimeSpan.FromSeconds(60)), 388, 400);

        (simulation.Vaults[1].Hangs, simulation.Vaults[1].IsDisabled) = (false, false);
        simulation.Run(TimeSpan.FromSeconds(40));
        Assert.InRange(simulation.Run(TimeSpan.FromSeconds(20)), 2 * 388, 2 * 400);
        Assert.Equal(0, simulation.Failed);
    }

    [Fact]
    public async Task Signs_with_the_old_and_the_new_key_and_returns_each_ones_version()
    {
        var (old, next) = (new ScriptedSigner(), new ScriptedSigner());
        var pool = Pool(new VaultKey("a", "1", old), new VaultKey("a", "2", next));

        Assert.Equal(["1", "2", "1", "2"], await SignAsync(pool, 4));
        old.Fault = new SigningUnavailableException("The key is disabled.");
        Assert.Equal(["2", "2", "2", "2"], await SignAsync(pool, 4));

        Assert.Equal(1, Assert.Single(pool.Status).Down);
        Assert.Equal(3, old.Calls);
    }

    [Fact]
    public async Task Probes_a_key_that_is_down_with_one_call_at_a_time()
    {
        var (bad, good) = (new ScriptedSigner { Fault = new SigningUnavailableException("No response.") }, new ScriptedSigner());
        var pool = Pool(new VaultKey("a", "1", bad), new VaultKey("b", "1", good));
        await SignAsync(pool, 4);
        Assert.Equal(1, bad.Calls);

        _time.Advance(TimeSpan.FromSeconds(1));
        await SignAsync(pool, 4);
        Assert.Equal(2, bad.Calls);
        _time.Advance(TimeSpan.FromSeconds(1));
        await SignAsync(pool, 4);
        Assert.Equal(2, bad.Calls);

        bad.Fault = null;
        _time.Advance(TimeSpan.FromSeconds(1));
        await SignAsync(pool, 6);
        Assert.InRange(bad.Calls, 4, 6);
    }

    [Fact]
    public async Task Calls_a_throttled_vault_at_least_as_often_as_it_would_be_probed_at_any_rate()
    {
        var fault = new SigningUnavailableException("Too many.", TimeSpan.FromSeconds(1)) { Cause = SigningFault.Throttled };
        var (throttled, good) = (new ScriptedSigner { Fault = fault }, new ScriptedSigner());
        var pool = Pool(options => options.SignaturesPerSecond = 0.5, new VaultKey("a", "1", throttled), new VaultKey("b", "1", good));
        for (var i = 0; i < 200; i++)
        {
            await SignAsync(pool, 1);
            _time.Advance(TimeSpan.FromSeconds(3));
        }

        Assert.Equal([("a", true), ("b", false)], pool.Status.Select(vault => (vault.Vault, vault.IsThrottled)));
        var calls = throttled.Calls;
        for (var i = 0; i < 100; i++)
        {
            await SignAsync(pool, 1);
            _time.Advance(TimeSpan.FromSeconds(3));
        }

        Assert.True(
            throttled.Calls - calls >= 300 / new SignerPoolOptions().MaxProbeDelay.TotalSeconds - 1,
            $"The vault got {throttled.Calls - calls} calls in 300 s.");
    }

    [Fact]
    public async Task Returns_the_retry_delay_if_no_vault_can_sign()
    {
        var signer = new ScriptedSigner { Fault = new SigningUnavailableException("The key is disabled.") };
        var pool = Pool(new VaultKey("a", "1", signer));

        var first = await Assert.ThrowsAsync<SigningUnavailableException>(async () => await pool.SignAsync(new byte[32], default));
        var second = await Assert.ThrowsAsync<SigningUnavailableException>(async () => await pool.SignAsync(new byte[32], default));

        Assert.Contains("The key is disabled.", first.Message, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.FromSeconds(1), second.RetryAfter);
        Assert.Equal(1, signer.Calls);
    }

    [Fact]
    public async Task Refuses_callers_that_it_cannot_serve_in_time()
    {
        var pool = Pool(
            options => (options.SignaturesPerSecond, options.MaxWait) = (10, TimeSpan.FromSeconds(1)),
            new VaultKey("a", "1", new ScriptedSigner()));
        var accepted = Enumerable.Range(0, 12).Select(_ => pool.SignAsync(new byte[32], default).AsTask()).ToArray();

        var refused = await Assert.ThrowsAsync<SigningUnavailableException>(async () => await pool.SignAsync(new byte[32], default));

        Assert.Contains("11 signatures are already waiting", refused.Message, StringComparison.Ordinal);
        for (var i = 0; i < 20; i++) _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Equal(12, (await Task.WhenAll(accepted)).Length);
    }

    [Fact]
    public void Uses_only_this_process_s_part_of_a_vault_and_follows_it_as_it_changes()
    {
        // All on this thread, so that virtual time passes only when every caller waits.
        SynchronizationContext.SetSynchronizationContext(null);
        var time = new VirtualTime();
        var share = 0.1;
        var signer = new ScriptedSigner();
        var options = new SignerPoolOptions { SignaturesPerSecond = 100, Share = () => share, MaxWait = TimeSpan.FromMinutes(1) };
        using var pool = new SignerPool([new VaultKey("a", "1", signer)], options, time, TaskCreationOptions.None);
        var signing = Enumerable.Range(0, 200).Select(_ => pool.SignAsync(new byte[32], default).AsTask()).ToArray();

        time.Run(TimeSpan.FromSeconds(2), () => true);
        Assert.InRange(signer.Calls, 19, 22);
        Assert.InRange(Assert.Single(pool.Status).SignaturesPerSecond, 9.9, 10.1);

        share = 0.5;
        time.Run(TimeSpan.FromSeconds(4), () => true);
        Assert.InRange(signer.Calls, 110, 125);

        time.Run(TimeSpan.FromSeconds(14), () => true);
        Assert.All(signing, signature => Assert.True(signature.IsCompletedSuccessfully));
    }

    [Fact]
    public async Task Lets_a_waiting_caller_cancel()
    {
        var pool = Pool(options => options.SignaturesPerSecond = 1, new VaultKey("a", "1", new ScriptedSigner()));
        await SignAsync(pool, 1);
        using var cancellation = new CancellationTokenSource();
        var cancelled = pool.SignAsync(new byte[32], cancellation.Token).AsTask();
        var waiting = pool.SignAsync(new byte[32], default).AsTask();

        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(1, pool.Waiting);
        _time.Advance(TimeSpan.FromSeconds(1.1));

        Assert.Equal("1", (await waiting).KeyVersion);
    }

    [Fact]
    public async Task Does_not_count_a_callers_cancellation_as_a_failure_of_the_vault()
    {
        var signer = new ScriptedSigner();
        var pool = Pool(new VaultKey("a", "1", signer));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await pool.SignAsync(new byte[32], new CancellationToken(canceled: true)));

        Assert.Equal(0, Assert.Single(pool.Status).Down);
        Assert.Equal(["1"], await SignAsync(pool, 1));
    }

    [Fact]
    public void Refuses_an_empty_list_of_keys() =>
        Assert.Throws<ArgumentException>(() => new SignerPool([], new SignerPoolOptions(), _time));

    [Fact]
    public void Refuses_a_list_with_one_key_version_that_cannot_be_sent()
    {
        VaultKey[] keys = [new("one", "1", new ScriptedSigner()), new("two", "two keys", new ScriptedSigner())];
        Assert.Throws<ArgumentException>(() => new SignerPool(keys, new SignerPoolOptions(), _time));
    }

    [Fact]
    public void A_throttled_vault_goes_on_at_the_rate_that_it_delivered()
    {
        var options = new SignerPoolOptions { SignaturesPerSecond = 200 };
        var vault = new PooledVault("vault", [new VaultKey("vault", "1", new ScriptedSigner())], options);
        for (var i = 0; i < 3_000; i++) vault.Succeeded(now: i / 100.0);

        vault.Throttled(sentAt: 29.9, now: 30, retryAfter: null);

        Assert.InRange(vault.Rate, 90, 100);
    }

    private static async Task<List<string>> SignAsync(SignerPool pool, int times)
    {
        var versions = new List<string>();
        for (var i = 0; i < times; i++) versions.Add((await pool.SignAsync(new byte[32], default)).KeyVersion);
        return versions;
    }

    private SignerPool Pool(params VaultKey[] keys) => Pool(_ => { }, keys);

    private SignerPool Pool(Action<SignerPoolOptions> change, params VaultKey[] keys)
    {
        var options = new SignerPoolOptions();
        change(options);
        _pools.Add(new SignerPool(keys, options, _time));
        _time.Advance(TimeSpan.FromSeconds(1));
        return _pools[^1];
    }

    private sealed class ScriptedSigner : IRequestSigner
    {
        public SigningUnavailableException? Fault { get; set; }

        public int Calls { get; private set; }

        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            Calls++;
            cancellationToken.ThrowIfCancellationRequested();
            return Fault is { } fault
                ? ValueTask.FromException<RequestSignature>(fault)
                : ValueTask.FromResult(new RequestSignature("ignored", new byte[256]));
        }
    }
}
