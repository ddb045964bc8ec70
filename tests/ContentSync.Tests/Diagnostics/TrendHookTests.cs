using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Diagnostics.Trends;
using ContentSync.Synchronization;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Http;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Diagnostics;

/// <summary>Where a process counts, and when it writes.</summary>
public sealed class TrendHookTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 30, TimeSpan.Zero));
    private readonly MemoryTrendStore _store = new();

    [Fact]
    public async Task A_process_writes_its_last_minute_when_it_renews_its_lease_and_the_rest_when_it_gives_the_lease_back()
    {
        using var trends = Trends();
        var shared = new MemorySendStateStore(_time);
        await using var budget = new SendBudget(
            new SendBudgetOptions(200), shared, _time, "one", () => 0, NullLogger<SendBudget>.Instance, null, null, trends);
        budget.Ask();
        Assert.True(await budget.WaitAsync(TimeSpan.FromSeconds(1), default));
        trends.CountOutcome("SUCCESS");
        for (var second = 0; second < 40 && _store.Writes == 0; second++) await NextSecondAsync(() => budget.Ask());
        await _store.WrittenAsync();
        Assert.Equal(200, Minutes().Single(minute => minute.At.Minute == 0).BudgetPerSecond);
        Assert.Equal(1, Minutes().Single(minute => minute.At.Minute == 0).Outcomes["SUCCESS"]);

        // Idle: the lease is given back within the second minute, and that minute is written with it.
        trends.CountOutcome("LATE");
        for (var second = 0; second < 45 && _store.Writes == 1; second++) await NextSecondAsync(() => { });
        await _store.WrittenAsync();
        Assert.Equal(1, _time.GetUtcNow().Minute);
        Assert.Equal(1, Minutes().Single(minute => minute.At.Minute == 1).Outcomes["LATE"]);
        Assert.Empty((await shared.ReadAsync(default)).State.Holders);
    }

    [Fact]
    public async Task The_sweep_records_the_backlog_also_while_nothing_is_sent()
    {
        using var trends = Trends();
        var ledger = new MemoryLedger(_time);
        var sendSwitch = new SendSwitch(_time, new MemorySendStateStore(_time));
        var breaker = new SharedCircuitBreaker(
            new CircuitBreaker(new RecoverabilityOptions(), _time), sendSwitch, new RecoverabilityOptions(), new RequestIdSource(), _time);
        var sweep = new PendingSweep(ledger, new RecordingQueue(), breaker, sendSwitch, _time, trends);
        var submissions = new TestSubmissions();
        await ledger.AcceptAsync([submissions.Of("A", "content", 1), submissions.Of("B", "content", 1)], default);
        _time.Advance(TimeSpan.FromMinutes(2));
        await sweep.RunAsync(TimeSpan.Zero, default);
        await _store.WrittenAsync();
        var minute = Assert.Single(Minutes());
        Assert.Equal(2, minute.Backlog);
        Assert.Equal(TimeSpan.FromMinutes(2), minute.OldestPending);
    }

    [Fact]
    public async Task A_parked_item_that_is_asked_for_again_is_no_attempt()
    {
        using var api = new ApiHarness(trends: _store);
        await api.ParkAsync("A");
        Assert.Equal(SyncOutcomeKind.Rejected, (await api.Synchronizer.SynchronizeAsync("A", default)).Kind);
        await api.Services.GetRequiredService<TrendRecorder>().SaveAsync(all: true, default);
        Assert.Equal(1, Minutes().Sum(minute => minute.Outcomes.GetValueOrDefault("CONTENT_RISKY")));
    }

    [Fact]
    public async Task Counts_signatures_and_requests_with_their_durations()
    {
        using var trends = Trends();
        using var alipayHk = new FakeAlipayHk();
        alipayHk.Always = (_, _) =>
        {
            alipayHk.Time.Advance(TimeSpan.FromMilliseconds(200));
            return Task.FromResult(alipayHk.Signed(FakeAlipayHk.SuccessJson));
        };
        var socket = new RequestTelemetryHandler(alipayHk, alipayHk.Time, trends);
        var signer = new HeldSigner();
        using var client = AlipayHkClient.Create(
            alipayHk.Options, signer, alipayHk.Time, NullLoggerFactory.Instance, socket, trends: trends);
        var call = client.SynchronizeAsync(FakeAlipayHk.Body(), default);
        await signer.Asked.Task;
        alipayHk.Time.Advance(TimeSpan.FromMilliseconds(50));
        signer.Released.SetResult();
        await call;
        await trends.SaveAsync(all: true, default);
        var minute = Assert.Single(Minutes());
        Assert.InRange(minute.AlipayHk.Quantile(1)!.Value, 0.16, 0.26);
        Assert.InRange(minute.Signing.Quantile(1)!.Value, 0.04, 0.065);
        Assert.Equal(1, minute.AlipayHk.Total);
        Assert.Equal(1, minute.Signing.Total);
    }

    [Fact]
    public async Task The_api_returns_the_figures_of_the_last_hour_and_day()
    {
        using var api = new ApiHarness(trends: _store);
        await api.PostAsync("/api/content", ApiHarness.Item("A"));
        await api.ParkAsync("B");
        await api.Services.GetRequiredService<TrendRecorder>().SaveAsync(all: true, default);
        api.Time.Advance(TimeSpan.FromMinutes(1) + TrendReader.Lag);
        var hour = (await api.GetAsync("/api/trends")).Json;
        Assert.Equal(60, hour.GetProperty("stepSeconds").GetInt32());
        var steps = hour.GetProperty("steps");
        Assert.Equal(60, steps.GetArrayLength());
        Assert.Equal(1, Outcomes(steps).Single(outcome => outcome.Name == "SUCCESS").Value.GetInt32());
        Assert.Equal(1, Outcomes(steps).Single(outcome => outcome.Name == "CONTENT_RISKY").Value.GetInt32());
        var day = (await api.GetAsync("/api/trends?window=day")).Json.GetProperty("steps");
        Assert.Equal(96, day.GetArrayLength());
        Assert.Equal(2, Outcomes(day).Count());
    }

    [Theory]
    [InlineData("/api/trends?window=week", "window is 'week'; it must be one of hour, day.")]
    [InlineData("/api/trends?from=now", "Unknown parameter 'from'")]
    public async Task The_api_says_what_is_wrong_with_a_query(string target, string detail)
    {
        using var api = new ApiHarness();
        var response = await api.GetAsync(target);
        Assert.Equal(400, response.Status);
        Assert.Contains(detail, response.Json.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_api_returns_503_while_the_store_is_away()
    {
        using var api = new ApiHarness(trends: _store);
        _store.IsDown = true;
        Assert.Equal(503, (await api.GetAsync("/api/trends")).Status);
    }

    private static IEnumerable<JsonProperty> Outcomes(JsonElement steps) =>
        steps.EnumerateArray().SelectMany(step => step.GetProperty("outcomes").EnumerateObject());

    private TrendRecorder Trends() => new(_store, _time, "one", NullLogger<TrendRecorder>.Instance);

    private List<TrendMinute> Minutes() => [.. _store.Rows.SelectMany(row => TrendText.Read(row.Minutes))];

    private async Task NextSecondAsync(Action act)
    {
        act();
        _time.Advance(TimeSpan.FromSeconds(1));

        // The budget renews, and the trends are written, on other threads.
        await Task.Delay(20);
    }

    /// <summary>A signer in another process: a signature takes until the test releases it.</summary>
    private sealed class HeldSigner : ContentSync.Signing.IRequestSigner
    {
        private readonly FixedKeySigner _signer = new(FakeAlipayHk.OurKey);

        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Released { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async ValueTask<ContentSync.Signing.RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            Asked.SetResult();
            await Released.Task.WaitAsync(cancellationToken);
            return await _signer.SignAsync(sha256, cancellationToken);
        }
    }
}
