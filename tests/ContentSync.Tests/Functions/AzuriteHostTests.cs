using Azure.Data.Tables;
using ContentSync.Functions;
using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.Simulator;
using ContentSync.Tests.Ledger;
using ContentSync.Tests.Resync.Lanes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Tests.Functions;

/// <summary>Runs the host on the same table ledger as in Azure, with Azurite.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class AzuriteHostTests(AzuriteStorage azurite)
{
    [SkippableFact]
    public async Task Creates_its_table_at_startup_and_stores_items_in_it()
    {
        await using var host = await TestHost.StartAsync(services: services => services.AddSingleton(azurite.Table()).AddSingleton<ISyncLedger>(
            provider => new TableLedger(provider.GetRequiredService<TableClient>(), provider.StoreClock())));
        foreach (var service in host.Services.GetServices<IHostedService>().OfType<IHostedLifecycleService>())
            await service.StartingAsync(CancellationToken.None);

        host.Gateway.Faults = GatewayFaults.Parse("unknown=1*1");
        Assert.Equal(["complete"], (await host.DeliverAsync(TestHost.Item("TEA-1"))).Settlements);
        var copy = Assert.Single(host.Bus.Sent);
        Assert.Equal(["complete"], (await host.DeliverAsync($"[{TestHost.Item("A")},{TestHost.Item("B")}]", messageId: "pack")).Settlements);
        host.Time.SetUtcNow(copy.ScheduledEnqueueTime);
        Assert.Equal(["complete"], (await host.DeliverAsync(copy)).Settlements);
        Assert.Equal(["A", "B", "TEA-1"], host.Gateway.Snapshot().Keys.Order());

        var known = await host.InvokeHttpAsync("", request =>
        {
            request.RouteValues["contentId"] = "TEA-1";
            return host.Function<ContentFunctions>().GetContent(request, CancellationToken.None);
        });
        Assert.Contains("\"state\":\"synchronized\"", known.Body, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Creates_its_table_before_any_service_starts_and_so_before_the_first_invocation_arrives()
    {
        // The worker's connection is a hosted service that is registered before all others.
        var table = azurite.Table();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        var connection = new FirstInvocation(table);
        builder.Services.AddHostedService(_ => connection);
        builder.Services.AddSingleton(table);
        builder.Services.AddSingleton<ILaneProgressStore>(new MemoryLaneProgressStore());
        var settings = TestHost.Settings();
        settings["Resync:StateContainerUri"] = azurite.Developer().Container.AbsoluteUri;
        builder.Configuration.AddInMemoryCollection(settings);
        await builder.Services.AddFunctionsHostAsync(builder.Configuration, CancellationToken.None);
        using var host = builder.Build();

        await host.StartAsync();
        await host.StopAsync();

        Assert.False(connection.FoundTable is null, "The service was not started.");
        Assert.True(connection.FoundTable);
    }

    [Fact]
    public void The_settings_name_the_tables_and_containers()
    {
        var credential = new Azure.Identity.DefaultAzureCredential();
        var azure = StorageInitializer.Table(new Uri("https://account.table.core.windows.net"), "syncrecords", credential, TimeProvider.System);
        var local = StorageInitializer.Table(new Uri("http://127.0.0.1:10002/devstoreaccount1"), "syncrecords", credential, TimeProvider.System);
        Assert.Equal(("account", "syncrecords"), (azure.AccountName, azure.Name));
        Assert.Equal("devstoreaccount1", local.AccountName);
        Assert.Equal(("account", "resync"), Of(StorageInitializer.Container(new Uri("https://account.blob.core.windows.net/resync"), credential, TimeProvider.System)));
        Assert.Equal(("devstoreaccount1", "resync"), Of(StorageInitializer.Container(new Uri("http://127.0.0.1:10000/devstoreaccount1/resync"), credential, TimeProvider.System)));

        static (string Account, string Name) Of(Azure.Storage.Blobs.BlobContainerClient container) => (container.AccountName, container.Name);
    }

    /// <summary>Queries the table as the first invocation would.</summary>
    private sealed class FirstInvocation(TableClient table) : IHostedService
    {
        public bool? FoundTable { get; private set; }

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            try
            {
                await foreach (var _ in table.QueryAsync<TableEntity>(cancellationToken: cancellationToken)) break;
                FoundTable = true;
            }
            catch (Azure.RequestFailedException e) when (e.Status == 404)
            {
                FoundTable = false;
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
