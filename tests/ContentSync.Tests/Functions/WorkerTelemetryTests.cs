using System.Text;
using System.Text.Json;
using ContentSync.Tests.Ledger;
using Xunit.Abstractions;
using Success = ContentSync.WorkerHost.Protocol.StatusResult.Types.Status;

namespace ContentSync.Tests.Functions;

/// <summary>Measures what a real worker's exporter sends over the wire.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class WorkerTelemetryTests(AzuriteStorage azurite, ITestOutputHelper output)
{
    private const int ItemsPerPack = 50;
    private const int Packs = 12;

    [SkippableFact]
    public async Task An_item_sent_in_bulk_costs_at_most_a_hundred_bytes_including_process_metrics()
    {
        await using var ingestion = await IngestionEndpoint.StartAsync();
        await using var setup = await WorkerSetup.StartAsync(azurite);
        setup.Settings["Resync__SendsPerSecond"] = "0";
        ingestion.Configure(setup.Settings);
        await using var host = await setup.LoadAsync();
        for (var pack = 0; pack < Packs; pack++)
        {
            var items = Enumerable.Range(0, ItemsPerPack).Select(i => TestHost.Item($"SKU-{pack}-{i}"));
            var message = WorkerSetup.Message($"[{string.Join(',', items)}]");
            message.SessionId = "3";
            var invoked = await host.DeliverAsync("ProcessResyncPack", message, Guid.NewGuid(), CancellationToken.None);
            Assert.Equal(Success.Success, invoked.Result.Status);
        }

        await host.TerminateAsync(CancellationToken.None);
        Assert.Equal(0, await host.Worker.EndAsync(CancellationToken.None));
        Assert.Equal(Packs * ItemsPerPack, setup.Gateway.Snapshot().Count);

        var kinds = ingestion.Items.GroupBy(Kind).ToDictionary(kind => kind.Key, kind => (Items: kind.Count(), Bytes: kind.Sum(Encoding.UTF8.GetByteCount)));
        foreach (var (kind, sum) in kinds)
            output.WriteLine($"{kind}: {sum.Items} items, {sum.Bytes} bytes, {(double)sum.Bytes / (Packs * ItemsPerPack):0.0} bytes per item in bulk");
        Assert.Contains("MetricData", kinds.Keys);
        Assert.DoesNotContain("MessageData", kinds.Keys);
        Assert.InRange(kinds.Values.Sum(kind => kind.Bytes) / (Packs * ItemsPerPack), 1, 100);
    }

    private static string Kind(string item)
    {
        using var json = JsonDocument.Parse(item);
        return json.RootElement.GetProperty("data").GetProperty("baseType").GetString()!;
    }
}
