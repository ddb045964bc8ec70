using System.Net;
using ContentSync.AlipayHk;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

public sealed class SendPacingHandlerTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly CountingSocket _socket = new();
    private readonly HttpMessageInvoker _invoker;

    public SendPacingHandlerTests() => _invoker = new HttpMessageInvoker(
        new SendPacingHandler(new AlipayHkOptions { MaxSendsPerSecond = 2, AttemptTimeout = TimeSpan.FromSeconds(4) }, _time) { InnerHandler = _socket });

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
        var refused = await Assert.ThrowsAsync<SendBudgetSpentException>(SendAsync);
        Assert.Equal(TimeSpan.FromSeconds(2.5), refused.Wait);
        Assert.Contains("AlipayHk:MaxSendsPerSecond", refused.Message, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMilliseconds(500));
        waiting.Add(SendAsync());
        _time.Advance(TimeSpan.FromSeconds(2));
        await Task.WhenAll(waiting);
        Assert.Equal(6, _socket.Sent);
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

    // What a timer wakes up may go on on another thread.
    private async Task SentAsync(int count)
    {
        while (_socket.Sent < count)
        {
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
        public int Sent { get; private set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Sent++;
            return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK));
        }
    }
}
