using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using ContentSync.AlipayHk;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.AlipayHk;

/// <summary>Runs the client over a real loopback connection.</summary>
public sealed class AlipayHkSocketTests : IDisposable
{
    private readonly FakeAlipayHk _alipayHk = new();

    public void Dispose() => _alipayHk.Dispose();

    [Fact]
    public void Follows_no_redirects_keeps_no_cookies_and_does_not_change_TLS_checks()
    {
        using var socket = AlipayHkSocket.Open(_alipayHk.Options);
        Assert.False(socket.AllowAutoRedirect);
        Assert.False(socket.UseCookies);
        Assert.Equal(DecompressionMethods.None, socket.AutomaticDecompression);
        Assert.Null(socket.SslOptions.RemoteCertificateValidationCallback);
        Assert.True(socket.UseProxy);
    }

    [Fact]
    public async Task Sends_exactly_the_bytes_that_were_signed()
    {
        SentRequest? received = null;
        var result = await CallAsync(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            var headers = context.Request.Headers.ToDictionary(
                header => header.Key,
                header => header.Value.ToString(),
                StringComparer.OrdinalIgnoreCase);
            received = new SentRequest(context.Request.Method, new Uri("http://localhost" + context.Request.Path), headers, body.ToArray());
            await SignedSuccessAsync(context);
        });
        Assert.Equal(SynchronizeResultKind.Succeeded, result.Kind);
        Assert.Equal(FakeAlipayHk.Body().ToArray(), received!.Body);
        Assert.True(received.SignatureMatches(FakeAlipayHk.OurKey));
        Assert.Equal($"{received.Body.Length}", received.Headers["Content-Length"]);
        Assert.Equal("application/json; charset=UTF-8", received.Headers["Content-Type"]);
        Assert.False(received.Headers.ContainsKey("traceparent"));
    }

    [Fact]
    public async Task Does_not_follow_a_redirect()
    {
        var calls = 0;
        var result = await CallAsync(context =>
        {
            calls++;
            context.Response.Redirect("/elsewhere", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        });
        Assert.Equal((SynchronizeResultKind.ConfigurationFault, ClientCodes.Redirected, 1), (result.Kind, result.Code, calls));
    }

    [Fact]
    public async Task Retries_a_reset_connection_immediately()
    {
        var calls = 0;
        var result = await CallAsync(context =>
        {
            if (++calls > 1) return SignedSuccessAsync(context);
            context.Abort();
            return Task.CompletedTask;
        });
        Assert.Equal((SynchronizeResultKind.Succeeded, 2), (result.Kind, calls));
    }

    [Fact]
    public async Task Treats_a_truncated_response_as_a_broken_connection()
    {
        var result = await CallAsync(async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.Body.WriteAsync("{\"resultInfo\""u8.ToArray());
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed), (result.Kind, result.Code));
    }

    [Fact]
    public async Task Names_the_cause_of_an_untrusted_certificate()
    {
        _alipayHk.Options.ImmediateRetries = 0;
        var result = await CallAsync(SignedSuccessAsync, SelfSigned());
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed), (result.Kind, result.Code));
        Assert.Contains("The remote certificate is invalid", result.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("inner exception", result.Message, StringComparison.Ordinal);
    }

    private static X509Certificate2 SelfSigned()
    {
        var request = new CertificateRequest("CN=127.0.0.1", FakeAlipayHk.GatewayKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }

    private async Task SignedSuccessAsync(HttpContext context)
    {
        using var response = _alipayHk.Signed(
            FakeAlipayHk.SuccessJson, ahead: TimeProvider.System.GetUtcNow() - _alipayHk.Time.GetUtcNow());
        foreach (var (name, values) in response.Headers) context.Response.Headers[name] = values.ToArray();
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(FakeAlipayHk.SuccessJson));
    }

    private async Task<SynchronizeResult> CallAsync(RequestDelegate respond, X509Certificate2? certificate = null)
    {
        using var owned = certificate;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (certificate is not null) listen.UseHttps(certificate);
        }));
        await using var app = builder.Build();
        app.Run(respond);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        _alipayHk.Options.BaseAddress = new Uri(address);
        using var client = AlipayHkClient.Create(
            _alipayHk.Options,
            new FixedKeySigner(FakeAlipayHk.OurKey),
            TimeProvider.System,
            NullLoggerFactory.Instance,
            jitter: new FixedJitter(0));
        var result = await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);
        await app.StopAsync();
        return result;
    }
}
