using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Budget;

namespace ContentSync.Tests.AlipayHk;

public sealed class RequestSigningHandlerTests
{
    [Fact]
    public async Task Replaces_all_headers_when_a_message_is_sent_twice()
    {
        using var gateway = new FakeAlipayHk();
        gateway.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned("{}"));
        using var invoker = Invoker(gateway);
        using var request = Request(gateway, new ByteArrayContent("{}"u8.ToArray()));
        request.Headers.Add("Signature", "stale");

        await invoker.SendAsync(request, CancellationToken.None);
        gateway.Time.Advance(TimeSpan.FromSeconds(2));
        await invoker.SendAsync(request, CancellationToken.None);

        Assert.Equal(["2026-03-01T12:00:00+00:00", "2026-03-01T12:00:02+00:00"], gateway.Sent.Select(sent => sent.Headers["Request-Time"]));
        Assert.All(gateway.Sent, sent => Assert.DoesNotContain('|', sent.Headers["Signature"] + sent.Headers["Client-Id"]));
        Assert.All(gateway.Sent, sent => Assert.True(sent.SignatureMatches(FakeAlipayHk.OurKey)));
    }

    [Fact]
    public async Task Signs_the_bytes_of_any_HttpContent()
    {
        using var gateway = new FakeAlipayHk();
        gateway.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned("{}"));
        using var invoker = Invoker(gateway);
        using var request = Request(gateway, new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes("{\"名\":1}"))));
        await invoker.SendAsync(request, CancellationToken.None);
        Assert.Equal("{\"名\":1}", Encoding.UTF8.GetString(gateway.Sent[0].Body));
        Assert.True(gateway.Sent[0].SignatureMatches(FakeAlipayHk.OurKey));
    }

    private static HttpMessageInvoker Invoker(FakeAlipayHk gateway) => new(
        new RequestSigningHandler(
            gateway.Options,
            new FixedKeySigner(FakeAlipayHk.OurKey),
            gateway.Time,
            SendBudget.Whole(new SendBudgetOptions(gateway.Options.MaxSendsPerSecond), gateway.Time))
        { InnerHandler = gateway });

    private static HttpRequestMessage Request(FakeAlipayHk gateway, HttpContent content) =>
        new(HttpMethod.Post, new Uri(gateway.Options.BaseAddress!, gateway.Options.Path)) { Content = content };
}
