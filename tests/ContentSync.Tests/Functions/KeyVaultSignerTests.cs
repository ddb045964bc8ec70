using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Identity;
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
        var signature = await Signer(Options("https://vault.example/keys/signing/0123")).SignAsync(Digest, CancellationToken.None);
        Assert.Equal("7", signature.KeyVersion);
        Assert.True(_key.VerifyHash(Digest, signature.Value.Span, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    [Fact]
    public async Task Makes_one_client_per_key_at_the_start_and_calls_nothing_before_the_first_signature()
    {
        var signer = Signer(Options("https://one.example/keys/signing/0123", "https://two.example/keys/signing/0123"));
        Assert.Equal([0, 0], _vault.Select(key => key.Calls));
        for (var i = 0; i < 6; i++) await signer.SignAsync(Digest, CancellationToken.None);
        Assert.Equal([3, 3], _vault.Select(key => key.Calls));
    }

    [Fact]
    public void The_client_gives_up_in_time_and_leaves_trying_again_to_the_policy()
    {
        var options = Options("https://vault.example/keys/signing/0123");
        options.NetworkTimeout = TimeSpan.FromSeconds(6);
        var client = KeyVaultSigner.Connect(new Uri(options.Keys[0].KeyId), new NoCredential(), options);
        Assert.Equal(options.Keys[0].KeyId, client.KeyId);
        Assert.Equal(TimeSpan.FromSeconds(6), client.Options!.Retry.NetworkTimeout);
        Assert.Equal(0, client.Options.Retry.MaxRetries);
    }

    [Theory]
    [InlineData("7", 7)]
    [InlineData("Sun, 01 Mar 2026 12:00:30 GMT", 30)]
    [InlineData("Sun, 01 Mar 2026 11:59:00 GMT", 0)]
    [InlineData("shortly", null)]
    public async Task A_throttled_vault_says_when_to_come_back(string retryAfter, int? seconds)
    {
        var e = await FailAsync(_ => throw new RequestFailedException(new Answer(429, retryAfter)));
        Assert.Equal(seconds is { } wait ? TimeSpan.FromSeconds(wait) : null, e.RetryAfter);
        Assert.Contains("throttles", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(403, "Check that the key is enabled and that the app's identity may sign with it")]
    [InlineData(404, "knows no key")]
    [InlineData(503, "did not sign")]
    public async Task Any_refusal_pauses_rather_than_fails_the_item(int status, string says)
    {
        var e = await FailAsync(_ => throw new RequestFailedException(new Answer(status, null)));
        Assert.Contains(says, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Headers", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_vault_and_a_missing_token_pause_too()
    {
        Assert.Contains("could not be reached", (await FailAsync(_ => throw new RequestFailedException("no such host"))).Message, StringComparison.Ordinal);
        Assert.Contains("No access token", (await FailAsync(_ => throw new AuthenticationFailedException("no identity"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gives_up_after_the_network_timeout()
    {
        var signer = Signer(Options("https://vault.example/keys/signing/0123"));
        _vault[0].Fault = token => Task.Delay(Timeout.Infinite, token);
        var signing = signer.SignAsync(Digest, CancellationToken.None).AsTask();
        _time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(signing.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Contains("within 10 s", (await Assert.ThrowsAsync<SigningUnavailableException>(() => signing)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_callers_cancellation_is_no_failure_of_the_vault()
    {
        var signer = Signer(Options("https://vault.example/keys/signing/0123"));
        _vault[0].Fault = token => Task.Delay(Timeout.Infinite, token);
        using var cancellation = new CancellationTokenSource();
        var signing = signer.SignAsync(Digest, cancellation.Token).AsTask();
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => signing);
    }

    [Fact]
    public async Task Never_asks_for_more_than_the_vaults_pace_but_for_a_burst_of_a_tenth_of_a_second()
    {
        var options = Options("https://vault.example/keys/signing/0123");
        options.SignaturesPerSecond = 50;
        var signer = Signer(options);
        _time.Advance(TimeSpan.FromSeconds(10));
        var signings = Enumerable.Range(0, 200).Select(_ => signer.SignAsync(Digest, CancellationToken.None).AsTask()).ToArray();
        Assert.InRange(_vault[0].Calls, 5, 6);
        for (var second = 1; second <= 3; second++)
        {
            for (var i = 0; i < 100; i++) _time.Advance(TimeSpan.FromMilliseconds(10));
            await WaitForCallsAsync(50 * second + 5);
            Assert.InRange(_vault[0].Calls, 50 * second + 5, 50 * second + 6);
        }

        for (var i = 0; i < 100; i++) _time.Advance(TimeSpan.FromMilliseconds(10));
        await Task.WhenAll(signings);
    }

    [Fact]
    public async Task A_queue_for_signatures_that_is_longer_than_the_timeout_is_not_joined()
    {
        var options = Options("https://vault.example/keys/signing/0123");
        options.SignaturesPerSecond = 1;
        var signer = Signer(options);
        var waiting = Enumerable.Range(0, 11).Select(_ => signer.SignAsync(Digest, CancellationToken.None).AsTask()).ToArray();
        var e = await Assert.ThrowsAsync<SigningUnavailableException>(() => signer.SignAsync(Digest, CancellationToken.None).AsTask());
        Assert.InRange(e.RetryAfter!.Value, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(11));
        for (var i = 0; i < 12; i++) _time.Advance(TimeSpan.FromSeconds(1));
        foreach (var signing in waiting) await signing.ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.InRange(_vault[0].Calls, 10, 11);
    }

    public void Dispose() => _key.Dispose();

    private async Task<SigningUnavailableException> FailAsync(Func<CancellationToken, Task> fault)
    {
        var signer = Signer(Options("https://vault.example/keys/signing/0123"));
        _vault[^1].Fault = fault;
        return await Assert.ThrowsAsync<SigningUnavailableException>(() => signer.SignAsync(Digest, CancellationToken.None).AsTask());
    }

    // Continuations of the fake clock's timers run on the thread pool.
    private async Task WaitForCallsAsync(int calls)
    {
        for (var i = 0; i < 500 && _vault[0].Calls < calls; i++) await Task.Delay(2);
    }

    private KeyVaultSigner Signer(SigningOptions options) => new(
        options,
        keyId =>
        {
            var key = new RecordingVaultKey(keyId, _key);
            _vault.Add(key);
            return key;
        },
        _time);

    private static SigningOptions Options(params string[] keyIds) => new()
    {
        Keys = [.. keyIds.Select(keyId => new SigningKeyOptions { KeyId = keyId, KeyVersion = "7" })],
    };

    private sealed class NoCredential : TokenCredential
    {
        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    /// <summary>An answer of the vault's with a secret-looking header, which must not get into a message.</summary>
    private sealed class Answer(int status, string? retryAfter) : Response
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
