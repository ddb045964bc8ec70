using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Http.Webhooks;
using ContentSync.Notifications;
using ContentSync.Resync;
using ContentSync.Synchronization;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Http;
using ContentSync.Tests.Resync;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Notifications;

/// <summary>What is reported, by one and by several processes that share a store.</summary>
public sealed class NotificationLoopTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly MemorySendStateStore _store;
    private readonly MemoryResyncStore _runs = new();
    private readonly Receiver _receiver;
    private readonly List<Process> _processes = [];

    public NotificationLoopTests() => (_store, _receiver) = (new MemorySendStateStore(_time), new Receiver(_time));

    public void Dispose() => _processes.ForEach(process => process.Dispose());

    [Fact]
    public async Task A_pause_and_its_end_are_each_reported_once_by_several_processes()
    {
        var (one, two) = (await StartAsync(), await StartAsync());
        await one.Switch.PauseAsync("SKU", "wrong prices", "Mei", CancellationToken.None);
        await LookAsync(one, two, two, one);
        var paused = Assert.Single(_receiver.All);
        Assert.Equal(("contentsync.sending.paused", WebhookVerification.Valid), (paused.Type, paused.Verification));
        Assert.Equal(("SKU", "Mei", "wrong prices"), (Text(paused, "contentType"), Text(paused, "by"), Text(paused, "reason")));

        await two.Switch.ResumeAsync("SKU", CancellationToken.None);
        await LookAsync(two, one);
        await LookAsync(one, two);
        Assert.Equal(["contentsync.sending.paused", "contentsync.sending.resumed"], _receiver.Types);
    }

    [Fact]
    public async Task A_pause_that_is_over_before_it_is_found_is_reported_from_its_beginning_to_its_end()
    {
        var one = await StartAsync();
        await LookAsync(one);
        await one.Switch.PauseAsync(null, "wrong prices", "Mei", CancellationToken.None);
        _time.Advance(TimeSpan.FromSeconds(1));
        await one.Switch.ResumeAsync(null, CancellationToken.None);

        await LookAsync(one);

        Assert.Equal("contentsync.sending.resumed", Assert.Single(_receiver.Types));
        Assert.Matches("Mei paused all sending at .*Z: wrong prices. The pause ended at .*Z.", Text(Assert.Single(_receiver.All), "summary"));
    }

    [Fact]
    public async Task What_happened_before_the_first_start_is_not_reported_and_a_later_process_repeats_nothing()
    {
        await new SendSwitch(_time, _store).PauseAsync(null, "before", "Mei", CancellationToken.None);
        var one = await StartAsync();
        await LookAsync(one);
        Assert.Empty(_receiver.All);
        await one.Switch.PauseAsync("MOVIE", "after", "Mei", CancellationToken.None);
        await LookAsync(one);
        await LookAsync(await StartAsync(), one);
        Assert.Equal("after", Text(Assert.Single(_receiver.All), "reason"));
    }

    [Fact]
    public async Task A_process_that_dies_before_it_delivered_is_replaced_and_the_id_stays()
    {
        var (one, two) = (await StartAsync(), await StartAsync());
        await one.Switch.PauseAsync(null, "stop", "Mei", CancellationToken.None);
        _receiver.IsDown = true;
        await LookAsync(one);
        _receiver.IsDown = false;
        await LookAsync(two);
        Assert.Empty(_receiver.All);

        // From here on the first process does not run any more.
        _time.Advance(NotificationClaims.Duration + TimeSpan.FromSeconds(1));
        await LookAsync(two);
        await LookAsync(two);
        Assert.StartsWith("sending-paused-all-", Assert.Single(_receiver.All).Id, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_process_that_still_retries_keeps_its_claim()
    {
        var (one, two) = (await StartAsync(), await StartAsync());
        await one.Switch.PauseAsync(null, "stop", "Mei", CancellationToken.None);
        _receiver.IsDown = true;
        for (var minute = 0; minute < 15; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await LookAsync(one, two);
        }

        Assert.Equal((1, 0), (one.Outbox.Receivers[0].Waiting, two.Outbox.Receivers[0].Waiting));
    }

    [Fact]
    public async Task A_configuration_fault_is_reported_at_once_and_an_outage_after_five_minutes_and_each_end_once()
    {
        var one = await StartAsync();
        await OpenCircuitAsync(nameof(TripCause.ConfigurationFault), "INVALID_SIGNATURE");
        await LookAsync(one);
        var stopped = Assert.Single(_receiver.All);
        Assert.Equal(("contentsync.sending.stopped", "INVALID_SIGNATURE"), (stopped.Type, Text(stopped, "code")));
        await OpenCircuitAsync(null, "");
        await LookAsync(one);
        await LookAsync(one);
        Assert.Equal("contentsync.sending.resumed", _receiver.Types.Last());
        Assert.Equal(2, _receiver.All.Count);

        await OpenCircuitAsync(nameof(TripCause.Breaker), "CLIENT_TIMEOUT");
        _time.Advance(TimeSpan.FromMinutes(4));
        await LookAsync(one);
        await OpenCircuitAsync(null, "");
        await LookAsync(one);
        Assert.Equal(2, _receiver.All.Count);
        await OpenCircuitAsync(nameof(TripCause.Breaker), "CLIENT_TIMEOUT");
        _time.Advance(NotificationFacts.OutageGrace);
        await LookAsync(one);
        Assert.Equal("Breaker", Text(_receiver.All.Last(), "cause"));
    }

    [Fact]
    public async Task A_resync_is_reported_when_it_finished_or_was_refused_but_not_if_it_found_nothing_to_do()
    {
        var one = await StartAsync();
        await WriteAsync(
            Run("1", ResyncRunState.Completed, new RunCounts { Planned = 3, Sent = 2, Parked = 1 }),
            Run("2", ResyncRunState.Stopped) with { Message = "It would delist 90 of 100 items." },
            Run("3", ResyncRunState.Refused),
            Run("4", ResyncRunState.HandledAlready),
            Run("5", ResyncRunState.Completed, new RunCounts()),
            Run("6", ResyncRunState.Sending),
            Run("7", ResyncRunState.Refused) with { Parameters = new ResyncParameters { DryRun = true } });
        _time.Advance(NotificationLoop.LongInterval);
        await LookAsync(one);
        Assert.Equal(
            ["resync-finished-1", "resync-refused-2", "resync-refused-3"], _receiver.All.Select(received => received.Id).Order(StringComparer.Ordinal));
        var refused = _receiver.All.Single(received => received.Id == "resync-refused-2");
        Assert.Contains("delist 90 of 100", Text(refused, "summary"), StringComparison.Ordinal);
        var finished = _receiver.All.Single(received => received.Type == "contentsync.resync.finished").Data.GetProperty("run");
        Assert.Equal((2, 1), (finished.GetProperty("sent").GetInt32(), finished.GetProperty("parked").GetInt32()));
    }

    [Fact]
    public async Task A_catalog_without_a_successful_resync_is_overdue_once_until_the_next_success()
    {
        var one = await StartAsync();
        await WriteAsync(Run("2", ResyncRunState.Refused), Run("1", ResyncRunState.Completed, new RunCounts { Planned = 1, Sent = 1 }));
        for (var hour = 0; hour < 60; hour++)
        {
            _time.Advance(TimeSpan.FromHours(1));
            await LookAsync(one);
        }

        Assert.Single(_receiver.Types, type => type == "contentsync.resync.overdue");
        await WriteAsync(Run("3", ResyncRunState.HandledAlready));
        _time.Advance(TimeSpan.FromHours(26));
        await LookAsync(one);
        Assert.Equal(2, _receiver.Types.Count(type => type == "contentsync.resync.overdue"));
    }

    [Fact]
    public async Task Items_are_reported_once_a_minute_with_counts_by_code_and_the_first_ids()
    {
        var one = await StartAsync();
        using var api = new ApiHarness();
        await api.ParkAsync("A-1");
        var parked = (await api.Ledger.FindAsync("A-1", CancellationToken.None))!;
        for (var i = 0; i < 25; i++) one.Items.Parked(parked with { ContentId = $"A-{i}" });
        one.Items.Parked(parked with { ContentId = "B", LastAttempt = parked.LastAttempt! with { Code = "PARAM_ILLEGAL" } });
        one.Items.InactiveTemplate(parked with { ContentId = "M-1", TemplateStatus = "frozen" });
        await LookAsync(one);
        Assert.Empty(_receiver.All);

        _time.Advance(NotificationLoop.LongInterval);
        await LookAsync(one);
        var items = _receiver.All.First().Data.GetProperty("items");
        Assert.Equal((25, 10), (items[0].GetProperty("count").GetInt32(), items[0].GetProperty("contentIds").GetArrayLength()));
        Assert.Equal("PARAM_ILLEGAL", items[1].GetProperty("code").GetString());
        Assert.StartsWith("26 items were parked: 25 with CONTENT_RISKY", Text(_receiver.All.First(), "summary"), StringComparison.Ordinal);
        Assert.Equal("frozen", _receiver.All.Last().Data.GetProperty("items")[0].GetProperty("reason").GetString());
        _time.Advance(NotificationLoop.LongInterval);
        await LookAsync(one);
        Assert.Equal(2, _receiver.All.Count);
    }

    [Fact]
    public async Task Nothing_fails_while_the_store_is_away_and_the_event_follows_later()
    {
        var one = await StartAsync();
        await one.Switch.PauseAsync(null, "stop", "Mei", CancellationToken.None);
        _store.IsDown = true;
        await LookAsync(one);
        Assert.Empty(_receiver.All);
        _store.IsDown = false;
        await LookAsync(one);
        Assert.Single(_receiver.All);
    }

    [Fact]
    public async Task A_stopping_process_reports_the_items_that_it_collected()
    {
        var one = await StartAsync();
        using var api = new ApiHarness();
        await api.ParkAsync("A-1");
        using var stopping = new CancellationTokenSource();
        var running = one.Loop.RunAsync(stopping.Token);
        one.Items.Parked((await api.Ledger.FindAsync("A-1", CancellationToken.None))!);
        await stopping.CancelAsync();
        await running;
        Assert.Equal("contentsync.items.parked", Assert.Single(_receiver.Types));
    }

    [Fact]
    public async Task The_causes_that_are_kept_apart_are_bounded()
    {
        var items = new ItemAlerts();
        using var api = new ApiHarness();
        await api.ParkAsync("A-1");
        var parked = (await api.Ledger.FindAsync("A-1", CancellationToken.None))!;
        for (var i = 0; i < 200; i++) items.Parked(parked with { LastAttempt = parked.LastAttempt! with { Code = $"CODE_{i}" } });
        var alerts = items.Take();
        Assert.Equal(
            (ItemAlerts.MaxCauses + 1, 200, 200 - ItemAlerts.MaxCauses),
            (alerts.Count, alerts.Sum(alert => alert.Count), alerts.Single(alert => alert.Code == ItemAlerts.OtherCode).Count));
        Assert.Empty(items.Take());
    }

    [Fact]
    public async Task The_API_shows_the_receivers()
    {
        using var api = new ApiHarness();
        Assert.Empty((await api.GetAsync("/api/notifications")).Json.GetProperty("receivers").EnumerateArray());
    }

    private static string? Text(Received received, string member) => received.Data.GetProperty(member).GetString();

    private static async Task LookAsync(params Process[] processes)
    {
        foreach (var process in processes) await process.Loop.TickAsync(CancellationToken.None);
    }

    // Another process trips or resets the circuit breaker. The clock moves on, so that each stop has its own time, and what is known is outdated.
    private async Task OpenCircuitAsync(string? cause, string code)
    {
        _time.Advance(TimeSpan.FromSeconds(11));
        var now = _time.GetUtcNow();
        var circuit = cause is null ? null : new SharedCircuit(cause, code, "why", now, now.AddSeconds(30));
        await new SendSwitch(_time, _store).ChangeAsync((read, _) => read.State with { Circuit = circuit }, CancellationToken.None);
    }

    private ResyncRun Run(string id, ResyncRunState state, RunCounts? counts = null) => new()
    {
        RunId = id,
        Source = "the catalog",
        Parameters = new ResyncParameters(),
        State = state,
        Message = "Done.",
        RequestedAt = _time.GetUtcNow(),
        UpdatedAt = _time.GetUtcNow(),
        EndedAt = _time.GetUtcNow(),
        Counts = counts ?? new RunCounts(),
    };

    private async Task WriteAsync(params ResyncRun[] runs)
    {
        var history = await _runs.FindAsync("the catalog", CancellationToken.None) ?? new ResyncHistory { Source = "the catalog" };
        Assert.NotNull(await _runs.WriteAsync(history with { Runs = [.. runs, .. history.Runs] }, CancellationToken.None));
    }

    /// <summary>Starts a process, which looks once.</summary>
    private async Task<Process> StartAsync()
    {
        var process = new Process(_time, _store, _runs, _receiver);
        _processes.Add(process);
        await LookAsync(process);
        _time.Advance(TimeSpan.FromSeconds(11));
        return process;
    }

    private sealed class Process : IDisposable
    {
        private readonly NotificationSender _sender;

        public Process(TimeProvider time, ISendStateStore store, IResyncStore runs, Receiver receiver)
        {
            var options = Receiver.Options();
            _sender = new NotificationSender(options, new NotificationTransport(receiver), time);
            Outbox = new NotificationOutbox(options, _sender, new FixedJitter(0), time, NullLogger<NotificationOutbox>.Instance);
            Switch = new SendSwitch(time, store);
            Loop = new NotificationLoop(
                options,
                Outbox,
                Switch,
                runs,
                new ResyncSources(new TestCatalog(time)),
                Items,
                new RequestIdSource(),
                time,
                NullLogger<NotificationLoop>.Instance);
        }

        public NotificationLoop Loop { get; }

        public NotificationOutbox Outbox { get; }

        public SendSwitch Switch { get; }

        public ItemAlerts Items { get; } = new();

        public void Dispose() => _sender.Dispose();
    }
}
