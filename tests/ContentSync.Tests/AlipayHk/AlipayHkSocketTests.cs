using System.Net;
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

/// <summary>The client over a real connection on loopback.</summary>
public sealed class AlipayHkSocketTests : IDisposable
{
    private readonly FakeAlipayHk _keys = new();

    public void Dispose() => _keys.Dispose();

    [Fact]
    public void Follows_nothing_keeps_nothing_and_leaves_TLS_alone()
    {
        using var socket = AlipayHkSocket.Open(_keys.Options);
        Assert.False(socket.AllowAutoRedirect);
        Assert.False(socket.UseCookies);
        Assert.Equal(DecompressionMethods.None, socket.AutomaticDecompression);
        Assert.Null(socket.SslOptions.RemoteCertificateValidationCallback);
        Assert.True(socket.UseProxy);
    }

    [Fact]
    public async Task The_bytes_that_arrive_are_the_bytes_that_were_signed()
    {
        SentRequest? arrived = null;
        var answer = await CallAsync(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            arrived = new SentRequest(context.Request.Method, new Uri("http://localhost" + context.Request.Path), context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase), body.ToArray());
            await SignedSuccessAsync(context);
        });
        Assert.Equal(SynchronizeResultKind.Succeeded, answer.Kind);
        Assert.Equal(FakeAlipayHk.Body().ToArray(), arrived!.Body);
        Assert.True(arrived.SignatureMatches(FakeAlipayHk.OurKey));
        Assert.Equal($"{arrived.Body.Length}", arrived.Headers["Content-Length"]);
        Assert.Equal("application/json; charset=UTF-8", arrived.Headers["Content-Type"]);
        Assert.False(arrived.Headers.ContainsKey("traceparent"));
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        var calls = 0;
        var answer = await CallAsync(context =>
        {
            calls++;
            context.Response.Redirect("/elsewhere", permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        });
        Assert.Equal((SynchronizeResultKind.ConfigurationFault, ClientCodes.Redirected, 1), (answer.Kind, answer.Code, calls));
    }

    [Fact]
    public async Task A_reset_connection_is_tried_again()
    {
        var calls = 0;
        var answer = await CallAsync(context =>
        {
            if (++calls > 1) return SignedSuccessAsync(context);
            context.Abort();
            return Task.CompletedTask;
        });
        Assert.Equal((SynchronizeResultKind.Succeeded, 2), (answer.Kind, calls));
    }

    [Fact]
    public async Task An_answer_cut_short_is_a_broken_connection()
    {
        var answer = await CallAsync(async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.Body.WriteAsync("{\"resultInfo\""u8.ToArray());
            await context.Response.Body.FlushAsync();
            context.Abort();
        });
        Assert.Equal((SynchronizeResultKind.Retryable, ClientCodes.ConnectionFailed), (answer.Kind, answer.Code));
    }

    private async Task SignedSuccessAsync(HttpContext context)
    {
        using var response = _keys.Signed(FakeAlipayHk.SuccessJson);
        foreach (var (name, values) in response.Headers) context.Response.Headers[name] = values.ToArray();
        await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(FakeAlipayHk.SuccessJson));
    }

    private async Task<SynchronizeResult> CallAsync(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        _keys.Options.BaseAddress = new Uri(address);
        using var client = AlipayHkClient.Create(_keys.Options, new FixedKeySigner(FakeAlipayHk.OurKey), TimeProvider.System, NullLoggerFactory.Instance, jitter: () => 0);
        var result = await client.SynchronizeAsync(FakeAlipayHk.Body(), CancellationToken.None);
        await app.StopAsync();
        return result;
    }
}
