using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using Azure.Messaging.ServiceBus;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Functions;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Simulator;
using ContentSync.Synchronization;
using ContentSync.Tests.FunctionsSdk;
using ContentSync.Tests.Infra;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Tests.Functions;

/// <summary>
/// Listens to the activity source and meter, which the whole process shares. An async-local list keeps only the measurements of the current test.
/// </summary>
public sealed class TelemetryTests : IAsyncLifetime, IDisposable
{
    private readonly ActivitySource _invocations = new("TelemetryTests");
    private readonly AsyncLocal<List<Activity>?> _spans = new();
    private readonly AsyncLocal<List<(string Name, double Value, string Tags)>?> _points = new();
    private readonly ActivityListener _listener = new() { Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded };
    private readonly MeterListener _meters = new();
    private TestHost _host = null!;

    public async Task InitializeAsync()
    {
        _host = await TestHost.StartAsync(settings: settings => settings["Resync:SendsPerSecond"] = "0");
        _listener.ShouldListenTo = source => source.Name is Telemetry.Name or "TelemetryTests";
        _listener.ActivityStopped = activity =>
        {
            if (_spans.Value is { } spans) lock (spans) spans.Add(activity);
        };
        ActivitySource.AddActivityListener(_listener);
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.Name) listener.EnableMeasurementEvents(instrument);
        };
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _meters.Start();
    }

    public async Task DisposeAsync() => await _host.DisposeAsync();

    public void Dispose()
    {
        _listener.Dispose();
        _meters.Dispose();
        _invocations.Dispose();
    }

    [Fact]
    public async Task A_single_item_is_traced_from_its_trigger_to_AlipayHK_with_the_tracer_id()
    {
        var spans = Record();
        using (var invocation = _invocations.StartActivity("ProcessContentMessage")) await _host.DeliverAsync(TestHost.Item("TEA-1"));

        Assert.Equal(["call AlipayHK", "synchronize content", "ProcessContentMessage"], spans.Spans.Select(span => span.OperationName));
        Assert.Single(spans.Spans.Select(span => span.TraceId).Distinct());
        Assert.Equal(spans.Spans[1].SpanId, spans.Spans[0].ParentSpanId);
        Assert.Equal("TEA-1", spans.Spans[1].GetTagItem("content.id"));
        Assert.NotNull(spans.Spans[1].GetTagItem("alipayhk.tracer_id"));
        Assert.Equal(spans.Spans[1].GetTagItem("alipayhk.tracer_id"), spans.Spans[0].GetTagItem("alipayhk.tracer_id"));
    }

    [Fact]
    public async Task Outcomes_latencies_and_parked_items_are_recorded()
    {
        var recorded = Record();
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        await _host.DeliverAsync(TestHost.RiskyItem("WATCH-1"), messageId: "2");
        Assert.Contains(recorded.Points, point => point is ("contentsync.outcomes", 1, "outcome=Synchronized code=SUCCESS"));
        Assert.Contains(recorded.Points, point => point is ("contentsync.outcomes", 1, "outcome=Rejected code=CONTENT_RISKY"));
        Assert.Contains(recorded.Points, point => point is ("contentsync.parked", 1, "reason=Rejected code=CONTENT_RISKY"));
        Assert.Equal(2, recorded.Points.Count(point => point is { Name: "contentsync.sign.duration", Tags: "result=signed" }));
        Assert.Equal(2, recorded.Points.Count(point => point is { Name: "contentsync.alipayhk.duration", Tags: "status=200" }));
        Assert.DoesNotContain(recorded.Points, point => point.Name == "contentsync.verification.failures");
    }

    [Fact]
    public async Task The_recorded_metrics_and_tags_are_those_that_alert_and_workbook_queries_may_read()
    {
        var instruments = typeof(Telemetry).GetFields().Select(field => field.GetValue(null)).OfType<Instrument>().Select(instrument => instrument.Name);
        Assert.Equal(SettingsContract.Instruments.Keys.Order(StringComparer.Ordinal), instruments.Order(StringComparer.Ordinal));

        var recorded = Record();
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        await _host.DeliverAsync(TestHost.RiskyItem("WATCH-1"), messageId: "2");
        await _host.DeliverAsync("{", messageId: "3");
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        await _host.Function<SweepPending>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.NotEmpty(recorded.Points);
        Assert.All(recorded.Points, point => Assert.Equal(
            SettingsContract.Instruments[point.Name].Keys,
            point.Tags.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(tag => tag.Split('=')[0])));
    }

    [Fact]
    public async Task A_response_that_fails_verification_is_counted_by_its_verification_result()
    {
        var recorded = Record();
        _host.Gateway.Faults = GatewayFaults.Parse("forged=1");
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        Assert.Contains(recorded.Points, point => point is ("contentsync.verification.failures", 1, "verification=Invalid"));
    }

    [Theory]
    [InlineData("error=1:503", 0)]
    [InlineData("unsigned=1", 1)]
    public async Task An_unsigned_response_counts_as_a_verification_failure_only_if_it_claims_success(string fault, int failures)
    {
        var recorded = Record();
        _host.Gateway.Faults = GatewayFaults.Parse(fault);
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        Assert.Equal(failures, recorded.Points.Count(point => point.Name == "contentsync.verification.failures"));
    }

    [Fact]
    public async Task The_sweep_records_the_oldest_pending_age_even_while_the_circuit_breaker_is_open()
    {
        _host.Gateway.Faults = GatewayFaults.Parse("badsignature=1");
        await _host.DeliverAsync(TestHost.Item("TEA-1"));
        await _host.DeliverAsync(TestHost.Item("TEA-2"), messageId: "2");
        _host.Time.Advance(TimeSpan.FromHours(1));

        var recorded = Record();
        await _host.Function<SweepPending>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Contains(recorded.Points, point => point is ("contentsync.oldest_pending.age", 3600, ""));
        Assert.Contains(recorded.Points, point => point is ("contentsync.sending.stopped", 1, "cause=circuitBreaker"));
        Assert.Contains(recorded.Points, point => point is ("contentsync.sending.stopped", 0, "cause=pause"));
    }

    [Fact]
    public async Task A_dead_lettered_message_is_counted_by_its_reason()
    {
        var recorded = Record();
        await _host.DeliverAsync("{");
        await _host.DeliverAsync(TestHost.RiskyItem("WATCH-1"), messageId: "2");
        await _host.DeliverAsync(TestHost.Item("TEA-1"), messageId: "3");
        Assert.Equal(
            [("contentsync.dead_lettered", 1, "reason=InvalidMessage"), ("contentsync.dead_lettered", 1, "reason=Rejected")],
            recorded.Points.Where(point => point.Name == "contentsync.dead_lettered"));
    }

    [Fact]
    public async Task An_unresolved_webhook_secret_is_reported_at_startup()
    {
        await using var host =
            await TestHost.StartAsync(settings: settings =>
            settings["Webhook:Secrets:0"] = "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/a)");
        foreach (var service in host.Services.GetServices<IHostedService>()) await service.StartAsync(CancellationToken.None);
        Assert.Contains(host.Logged, line =>
            line.StartsWith("Error 3301", StringComparison.Ordinal) && line.Contains("Webhook__Secrets__0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_a_catalog_a_scheduled_resync_is_counted_as_NoCatalog()
    {
        var recorded = Record();
        await _host.Function<ScheduleResync>().RunAsync(new TimerInfo(), CancellationToken.None);
        Assert.Contains(recorded.Points, point => point is ("contentsync.resync.runs", 1, "source=catalog result=NoCatalog"));
    }

    [Fact]
    public async Task An_item_sent_in_bulk_costs_at_most_a_hundred_bytes_of_telemetry()
    {
        const int Items = 50;
        var recorded = Record();
        _host.Logged.Clear();
        var body = $"[{string.Join(',', Enumerable.Range(0, Items).Select(i => TestHost.Item($"SKU-{i}")))}]";
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(body: BinaryData.FromString(body), messageId: "run-1/3/12", sessionId: "3", enqueuedTime: _host.Time.GetUtcNow());
        using (_invocations.StartActivity("ProcessResyncPack"))
            await _host.Function<ProcessResyncPack>().RunAsync(message, new RecordingMessageActions(), CancellationToken.None);

        Assert.Equal(Items, _host.Gateway.Stats.Requests);
        Assert.Equal(["synchronize contents in bulk", "ProcessResyncPack"], recorded.Spans.Select(span => span.OperationName));
        Assert.Equal(Items, recorded.Points.Count(point => point.Name == "contentsync.outcomes"));
        var bytes = recorded.Spans.Sum(BytesOf) + _host.Logged.Sum(BytesOf);
        Assert.InRange(bytes / Items, 1, 100);

        // Metrics are exported once a minute per series, however many items they count.
        Assert.InRange(recorded.Points.Select(point => (point.Name, point.Tags)).Distinct().Count(), 1, 10);
    }

    [Fact]
    public async Task An_item_of_a_pack_costs_at_most_a_hundred_bytes_of_telemetry_and_outcomes_are_counted_per_pack()
    {
        const int Items = 50;
        var reader = _host.Services.GetRequiredService<ContentReader>();
        var accepted = await _host.Services.GetRequiredService<ContentSynchronizer>().AcceptAsync(
            [.. Enumerable.Range(0, Items).Select(i => reader.Read(Encoding.UTF8.GetBytes(TestHost.Item($"SKU-{i}"))).Item!)], _host.Time.GetUtcNow(), CancellationToken.None);
        var pack = ResyncMessages.Pack(new ResyncPack(new string('a', 32), 3, 0, [.. accepted.Select(one => new PackItem(one.Record.ContentId, one.Record.RequestId))]), 0, TimeSpan.Zero);
        var message = ServiceBusModelFactory.ServiceBusReceivedMessage(
            body: new BinaryData(pack.Body), messageId: pack.MessageId, sessionId: pack.SessionId, properties: new Dictionary<string, object>(pack.Properties), enqueuedTime: _host.Time.GetUtcNow());

        var recorded = Record();
        _host.Logged.Clear();
        using (_invocations.StartActivity("ProcessResyncPack"))
            await _host.Function<ProcessResyncPack>().RunAsync(message, new RecordingMessageActions(), CancellationToken.None);

        Assert.Equal(Items, _host.Gateway.Stats.Requests);
        Assert.Equal(["synchronize contents in bulk", "ProcessResyncPack"], recorded.Spans.Select(span => span.OperationName));
        Assert.Equal(("contentsync.resync.done", Items, "outcome=Sent"), Assert.Single(recorded.Points, point => point.Name == "contentsync.resync.done"));
        Assert.InRange((recorded.Spans.Sum(BytesOf) + _host.Logged.Sum(BytesOf)) / Items, 1, 100);
        Assert.InRange(recorded.Points.Select(point => (point.Name, point.Tags)).Distinct().Count(), 1, 10);
    }

    // Exported to Application Insights, a span or log line takes about a kilobyte (role, ids, SDK version, time) plus its own text.
    private static int BytesOf(Activity span) => 1024 + span.DisplayName.Length + span.TagObjects.Sum(tag => tag.Key.Length + (tag.Value?.ToString()?.Length ?? 0));

    private static int BytesOf(string line) => 1024 + Encoding.UTF8.GetByteCount(line);

    private (List<Activity> Spans, List<(string Name, double Value, string Tags)> Points) Record() => (_spans.Value = [], _points.Value = []);

    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (_points.Value is not { } points) return;
        var text = string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"));
        lock (points) points.Add((instrument.Name, value, text));
    }
}
