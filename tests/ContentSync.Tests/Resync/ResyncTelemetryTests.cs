using System.Diagnostics.Metrics;
using ContentSync.Catalog;
using ContentSync.Diagnostics;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Resync;

/// <summary>Every run is counted by how it ended. Alerts compare these very texts.</summary>
public sealed class ResyncTelemetryTests : IDisposable
{
    private readonly ResyncWorld _world = new();
    private readonly MeterListener _meters = new();
    private readonly AsyncLocal<List<string>?> _ended = new();

    public ResyncTelemetryTests()
    {
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.Name && instrument.Name == "contentsync.resync.runs") listener.EnableMeasurementEvents(instrument);
        };
        _meters.SetMeasurementEventCallback<long>((_, value, tags, _) =>
            _ended.Value?.Add($"{value} {string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}"));
        _meters.Start();
    }

    public void Dispose()
    {
        _meters.Dispose();
        _world.Dispose();
    }

    [Fact]
    public async Task A_run_that_completes_and_one_that_finds_its_snapshot_handled()
    {
        var ended = _ended.Value = [];
        var catalog = TestSnapshot.Of([("a", "1")]);
        await _world.RunAsync(catalog);
        await _world.RunAsync(catalog);
        Assert.Equal(["1 source=catalog result=Completed", "1 source=catalog result=HandledAlready"], ended);
    }

    [Fact]
    public async Task A_run_that_completes_with_failures()
    {
        var ended = _ended.Value = [];
        _world.AlipayHk.Fault = id => id == "a" ? ("UNKNOWN_EXCEPTION", "F") : null;
        await _world.RunAsync(TestSnapshot.Of([("a", "1"), ("b", "1")]));
        Assert.Equal(["1 source=catalog result=CompletedWithFailures"], ended);
    }

    [Fact]
    public async Task A_rejected_item_is_no_failure_of_the_run()
    {
        var ended = _ended.Value = [];
        _world.AlipayHk.Fault = id => id == "a" ? ("CONTENT_RISKY", "F") : null;
        await _world.RunAsync(TestSnapshot.Of([("a", "1"), ("b", "1")]));
        Assert.Equal(["1 source=catalog result=Completed"], ended);
    }

    [Fact]
    public async Task A_run_that_refuses_its_catalog()
    {
        var ended = _ended.Value = [];
        await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1") + "{\"contentId\":\"b\""));
        Assert.Equal(["1 source=catalog result=Refused"], ended);
    }

    [Fact]
    public async Task A_run_that_the_guard_stops()
    {
        var ended = _ended.Value = [];
        await _world.RunAsync(TestSnapshot.Of([("a", "1"), ("b", "1")]));
        ended.Clear();
        await _world.RunAsync(TestSnapshot.Of([]));
        Assert.Equal(["1 source=catalog result=Stopped"], ended);
    }

    [Fact]
    public async Task A_run_without_a_catalog()
    {
        var ended = _ended.Value = [];
        await _world.RunAsync(new EmptySource());
        Assert.Equal(["1 source=catalog result=NoCatalog"], ended);
    }

    [Fact]
    public async Task A_run_of_the_ledger_is_told_apart()
    {
        var ended = _ended.Value = [];
        await _world.RunAsync(new LedgerSource());
        Assert.Equal(["1 source=ledger result=Completed"], ended);
    }

    private sealed class EmptySource : ICatalogSource
    {
        public string Name => "empty";

        public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) => ValueTask.FromResult<ICatalogSnapshot?>(null);
    }
}
