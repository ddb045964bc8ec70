using System.Net;
using System.Text;
using Azure.Messaging.ServiceBus;
using ContentSync.Http;
using ContentSync.Simulator;
using ContentSync.Tests.Ledger;
using ContentSync.WorkerHost;
using ContentSync.WorkerHost.Protocol;

namespace ContentSync.Tests.Functions;

/// <summary>Runs the built app in its own process, started and driven as by the Functions host.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class WorkerTests(AzuriteStorage azurite)
{
    [SkippableFact]
    public async Task Starts_with_the_sample_settings_loads_every_function_and_serves_HTTP_requests()
    {
        await using var setup = await WorkerSetup.StartAsync(azurite);
        await using var host = await setup.LoadAsync();
        Assert.Equal(
            ApiRoutes.All.Select(route => route.Name).Concat(["MaintainLedger", "ProcessContentMessage", "ProcessResyncPack", "ScheduleResync", "SweepPending"])
                .Order(StringComparer.Ordinal),
            host.Functions.Keys.Order(StringComparer.Ordinal));

        using var health = await host.SendAsync("CheckHealth", new HttpRequestMessage(HttpMethod.Get, "/api/health"), CancellationToken.None);
        Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        using var item = new HttpRequestMessage(HttpMethod.Post, "/api/content");
        item.Content = new StringContent(TestHost.Item("TEA-1"), Encoding.UTF8, "application/json");
        using var submitted = await host.SendAsync("SubmitContent", item, CancellationToken.None);
        Assert.Contains("synchronized", await submitted.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(["TEA-1"], setup.Gateway.Snapshot().Keys);

        await host.TerminateAsync(CancellationToken.None);
        Assert.Equal(0, await host.Worker.EndAsync(CancellationToken.None));
    }

    [SkippableFact]
    public async Task Settles_queue_messages_through_the_host()
    {
        await using var setup = await WorkerSetup.StartAsync(azurite);
        await using var host = await setup.LoadAsync();
        var (valid, invalid) = (Guid.NewGuid(), Guid.NewGuid());
        Assert.Equal(Success, await DeliverAsync(host, WorkerSetup.Message(TestHost.Item("TEA-1")), valid));
        Assert.Equal(Success, await DeliverAsync(host, WorkerSetup.Message("{}"), invalid));

        Assert.Equal(
            [new SettledMessage("complete", $"{valid}", null), new SettledMessage("deadLetter", $"{invalid}", "InvalidMessage")],
            host.Settled);
        Assert.Equal(["TEA-1"], setup.Gateway.Snapshot().Keys);
    }

    [Fact]
    public async Task Invalid_settings_end_the_worker_with_exit_code_1_and_one_message_that_the_host_logs_as_an_error()
    {
        var settings = WorkerSetup.Sample();
        settings["SweepSchedule"] = "every five minutes";
        settings["Recoverability__MaxAttemps"] = "3";
        await using var host = await FunctionsTestHost.StartAsync(FunctionsApp.Folder, settings);

        Assert.Equal(1, await host.Worker.EndAsync(CancellationToken.None));
        var lines = host.Worker.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("error: The app cannot start: 3 of its settings are missing or wrong.", lines[0], StringComparison.Ordinal);
        Assert.All(
            ["SweepSchedule", "Recoverability__MaxAttemps", "AlipayHk__PublicKeys"],
            name => Assert.Single(lines, line => line.Contains("- " + name, StringComparison.Ordinal)));
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("error: ", line, StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task A_run_that_the_resync_timer_requests_is_recorded_even_if_the_broker_is_unavailable()
    {
        await using var setup = await WorkerSetup.StartAsync(azurite);
        setup.Settings["ServiceBus"] = setup.Settings["ServiceBus"].Replace("localhost", "127.0.0.1:1", StringComparison.Ordinal);
        await using var host = await setup.LoadAsync();

        var fired = await host.FireAsync("ScheduleResync", CancellationToken.None);

        // The invocation fails so that the function's retry policy runs it again. The run is recorded already.
        Assert.Equal(StatusResult.Types.Status.Failure, fired.Result.Status);
        Assert.Contains("Service Bus did not accept the messages", fired.Result.Exception.Message, StringComparison.Ordinal);
        using var runs = await host.SendAsync("ListResyncs", new HttpRequestMessage(HttpMethod.Get, "/api/resyncs"), CancellationToken.None);
        var listed = await runs.Content.ReadAsStringAsync();
        Assert.Contains("\"state\":\"planning\"", listed, StringComparison.Ordinal);
        Assert.Contains("\"dryRun\":false", listed, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_shutdown_during_processing_fails_no_invocation_and_the_next_instance_completes_it(bool bySignal)
    {
        await using var setup = await WorkerSetup.StartAsync(azurite);
        setup.Gateway.Faults = GatewayFaults.Parse("latency=5s");
        var message = WorkerSetup.Message(TestHost.Item("TEA-1"));
        await using (var host = await setup.LoadAsync())
        {
            var delivery = host.DeliverAsync("ProcessContentMessage", message, Guid.NewGuid(), CancellationToken.None);
            while (setup.Gateway.Stats.Requests == 0 && !delivery.IsCompleted) await Task.Delay(20);
            if (bySignal) await host.Worker.TerminateAsync(CancellationToken.None);
            else await host.CancelInvocationsAsync(CancellationToken.None);

            Assert.Equal(Success, (await delivery).Result.Status);
            Assert.Equal(["abandon"], host.Settled.Select(settled => settled.How));
            if (bySignal) Assert.Equal(0, await host.Worker.EndAsync(CancellationToken.None));
        }

        setup.Gateway.Faults = GatewayFaults.None;
        await using var next = await setup.LoadAsync();
        Assert.Equal(Success, await DeliverAsync(next, message, Guid.NewGuid()));
        Assert.Equal(["TEA-1"], setup.Gateway.Snapshot().Keys);
    }

    private const StatusResult.Types.Status Success = StatusResult.Types.Status.Success;

    private static async Task<StatusResult.Types.Status> DeliverAsync(FunctionsTestHost host, ServiceBusMessage message, Guid lockToken) =>
        (await host.DeliverAsync("ProcessContentMessage", message, lockToken, CancellationToken.None)).Result.Status;
}
