using ContentSync.Signing;

namespace ContentSync.Tests.Signing;

/// <summary>How the rate of a vault falls when it throttles, and grows again.</summary>
public sealed class PooledVaultTests
{
    private readonly PooledVault _vault = new(
        "vault", [new VaultKey("vault", "1", new Signer())], new SignerPoolOptions { SignaturesPerSecond = 100 });

    [Fact]
    public void Falls_to_what_the_vault_delivered_in_the_last_10_seconds()
    {
        // In the first second and none after it. At 10.5 s the window still has them, at 11.5 s no more.
        for (var i = 0; i < 500; i++) _vault.Succeeded(1);
        _vault.Throttled(10.4, 10.5, null);
        Assert.Equal(0.97 * 50, _vault.Status.SignaturesPerSecond, 6);

        _vault.Throttled(11.4, 11.5, null);
        Assert.Equal(100 * 0.02, _vault.Status.SignaturesPerSecond, 6);
    }

    [Fact]
    public void Falls_by_half_if_the_vault_delivered_the_full_rate()
    {
        for (var i = 0; i < 1_000; i++) _vault.Succeeded(1);
        _vault.Throttled(9, 9, null);
        Assert.Equal(50, _vault.Status.SignaturesPerSecond, 6);
    }

    [Fact]
    public void Grows_by_a_25th_of_a_signature_per_second_with_each_success()
    {
        for (var i = 0; i < 1_000; i++) _vault.Succeeded(1);
        _vault.Throttled(9, 9, null);
        for (var i = 0; i < 10; i++) _vault.Succeeded(10);
        Assert.Equal(50 + (10 / 25.0), _vault.Status.SignaturesPerSecond, 6);
        for (var i = 0; i < 2_000; i++) _vault.Succeeded(11);
        Assert.Equal(100, _vault.Status.SignaturesPerSecond, 6);
    }

    private sealed class Signer : IRequestSigner
    {
        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
            throw new NotSupportedException("The vault is not called here.");
    }
}
