using System.Net;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Signing;
using ContentSync.Tests.Budget;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

public sealed class SendRateLimiterTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly CountingSocket _socket = new();
    private readonly SlowSigner _signer = new();
    private readonly HttpMessageInvoker _invoker;

    public SendRateLimiterTests() => _invoker = new HttpMessageInvoker(
        new RequestSigningHandler(
            new AlipayHkOptions { ClientId = "us", MaxSendsPerSecond = 2, RequestTimeout = TimeSpan.FromSeconds(4) },
            _signer,
            _time,
            SendBudget.Whole(new SendBudgetOptions(2), _time))
        { InnerHandler = _socket });

    public void Dispose() => _invoker.Dispose();

    [Fact]
    public async Task Sends_the_first_request_at_once_and_the_others_evenly_spaced()
    {
        var start = _time.GetUtcNow();
        var sends = Enumerable.Range(0, 4).Select(_ => SendAsync()).ToList();
        for (var sent = 1; sent <= 4; sent++)
        {
            await SentAsync(sent);
            Assert.InRange(_time.GetUtcNow() - start, (sent - 1) * TimeSpan.FromMilliseconds(500), sent * TimeSpan.FromMilliseconds(500));
        }

        await Task.WhenAll(sends);
    }

    [Fact]
    public async Task Does_not_save_up_turns_while_idle()
    {
        await SendAsync();
        _time.Advance(TimeSpan.FromHours(1));
        await SendAsync();
        var third = SendAsync();
        Assert.Equal(2, _socket.Sent);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        await third;
    }

    [Fact]
    public async Task Refuses_a_request_that_would_wait_longer_than_half_its_timeout_and_uses_no_turn_for_it()
    {
        var waiting = Enumerable.Range(0, 5).Select(_ => SendAsync()).ToList();
        var refused = await Assert.ThrowsAsync<SendBudgetExhaustedException>(SendAsync);
        Assert.Equal(TimeSpan.FromSeconds(2.5), refused.RetryAfter);
        Assert.Contains("AlipayHk:MaxSendsPerSecond", refused.Message, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        waiting.Add(SendAsync());
        await SentAsync(6);
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task Ends_a_wait_when_it_is_cancelled()
    {
        await SendAsync();
        using var cancellation = new CancellationTokenSource();
        var waiting = _invoker.SendAsync(new HttpRequestMessage(), cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(1, _socket.Sent);
    }

    [Fact]
    public async Task Spaces_requests_evenly_when_delayed_signatures_arrive_at_once()
    {
        _signer.IsStalled = true;
        var sends = Enumerable.Range(0, 3).Select(_ => SendAsync()).ToList();
        await ReachedAsync(() => _signer.Calls == 3);
        Assert.Equal(0, _socket.Sent);

        _signer.Release();
        await ReachedAsync(() => _socket.Sent == 1);
        var first = _time.GetUtcNow();
        await ReachedAsync(() => _socket.Sent == 3);
        Assert.InRange(_time.GetUtcNow() - first, TimeSpan.FromSeconds(0.99), TimeSpan.FromSeconds(1.5));
        await Task.WhenAll(sends);
    }

    [Fact]
    public async Task Signs_no_new_request_before_the_delayed_ones_are_sent()
    {
        _signer.IsStalled = true;
        var sends = Enumerable.Range(0, 3).Select(_ => SendAsync()).ToList();
        await ReachedAsync(() => _signer.Calls == 3);
        _signer.Release();
        await SentAsync(2);
        sends.Add(SendAsync());
        await SentAsync(3);
        Assert.Equal(3, _signer.Calls);
        await SentAsync(4);
        await Task.WhenAll(sends);
    }

    [Fact]
    public async Task Does_not_send_a_signed_request_whose_turn_is_too_far_away()
    {
        _signer.IsStalled = true;
        var sends = Enumerable.Range(0, 6).Select(_ => SendAsync()).ToList();
        await ReachedAsync(() => _signer.Calls == 5);
        sends.RemoveAt(5);
        _time.Advance(TimeSpan.FromSeconds(1));
        sends.Add(SendAsync());
        await ReachedAsync(() => _signer.Calls == 6);
        _signer.Release();
        await ReachedAsync(() => _socket.Sent == 5);
        var refused = await Assert.ThrowsAsync<SendBudgetExhaustedException>(() => Task.WhenAll(sends));
        Assert.InRange(refused.RetryAfter, TimeSpan.FromSeconds(2.01), TimeSpan.FromSeconds(2.5));
    }

    [Fact]
    public async Task Requests_that_wait_at_a_low_rate_follow_when_this_process_gets_a_larger_part()
    {
        await using var budget = await SmallPartAsync(perSecond: 200);
        var limiter = new SendRateLimiter(budget, TimeSpan.FromSeconds(7.5), _time);
        var began = _time.GetUtcNow();

        // At the rate of the first moment, the last of them would wait much longer than 7.5 s.
        var sends = Enumerable.Range(0, 300).Select(_ => limiter.WaitToSignAsync(default).AsTask()).ToList();
        Assert.InRange(budget.PerSecond, 1, 20);
        await ReachedAsync(() => sends.TrueForAll(send => send.IsCompleted));
        await Task.WhenAll(sends);
        Assert.InRange(_time.GetUtcNow() - began, TimeSpan.FromSeconds(1.4), TimeSpan.FromSeconds(7.5));
    }

    [Fact]
    public async Task Refuses_at_once_a_request_that_would_wait_too_long_with_the_whole_budget_as_well()
    {
        await using var budget = await SmallPartAsync(perSecond: 20);
        var limiter = new SendRateLimiter(budget, TimeSpan.FromSeconds(2), _time);
        var sends = Enumerable.Range(0, 50).Select(_ => limiter.WaitToSignAsync(default).AsTask()).ToList();
        Assert.All(sends.Skip(42), send => Assert.IsType<SendBudgetExhaustedException>(send.Exception?.InnerException));
        Assert.All(sends.Skip(1).Take(38), send => Assert.False(send.IsCompleted));
        await ReachedAsync(() => sends.TrueForAll(send => send.IsCompleted));
        Assert.Equal(0, limiter.Waiting);
    }

    // A process that sent one request in the last seconds holds little more.
    private async Task<SendBudget> SmallPartAsync(double perSecond)
    {
        var budget = new SendBudget(
            new SendBudgetOptions(perSecond), new MemorySendStateStore(_time), _time, "us", () => 0, NullLogger<SendBudget>.Instance);
        Assert.True(await budget.WaitAsync(TimeSpan.FromSeconds(5), default));
        for (var second = 0; second < 15; second++)
        {
            budget.Ask();
            for (var i = 0; i < 10; i++)
            {
                _time.Advance(TimeSpan.FromMilliseconds(100));
                await Task.Delay(1);
            }
        }

        return budget;
    }

    // A timer may resume the request on another thread.
    private Task SentAsync(int count) => ReachedAsync(() => _socket.Sent >= count);

    private async Task ReachedAsync(Func<bool> isReached)
    {
        for (var i = 0; !isReached(); i++)
        {
            Assert.True(i < 10_000, "The expected state was not reached.");
            _time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Delay(1);
        }
    }

    private async Task SendAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "https://gateway.example/");
        using var response = await _invoker.SendAsync(request, default);
    }

    private sealed class CountingSocket : HttpMessageHandler
    {
        private int _sent;

        public int Sent => Volatile.Read(ref _sent);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _sent);
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
        }
    }

    private sealed class SlowSigner : IRequestSigner
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _calls;

        public bool IsStalled { get; set; }

        public int Calls => Volatile.Read(ref _calls);

        public void Release() => _released.SetResult();

        public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _calls);
            if (IsStalled) await _released.Task.WaitAsync(cancellationToken);
            return new RequestSignature("1", new byte[256]);
        }
    }
}
