using System.Net;
using ContentSync.AlipayHk;
using ContentSync.Signing;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

public sealed class SendPaceTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly CountingSocket _socket = new();
    private readonly SlowSigner _signer = new();
    private readonly HttpMessageInvoker _invoker;

    public SendPaceTests() => _invoker = new HttpMessageInvoker(
        new RequestSigningHandler(new AlipayHkOptions { ClientId = "us", MaxSendsPerSecond = 2, RequestTimeout = TimeSpan.FromSeconds(4) }, _signer, _time) { InnerHandler = _socket });

    public void Dispose() => _invoker.Dispose();

    [Fact]
    public async Task Lets_the_first_go_at_once_and_the_others_at_even_distances()
    {
        var began = _time.GetUtcNow();
        var sends = Enumerable.Range(0, 4).Select(_ => SendAsync()).ToList();
        for (var sent = 1; sent <= 4; sent++)
        {
            await SentAsync(sent);
            Assert.InRange(_time.GetUtcNow() - began, (sent - 1) * TimeSpan.FromMilliseconds(500), sent * TimeSpan.FromMilliseconds(500));
        }

        await Task.WhenAll(sends);
    }

    [Fact]
    public async Task Saves_nothing_up_while_idle()
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
    public async Task Refuses_who_would_wait_longer_than_half_a_try_and_takes_no_turn_for_it()
    {
        var waiting = Enumerable.Range(0, 5).Select(_ => SendAsync()).ToList();
        var refused = await Assert.ThrowsAsync<SendBudgetExhaustedException>(SendAsync);
        Assert.Equal(TimeSpan.FromSeconds(2.5), refused.Wait);
        Assert.Contains("AlipayHk:MaxSendsPerSecond", refused.Message, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        waiting.Add(SendAsync());
        await SentAsync(6);
        await Task.WhenAll(waiting);
    }

    [Fact]
    public async Task Goes_on_where_it_is_cancelled()
    {
        await SendAsync();
        using var cancellation = new CancellationTokenSource();
        var waiting = _invoker.SendAsync(new HttpRequestMessage(), cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(1, _socket.Sent);
    }

    [Fact]
    public async Task Keeps_the_distances_when_held_back_signatures_come_all_at_once()
    {
        _signer.IsStalled = true;
        var sends = Enumerable.Range(0, 3).Select(_ => SendAsync()).ToList();
        await ReachedAsync(() => _signer.Asked == 3);
        Assert.Equal(0, _socket.Sent);

        _signer.Release();
        await ReachedAsync(() => _socket.Sent == 1);
        var first = _time.GetUtcNow();
        await ReachedAsync(() => _socket.Sent == 3);
        Assert.InRange(_time.GetUtcNow() - first, TimeSpan.FromSeconds(0.99), TimeSpan.FromSeconds(1.5));
        await Task.WhenAll(sends);
    }

    [Fact]
    public async Task Signs_nobody_else_before_the_held_back_ones_are_gone()
    {
        _signer.IsStalled = true;
        var sends = Enumerable.Range(0, 3).Select(_ => SendAsync()).ToList();
        await ReachedAsync(() => _signer.Asked == 3);
        _signer.Release();
        await SentAsync(2);
        sends.Add(SendAsync());
        await SentAsync(3);
        Assert.Equal(3, _signer.Asked);
        await SentAsync(4);
        await Task.WhenAll(sends);
    }

    [Fact]
    public async Task Sends_nothing_whose_turn_comes_too_late_once_it_is_signed()
    {
        _signer.IsStalled = true;
        var sends = Enumerable.Range(0, 6).Select(_ => SendAsync()).ToList();
        await ReachedAsync(() => _signer.Asked == 5);
        sends.RemoveAt(5);
        _time.Advance(TimeSpan.FromSeconds(1));
        sends.Add(SendAsync());
        await ReachedAsync(() => _signer.Asked == 6);
        _signer.Release();
        await ReachedAsync(() => _socket.Sent == 5);
        var refused = await Assert.ThrowsAsync<SendBudgetExhaustedException>(() => Task.WhenAll(sends));
        Assert.InRange(refused.Wait, TimeSpan.FromSeconds(2.01), TimeSpan.FromSeconds(2.5));
    }

    // What a timer wakes up may go on on another thread.
    private Task SentAsync(int count) => ReachedAsync(() => _socket.Sent >= count);

    private async Task ReachedAsync(Func<bool> isReached)
    {
        for (var i = 0; !isReached(); i++)
        {
            Assert.True(i < 10_000, "It does not come to that.");
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
        private int _asked;

        public bool IsStalled { get; set; }

        public int Asked => Volatile.Read(ref _asked);

        public void Release() => _released.SetResult();

        public async ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _asked);
            if (IsStalled) await _released.Task.WaitAsync(cancellationToken);
            return new RequestSignature("1", new byte[256]);
        }
    }
}
