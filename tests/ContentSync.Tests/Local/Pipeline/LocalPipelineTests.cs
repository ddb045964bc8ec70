using System.Globalization;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Simulator;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.Pipeline;

/// <summary>The whole pipeline of the local host against a simulated AlipayHK with faults.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class LocalPipelineTests : IDisposable
{
    private const int Items = 60;

    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static readonly string[] SurvivableFaults =
    [
        "latency=5ms+5ms", "throttle=0.2:1s*3", "error=0.2:503", "unknown=0.2", "unsigned=0.2", "forged=0.2", "keyversion=0.2", "truncated=0.2",
        "reset=0.2", "lost=0.2", "unknown=0.1,lost=0.1,reset=0.1,truncated=0.1,forged=0.05,error=0.1:500",
    ];

    // At the same time, each with its own folder: a pipeline spends nearly all of it on waiting for the next attempt.
    [Fact]
    public async Task Synchronizes_every_item_despite_each_kind_of_fault()
    {
        var failures = await Task.WhenAll(SurvivableFaults.Select(
            async faults => (Faults: faults, Failure: await Record.ExceptionAsync(() => SynchronizesEveryItemAsync(faults)))));
        Assert.Empty(failures.Where(one => one.Failure is not null).Select(one => $"{one.Faults}: {one.Failure}"));
    }

    private async Task SynchronizesEveryItemAsync(string faults)
    {
        await using var pipeline = await OpenAsync(faults, Path.Combine(_folder, faults.Split('=')[0] + faults.Length));
        var counts = await SyncAsync(pipeline, Catalog());
        Assert.Equal(new SyncCounts(Items, 0, Items, 0, 0, 0, 0, 0), counts);
        var stored = pipeline.Gateway!.Snapshot();
        for (var i = 0; i < Items; i++) Assert.Equal(Info(i), stored[Id(i)].ContentInfo);
        Assert.Equal(0, pipeline.Gateway.Stats.OverlappingRequests);
        Assert.Equal(0, pipeline.Gateway.Stats.ReusedRequestIds);
        if (!faults.StartsWith("latency", StringComparison.Ordinal)) Assert.NotEmpty(pipeline.Gateway.Stats.Faults);
    }

    [Fact]
    public async Task Parks_risky_items_and_synchronizes_the_others()
    {
        await using var pipeline = await OpenAsync("risky=1/10");
        var counts = await SyncAsync(pipeline, Catalog());
        Assert.Equal(new SyncCounts(Items, 0, Items - 6, 0, 0, 6, 0, 0), counts);
        var parked = new List<SyncRecord>();
        var filter = new SyncRecordFilter { State = SyncState.Parked };
        await foreach (var record in pipeline.Ledger.ListAsync(filter, CancellationToken.None)) parked.Add(record);
        Assert.All(parked, record => Assert.Equal((ParkReason.Rejected, "CONTENT_RISKY"), (record.ParkReason, record.LastAttempt!.Code)));
        Assert.Equal(6, parked.Count);
    }

    [Fact]
    public async Task Does_not_accept_an_unsigned_success()
    {
        await using var pipeline = await OpenAsync("unsigned=1");
        var acceptance = await pipeline.Synchronizer.AcceptAsync([Item(pipeline, 0)], DateTimeOffset.UtcNow, CancellationToken.None);
        var outcome = await pipeline.Synchronizer.SynchronizeAsync(acceptance[0].Record.ContentId, CancellationToken.None);
        Assert.Equal((SyncOutcomeKind.Pending, "UnsignedSuccess"), (outcome.Kind, outcome.Code));
    }

    [Fact]
    public async Task Cancels_a_hanging_request_without_losing_the_item()
    {
        await using var pipeline = await OpenAsync("hang=1");
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await pipeline.Synchronizer.AcceptAsync([Item(pipeline, 0)], DateTimeOffset.UtcNow, CancellationToken.None);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await pipeline.Synchronizer.SynchronizeAsync(Id(0), timeout.Token));
        pipeline.Gateway!.Faults = GatewayFaults.None;
        await Task.Delay(SimulatedGateway.MaxLateEffect);
        var outcome = await pipeline.Synchronizer.SynchronizeAsync(Id(0), CancellationToken.None);

        // The timer may fire slightly early.
        for (var i = 0; outcome.Kind == SyncOutcomeKind.Pending && i < 50; i++)
        {
            await Task.Delay(100);
            outcome = await pipeline.Synchronizer.SynchronizeAsync(Id(0), CancellationToken.None);
        }

        Assert.Equal(SyncOutcomeKind.Synchronized, outcome.Kind);
    }

    [Fact]
    public async Task Resumes_automatically_when_a_configuration_fault_is_fixed()
    {
        await using var pipeline = await OpenAsync("badsignature=1");
        Assert.Equal(Items, (await SyncAsync(pipeline, Catalog())).Pending);
        Assert.Equal(TripCause.ConfigurationFault, pipeline.Synchronizer.OpenCircuit!.Cause);
        pipeline.Gateway!.Faults = GatewayFaults.None;
        for (var wait = 0; wait < 600 && pipeline.Gateway.Snapshot().Count < Items; wait++) await Task.Delay(100);
        Assert.Equal(Items, pipeline.Gateway.Snapshot().Count);
    }

    [Fact]
    public async Task An_item_that_a_firewall_always_blocks_spends_attempts_and_holds_up_none_of_200_others()
    {
        await using var pipeline = await OpenAsync("");
        var poison = """{"contentId":"POISON","contentType":"SKU","contentStatus":1,"contentInfo":{"simulate":"blocked"}}""";
        var reader = new CatalogReader(pipeline.Reader, pipeline.ContentOptions);
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 200).Select(Line).Prepend(poison))));
        var sync = new CatalogSync(pipeline.Synchronizer, pipeline.Queue, new SyncTally(), TimeProvider.System);
        await sync.ReadAsync(reader.ReadAsync(stream, CancellationToken.None), TimeProvider.System.GetUtcNow(), CancellationToken.None);
        for (var wait = 0; wait < 600 && pipeline.Gateway!.Snapshot().Count < 200; wait++) await Task.Delay(100);
        Assert.Equal(200, pipeline.Gateway!.Snapshot().Count);

        // The first refusal spends nothing and is repeated after a probe interval; those after the others' successes spend attempts.
        var record = await pipeline.Ledger.FindAsync("POISON", CancellationToken.None);
        for (var wait = 0; wait < 900 && record is not { Attempts: >= 1, Lease: null }; wait++)
        {
            await Task.Delay(100);
            record = await pipeline.Ledger.FindAsync("POISON", CancellationToken.None);
        }

        Assert.True(record is { Attempts: >= 1, Lease: null });
    }

    [Fact]
    public async Task Continues_from_the_ledger_after_a_restart()
    {
        await using (var before = await OpenAsync("badsignature=1")) Assert.Equal(Items, (await SyncAsync(before, Catalog())).Pending);
        await using var after = await OpenAsync("");
        for (var wait = 0; wait < 600 && after.Gateway!.Snapshot().Count < Items; wait++) await Task.Delay(100);
        Assert.Equal(Items, after.Gateway!.Snapshot().Count);
    }

    [Fact]
    public async Task Ends_with_the_newest_of_several_lines_for_one_item()
    {
        await using var pipeline = await OpenAsync("latency=20ms");
        var lines = string.Join('\n', Enumerable.Range(0, 20).Select(i =>
            $$"""{"contentId":"A","contentType":"SKU","contentStatus":1,"contentInfo":{"n":{{i}}},"revision":{{(i * 7) % 20}}}"""));
        var counts = await SyncAsync(pipeline, lines);
        Assert.Equal(20, counts.Read);
        Assert.Equal((19, 1), (counts.Superseded, counts.Synchronized));
        var newest = Enumerable.Range(0, 20).Single(i => (i * 7) % 20 == 19);
        Assert.Equal($$"""{"n":{{newest}}}""", pipeline.Gateway!.Snapshot()["A"].ContentInfo);
        Assert.Equal(0, pipeline.Gateway.Stats.OverlappingRequests);
    }

    private static string Id(int i) => $"A-{i}";

    private static string Info(int i) => string.Create(CultureInfo.InvariantCulture, $$"""{"name":"商品 {{i}}"}""");

    private static string Line(int i) => $$"""{"contentId":"{{Id(i)}}","contentType":"SKU","contentStatus":1,"contentInfo":{{Info(i)}}}""";

    private static string Catalog() => string.Join('\n', Enumerable.Range(0, Items).Select(Line));

    private static ContentItem Item(LocalPipeline pipeline, int i) => pipeline.Reader.Read(Encoding.UTF8.GetBytes(Line(i))).Item!;

    private static async Task<SyncCounts> SyncAsync(LocalPipeline pipeline, string catalog)
    {
        var tally = new SyncTally();
        pipeline.Queue.Ended += tally.Add;
        var sync = new CatalogSync(pipeline.Synchronizer, pipeline.Queue, tally, TimeProvider.System);
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(catalog));
        var reader = new CatalogReader(pipeline.Reader, pipeline.ContentOptions);
        await sync.ReadAsync(reader.ReadAsync(stream, CancellationToken.None), TimeProvider.System.GetUtcNow(), CancellationToken.None);
        await sync.FinishAsync(TimeSpan.FromSeconds(60), CancellationToken.None);
        return tally.Counts;
    }

    private Task<LocalPipeline> OpenAsync(string faults, string? folder = null) =>
        LocalPipeline.OpenAsync(
            new LocalOptions { Data = folder ?? _folder, Faults = faults.Length == 0 ? GatewayFaults.None : GatewayFaults.Parse(faults) },
            TimeProvider.System,
            NullLoggerFactory.Instance,
            CancellationToken.None);
}
