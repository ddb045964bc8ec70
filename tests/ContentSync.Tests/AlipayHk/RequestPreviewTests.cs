using System.Text;
using ContentSync.AlipayHk;

namespace ContentSync.Tests.AlipayHk;

public sealed class RequestPreviewTests
{
    [Fact]
    public async Task Shows_exactly_what_is_sent_except_the_signature()
    {
        using var gateway = new FakeAlipayHk();
        gateway.Then(gateway.Signed(FakeAlipayHk.SuccessJson));
        var preview = RequestPreview.Render(gateway.Options, FakeAlipayHk.Body(), gateway.Time.GetUtcNow());
        using var client = gateway.Client();
        await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);

        var sent = gateway.Sent[0];
        Assert.Equal(sent.Url, preview.Url);
        Assert.Equal(Encoding.UTF8.GetString(sent.Body), preview.Body);
        var stringToSign = $"POST {sent.Url.AbsolutePath}\n{sent.Headers["Client-Id"]}.{sent.Headers["Request-Time"]}.{preview.Body}";
        Assert.Equal(stringToSign, preview.StringToSign);
        foreach (var (name, value) in preview.Headers.Where(header => header.Key != "Signature")) Assert.Equal(sent.Headers[name], value);
        var names = preview.Headers.Select(header => header.Key).Order(StringComparer.Ordinal);
        Assert.Equal(["Client-Id", "Content-Type", "Request-Time", "Signature"], names);
        Assert.Contains(new("Signature", "<not signed in a preview>"), preview.Headers);
    }

    [Fact]
    public void Shows_the_ciphertext_if_encryption_is_on()
    {
        using var gateway = new FakeAlipayHk();
        gateway.Options.Encryption.Enabled = true;
        var preview = RequestPreview.Render(gateway.Options, FakeAlipayHk.Body(), gateway.Time.GetUtcNow());
        Assert.Equal("Encrypt", preview.Headers[0].Key);
        Assert.Contains(new("Content-Type", "text/plain; charset=UTF-8"), preview.Headers);
        Assert.Matches("^[A-Za-z0-9+/]+=*$", preview.Body);
        Assert.EndsWith("." + preview.Body, preview.StringToSign, StringComparison.Ordinal);
    }
}
