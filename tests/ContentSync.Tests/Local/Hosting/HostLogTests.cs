using System.Net;
using System.Text;
using System.Text.Json;
using ContentSync.Http.Webhooks;
using ContentSync.Local.CommandLine;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Http;
using Microsoft.AspNetCore.Builder;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>What an operator reads on standard error.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class HostLogTests
{
    private static readonly LocalOptions WithWebhook = new() { Webhook = new WebhookOptions { Secrets = [ApiHarness.Secret] } };

    [Fact]
    public async Task Says_nothing_while_all_is_well()
    {
        using var log = new CapturedLog();
        await using (var host = await RunningHost.StartAsync(new LocalOptions(), new LocalHostOptions(0), log.Loggers))
        {
            (await host.SubmitAsync(ApiHarness.Item("GOOD-1"))).Dispose();
            (await host.SubmitAsync(ApiHarness.Item("RISKY-1", "risky"))).Dispose();
            (await host.Client.GetAsync(new Uri("/api/content/unknown", UriKind.Relative))).Dispose();
        }

        Assert.Empty(log.Text);
    }

    [Theory]
    [InlineData("v1,bm90IGEgc2lnbmF0dXJl", "0", "none of the configured secrets matches its signature")]
    [InlineData("nonsense", "0", "none of the configured secrets matches its signature")]
    [InlineData("v1,bm90IGEgc2lnbmF0dXJl", "soon", "a header for its id, timestamp or signature is missing or malformed")]
    public async Task Says_why_it_refused_a_webhook(string signature, string timestamp, string reason)
    {
        using var log = new CapturedLog();
        await using var host = await RunningHost.StartAsync(WithWebhook, new LocalHostOptions(0), log.Loggers);
        using var message = new HttpRequestMessage(HttpMethod.Post, new Uri("/api/webhooks/content", UriKind.Relative))
        {
            Content = new StringContent("{}", Encoding.UTF8, "application/cloudevents+json"),
            Headers = { { "webhook-id", "msg_1" }, { "webhook-timestamp", timestamp }, { "webhook-signature", signature } },
        };
        using var response = await host.Client.SendAsync(message);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.EndsWith($"warning: Refused a webhook of StandardWebhooks: {reason}", await log.WaitForAsync("webhook"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_that_a_webhook_came_to_a_host_without_a_sender()
    {
        using var log = new CapturedLog();
        await using var host = await RunningHost.StartAsync(new LocalOptions(), new LocalHostOptions(0), log.Loggers);
        using var body = new StringContent("{}", Encoding.UTF8, "application/cloudevents+json");
        (await host.Client.PostAsync(new Uri("/api/webhooks/content", UriKind.Relative), body)).Dispose();
        await log.WaitForAsync("no sender is configured");
    }

    [Fact]
    public async Task Says_when_sending_stops_and_when_it_continues()
    {
        using var log = new CapturedLog();
        await using var host = await RunningHost.StartAsync(
            new LocalOptions { LateEffectWindow = TimeSpan.Zero }, new LocalHostOptions(0), log.Loggers);
        host.Pipeline.Gateway!.Faults = ContentSync.Simulator.GatewayFaults.Parse("badsignature=1");
        for (var i = 0; i < 12; i++) (await host.SubmitAsync(ApiHarness.Item($"A-{i}"))).Dispose();
        Assert.Contains(" error: ", await log.WaitForAsync("Sending stopped, the circuit breaker tripped: "), StringComparison.Ordinal);
        host.Pipeline.Gateway.Faults = ContentSync.Simulator.GatewayFaults.None;
        await log.WaitForAsync("Sending continues, the circuit breaker reset: ");
    }

    [Fact]
    public async Task Says_who_paused_and_when_it_was_resumed()
    {
        using var log = new CapturedLog();
        await using var host = await RunningHost.StartAsync(new LocalOptions(), new LocalHostOptions(0), log.Loggers);
        using var pause = new StringContent("""{"reason":"wrong prices","by":"Mei","contentType":"SKU"}""", Encoding.UTF8, "application/json");
        (await host.Client.PostAsync(new Uri("/api/sending/pause", UriKind.Relative), pause)).EnsureSuccessStatusCode().Dispose();
        Assert.EndsWith(": wrong prices", await log.WaitForAsync("warning: Mei paused sending SKU at "), StringComparison.Ordinal);
        using var resume = new StringContent("""{"contentType":"SKU"}""", Encoding.UTF8, "application/json");
        (await host.Client.PostAsync(new Uri("/api/sending/resume", UriKind.Relative), resume)).EnsureSuccessStatusCode().Dispose();
        await log.WaitForAsync("info: Sending SKU was resumed after ");
    }

    [Fact]
    public async Task An_unhandled_error_carries_the_trace_id_of_its_response_and_no_message()
    {
        using var log = new CapturedLog(LogFormat.Json);
        var options = new LocalHostOptions(0) { MapMore = app => app.MapGet("/broken/{id}", string (string id) => throw new FormatException("secret " + id)) };
        await using var host = await RunningHost.StartAsync(new LocalOptions(), options, log.Loggers);
        using var response = await host.Client.GetAsync(new Uri("/broken/7?code=secret", UriKind.Relative));
        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        var text = await response.Content.ReadAsStringAsync();
        await log.WaitForAsync("4401");
        var line = Assert.Single(log.Objects);
        Assert.Equal("error", line.GetProperty("level").GetString());
        Assert.Equal("/broken/{id}", line.GetProperty("values").GetProperty("route").GetString());
        Assert.Equal(
            JsonDocument.Parse(text).RootElement.GetProperty("traceId").GetString(), line.GetProperty("values").GetProperty("traceId").GetString());
        Assert.StartsWith("FormatException in ", line.GetProperty("exception").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("secret", text + log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_the_route_that_was_called_without_the_key()
    {
        using var log = new CapturedLog();
        await using var host = await RunningHost.StartAsync(new LocalOptions(), new LocalHostOptions(0) { ApiKey = "the key" }, log.Loggers);
        (await host.Client.GetAsync(new Uri("/api/content/SKU-1?code=guess", UriKind.Relative))).Dispose();
        Assert.DoesNotContain("guess", await log.WaitForAsync("Refused a request to /api/content/{contentId}: it has no API key"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_every_request_and_attempt_when_it_is_verbose()
    {
        using var log = new CapturedLog(isVerbose: true);
        await using var host = await RunningHost.StartAsync(new LocalOptions(), new LocalHostOptions(0), log.Loggers);
        (await host.SubmitAsync(ApiHarness.Item("GOOD-1"))).Dispose();
        await log.WaitForAsync("debug: Synchronized GOOD-1 with request ");
        await log.WaitForAsync("debug: POST /api/content: HTTP 200 in ");
    }
}
