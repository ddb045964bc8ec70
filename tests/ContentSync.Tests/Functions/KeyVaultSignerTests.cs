using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Keys;
using Azure.Security.KeyVault.Keys.Cryptography;
using ContentSync.Functions;
using ContentSync.Signing;
using ContentSync.Tests.FunctionsSdk;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Functions;

public sealed class KeyVaultSignerTests : IDisposable
{
    private static readonly byte[] Digest = SHA256.HashData("POST /path\nid.time.body"u8);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly RSA _key = RSA.Create(2048);
    private readonly List<RecordingVaultKey> _vault = [];

    [Fact]
    public async Task Signs_the_digest_as_RS256_and_names_the_keys_version()
    {
        var signature = await Signer().SignAsync(Digest, CancellationToken.None);
        Assert.Equal("7", signature.KeyVersion);
        Assert.True(_key.VerifyHash(Digest, signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public async Task Creates_its_client_for_the_first_signature_and_reuses_it()
    {
        using var pool = Pool("https://vault.example/keys/signing/0123");
        Assert.Empty(_vault);
        for (var i = 0; i < 3; i++) await pool.SignAsync(Digest, CancellationToken.None);
        Assert.Equal(3, Assert.Single(_vault).Calls);
    }

    [Fact]
    public async Task Signatures_are_spread_over_all_vaults()
    {
        using var pool = Pool("https://one.example/keys/signing/0123", "https://two.example/keys/signing/0123");
        for (var i = 0; i < 6; i++) await pool.SignAsync(Digest, CancellationToken.None);
        Assert.Equal([3, 3], _vault.Select(key => key.Calls));
        Assert.Equal(["one.example", "two.example"], pool.Status.Select(vault => vault.Vault));
    }

    [Fact]
    public async Task Keys_in_the_same_vault_share_its_rate_limiter_and_alternate_whatever_their_keyVersion()
    {
        var options = Options("https://vault.example/keys/old/0123", "https://vault.example/keys/new/0123");
        options.Keys[1].KeyVersion = "8";
        using var pool = Pool(options);
        var versions = new List<string>();
        for (var i = 0; i < 4; i++) versions.Add((await pool.SignAsync(Digest, CancellationToken.None)).KeyVersion);
        Assert.Equal(["7", "8", "7", "8"], versions);
        Assert.Single(pool.Status);
    }

    [Theory]
    [InlineData(429, 0, 1)]
    [InlineData(403, 1, 0)]
    [InlineData(503, 1, 0)]
    public async Task Traffic_moves_away_from_a_vault_that_throttles_or_fails_and_returns_once_it_recovers(int status, int down, int throttled)
    {
        using var pool = Pool("https://one.example/keys/signing/0123", "https://two.example/keys/signing/0123");
        await pool.SignAsync(Digest, CancellationToken.None);
        await pool.SignAsync(Digest, CancellationToken.None);
        var failing = _vault.Single(key => key.KeyId.StartsWith("https://one", StringComparison.Ordinal));
        failing.Fault = _ => throw new RequestFailedException(new VaultResponse(status, null));

        _time.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 10; i++) await pool.SignAsync(Digest, CancellationToken.None);
        Assert.Equal(2, failing.Calls);
        var vaultStatus = pool.Status.Single(vault => vault.Vault == "one.example");
        Assert.Equal((down, throttled), (vaultStatus.Down, (int)vaultStatus.Throttled));

        failing.Fault = null;
        for (var i = 0; i < 40; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await pool.SignAsync(Digest, CancellationToken.None);
        }

        Assert.InRange(failing.Calls, 12, 42);
    }

    [Fact]
    public async Task Traffic_moves_away_from_a_vault_that_times_out()
    {
        using var pool = Pool("https://one.example/keys/signing/0123", "https://two.example/keys/signing/0123");
        await pool.SignAsync(Digest, CancellationToken.None);
        await pool.SignAsync(Digest, CancellationToken.None);
        foreach (var key in _vault) key.Fault = key.KeyId.StartsWith("https://one", StringComparison.Ordinal) ? token => Task.Delay(Timeout.Infinite, token) : null;
        _time.Advance(TimeSpan.FromSeconds(1));

        var signings = Enumerable.Range(0, 2).Select(_ => pool.SignAsync(Digest, CancellationToken.None).AsTask()).ToArray();
        _time.Advance(TimeSpan.FromSeconds(5));

        await Task.WhenAll(signings);
        Assert.Equal(1, pool.Status.Single(vault => vault.Vault == "one.example").Down);
    }

    [Fact]
    public async Task A_slow_vault_is_connected_to_once_after_a_cold_start_while_all_other_callers_wait()
    {
        var options = Options("https://vault.example/keys/signing/0123");
        var vault = new SlowVaultKey(new Uri(options.Keys[0].KeyId), _key);
        using var pool = KeyVaultSigner.Pool(options, _ => vault, () => 1, _time);
        _time.Advance(TimeSpan.FromSeconds(1));

        var signings = Enumerable.Range(0, 32).Select(_ => pool.SignAsync(Digest, CancellationToken.None).AsTask()).ToArray();
        await vault.FetchStarted;
        _time.Advance(1.8 * options.NetworkTimeout);
        Assert.All(signings, signing => Assert.False(signing.IsCompleted));
        vault.RefuseKey();
        for (var i = 0; i < 500 && !Array.TrueForAll(signings, signing => signing.IsCompleted); i++)
        {
            await Task.Delay(10);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        foreach (var signature in await Task.WhenAll(signings))
            Assert.True(_key.VerifyHash(Digest, signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        Assert.Equal((1, 32), (vault.Fetches, vault.Signatures));
        Assert.Equal((0, 32), (pool.Status[0].Down, (int)pool.Status[0].Signed));
    }

    [Fact]
    public async Task A_first_call_that_is_cancelled_lets_the_next_caller_connect()
    {
        using var cancellation = new CancellationTokenSource();
        using var slow = KeyVaultSigner.Pool(
            Options("https://slow.example/keys/signing/0123"),
            keyId => Connect(keyId, token => Task.Delay(Timeout.Infinite, token)),
            () => 1,
            _time);
        _time.Advance(TimeSpan.FromSeconds(1));
        var connecting = slow.SignAsync(Digest, cancellation.Token).AsTask();
        var waiting = slow.SignAsync(Digest, CancellationToken.None).AsTask();
        var vault = Assert.Single(_vault);
        Assert.Equal(1, vault.Calls);
        vault.Fault = null;
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting);
        for (var i = 0; i < 500 && !waiting.IsCompleted; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Delay(10);
        }

        Assert.True(waiting.IsCompletedSuccessfully);
    }

    [Fact]
    public void The_client_has_a_network_timeout_and_makes_no_retries_of_its_own()
    {
        var options = Options("https://vault.example/keys/signing/0123");
        options.NetworkTimeout = TimeSpan.FromSeconds(6);
        var client = KeyVaultSigner.Connect(new Uri(options.Keys[0].KeyId), new NoCredential(), options);
        Assert.Equal(options.Keys[0].KeyId, client.KeyId);
        Assert.Equal(TimeSpan.FromSeconds(12), client.Options!.Retry.NetworkTimeout);
        Assert.Equal(0, client.Options.Retry.MaxRetries);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("Sun, 01 Mar 2026 12:00:30 GMT", 30)]
    [InlineData("Sun, 01 Mar 2026 11:59:00 GMT", 0)]
    [InlineData("shortly", null)]
    public async Task A_throttled_vault_reports_its_Retry_After(string retryAfter, int? seconds)
    {
        var e = await FailAsync(_ => throw new RequestFailedException(new VaultResponse(429, retryAfter)));
        Assert.Equal(seconds is { } wait ? TimeSpan.FromSeconds(wait) : null, e.RetryAfter);
        Assert.Contains("throttles", e.Message, StringComparison.Ordinal);
        Assert.Equal(SigningFault.Throttled, e.Cause);
    }

    [Theory]
    [InlineData(403, "Check that the key is enabled and that the app's identity may sign with it")]
    [InlineData(404, "has no key")]
    [InlineData(503, "did not sign")]
    public async Task Any_vault_error_makes_signing_unavailable(int status, string expected)
    {
        var e = await FailAsync(_ => throw new RequestFailedException(new VaultResponse(status, null)));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Headers", e.Message, StringComparison.Ordinal);
        Assert.Equal(SigningFault.Down, e.Cause);
    }

    [Fact]
    public async Task An_unreachable_vault_or_a_missing_token_makes_signing_unavailable()
    {
        Assert.Contains("could not be reached", (await FailAsync(_ => throw new RequestFailedException("no such host"))).Message, StringComparison.Ordinal);
        Assert.Contains("No access token", (await FailAsync(_ => throw new AuthenticationFailedException("no identity"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_timeout_means_that_the_vault_is_down()
    {
        var e = await FailAsync(_ => throw new TaskCanceledException("its network timeout"));
        Assert.Contains("did not respond in time", e.Message, StringComparison.Ordinal);
        Assert.Equal(SigningFault.Down, e.Cause);
    }

    [Fact]
    public async Task Cancellation_by_the_caller_is_not_a_vault_failure()
    {
        var signer = Signer(token => Task.Delay(Timeout.Infinite, token));
        using var cancellation = new CancellationTokenSource();
        var signing = signer.SignAsync(Digest, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => signing);
    }

    public void Dispose() => _key.Dispose();

    private async Task<SigningUnavailableException> FailAsync(Func<CancellationToken, Task> fault) =>
        await Assert.ThrowsAsync<SigningUnavailableException>(() => Signer(fault).SignAsync(Digest, CancellationToken.None).AsTask());

    private KeyVaultSigner Signer(Func<CancellationToken, Task>? fault = null) => new(Options("https://vault.example/keys/signing/0123").Keys[0], keyId => Connect(keyId, fault), _time);

    private SignerPool Pool(params string[] keyIds) => Pool(Options(keyIds));

    private SignerPool Pool(SigningOptions options)
    {
        var pool = KeyVaultSigner.Pool(options, keyId => Connect(keyId, null), () => 1, _time);

        // The rate limiter starts empty; let it accrue a burst.
        _time.Advance(TimeSpan.FromSeconds(1));
        return pool;
    }

    private RecordingVaultKey Connect(Uri keyId, Func<CancellationToken, Task>? fault)
    {
        var key = new RecordingVaultKey(keyId, _key) { Fault = fault };
        _vault.Add(key);
        return key;
    }

    private static SigningOptions Options(params string[] keyIds) => new()
    {
        Keys = [.. keyIds.Select(keyId => new SigningKeyOptions { KeyId = keyId, KeyVersion = "7" })],
    };

    /// <summary>
    /// Behaves like Key Vault's client: requests the public key first, once for each signature that begins before it has been refused.
    /// </summary>
    private sealed class SlowVaultKey(Uri keyId, RSA key) : CryptographyClient
    {
        private readonly TaskCompletionSource _fetchStarted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _refusal = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _fetches;
        private int _signatures;

        public override string KeyId => keyId.AbsoluteUri;

        public Task FetchStarted => _fetchStarted.Task;

        public int Fetches => Volatile.Read(ref _fetches);

        public int Signatures => Volatile.Read(ref _signatures);

        public void RefuseKey() => _refusal.SetResult();

        public override async Task<SignResult> SignAsync(SignatureAlgorithm algorithm, byte[] digest, CancellationToken cancellationToken = default)
        {
            if (!_refusal.Task.IsCompleted)
            {
                Interlocked.Increment(ref _fetches);
                _fetchStarted.TrySetResult();
                await _refusal.Task.WaitAsync(cancellationToken);
            }

            Interlocked.Increment(ref _signatures);
            lock (key)
                return CryptographyModelFactory.SignResult(KeyId, key.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), algorithm);
        }
    }

    private sealed class NoCredential : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    /// <summary>A vault response whose headers must not appear in a message.</summary>
    private sealed class VaultResponse(int status, string? retryAfter) : Response
    {
        public override int Status => status;

        public override string ReasonPhrase => "";

        public override Stream? ContentStream { get; set; } = new MemoryStream(Encoding.UTF8.GetBytes("{}"));

        public override string ClientRequestId { get; set; } = "";

        public override void Dispose()
        {
        }

        protected override bool ContainsHeader(string name) => TryGetHeader(name, out _);

        protected override IEnumerable<HttpHeader> EnumerateHeaders() => retryAfter is null ? [] : [new HttpHeader("Retry-After", retryAfter)];

        protected override bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
        {
            value = name.Equals("Retry-After", StringComparison.OrdinalIgnoreCase) ? retryAfter : null;
            return value is not null;
        }

        protected override bool TryGetHeaderValues(string name, [NotNullWhen(true)] out IEnumerable<string>? values)
        {
            values = TryGetHeader(name, out var value) ? [value] : null;
            return values is not null;
        }
    }
}
