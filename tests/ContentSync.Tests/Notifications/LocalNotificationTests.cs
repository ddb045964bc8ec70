using System.Text;
using System.Text.Json;
using ContentSync.Http.Webhooks;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;
using ContentSync.Tests.Http;
using ContentSync.Tests.Sqlite;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Notifications;

/// <summary>From a parked item of the local host to a receiver on loopback.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class LocalNotificationTests
{
    [Fact]
    public async Task A_host_that_stops_reports_the_item_that_AlipayHK_rejected()
    {
        var verifier = new WebhookVerifier(new WebhookOptions { Secrets = { Receiver.Secret } }, TimeProvider.System);
        var received = new TaskCompletionSource<(WebhookVerification Verification, JsonElement Event)>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var receiver = builder.Build();
        receiver.MapPost("/hook", async (HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            var headers = request.Headers;
            var verification = verifier.Verify(headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body.ToArray());
            received.TrySetResult((verification, JsonDocument.Parse(body.ToArray()).RootElement));
            return Results.NoContent();
        });
        await receiver.StartAsync();

        using var folder = new TemporaryFolder();
        var options = new LocalOptions
        {
            Data = folder.File("data"),
            Faults = GatewayFaults.Parse("risky=1"),
            Notifications = Receiver.Options(new Uri(receiver.Urls.Single() + "/hook")),
        };
        await using (var pipeline = await LocalPipeline.OpenAsync(options, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None))
        {
            var item = pipeline.Reader.Read(Encoding.UTF8.GetBytes(ApiHarness.Item("RISKY-1"))).Item!;
            await pipeline.Synchronizer.AcceptAsync([item], TimeProvider.System.GetUtcNow(), CancellationToken.None);
            await pipeline.Synchronizer.SynchronizeAsync("RISKY-1", CancellationToken.None);
        }

        var (valid, cloudEvent) = await received.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal((WebhookVerification.Valid, "contentsync.items.parked"), (valid, cloudEvent.GetProperty("type").GetString()));
        Assert.Contains("RISKY-1", cloudEvent.GetProperty("data").GetRawText(), StringComparison.Ordinal);
    }
}
