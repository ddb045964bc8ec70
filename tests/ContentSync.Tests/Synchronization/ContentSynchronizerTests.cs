using System.Diagnostics.Metrics;
using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Ledger;
using ContentSync.Signing;
using ContentSync.Synchronization;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Synchronization;

public sealed class ContentSynchronizerTests : IDisposable
{
    private readonly ItemAlerts _alerts = new();
    private readonly FakeAlipayHk _alipayHk = new();
    private readonly MemoryLedger _ledger;
    private readonly RecoverabilityOptions _options = new();
    private readonly CircuitBreaker _breaker;
    private readonly List<AlipayHkClient> _clients = [];

    public ContentSynchronizerTests()
    {
        _alipayHk.Options.ImmediateRetries = 0;
        _ledger = new MemoryLedger(_alipayHk.Time);
        _breaker = new CircuitBreaker(_options, _alipayHk.Time);
    }

    public void Dispose() => _clients.ForEach(client => client.Dispose());

    [Fact]
    public async Task Sends_an_accepted_item_and_records_the_acknowledgement()
    {
        AlwaysReturn("SUCCESS", "S");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var outcome = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(SyncOutcomeKind.Synchronized, outcome.Kind);
        Assert.Equal(SyncState.Synchronized, outcome.Record!.State);
        Assert.Equal(outcome.Record.Hash, outcome.Record.SynchronizedHash);
        Assert.Equal("SUCCESS", outcome.Record.LastAttempt!.Code);
        Assert.Null(outcome.Record.Lease);
        Assert.Single(_alipayHk.Sent);
    }

    [Fact]
    public async Task Records_no_more_than_128_characters_of_an_identifier_that_AlipayHK_sends()
    {
        var huge = new string('x', 33_000);
        _alipayHk.Always = (_, _) =>
        {
            var response = _alipayHk.Signed(
                $$"""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateCode":"{{huge}}","templateStatus":"{{huge}}"}""");
            response.Headers.TryAddWithoutValidation("Tracer-Id", huge);
            return Task.FromResult(response);
        };
        _alipayHk.Options.MaxResponseBytes = 1024 * 1024;
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var record = (await SynchronizeAsync(synchronizer, "A")).Record!;
        Assert.Equal(SyncState.Synchronized, record.State);
        Assert.Equal((128, 128, 128), (record.LastAttempt!.TracerId!.Length, record.TemplateCode!.Length, record.TemplateStatus!.Length));
    }

    [Theory]
    [InlineData("frozen", 1)]
    [InlineData("expired", 1)]
    [InlineData("valid", 0)]
    public async Task Counts_an_acknowledged_item_whose_template_is_frozen_or_expired(string templateStatus, int expected)
    {
        var counted = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument == Telemetry.InactiveTemplates) self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
        {
            foreach (var tag in tags) counted += (string?)tag.Value == templateStatus ? 1 : 0;
        });
        listener.Start();
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(
            $$"""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateCode":"T","templateStatus":"{{templateStatus}}"}"""));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        Assert.Equal(SyncOutcomeKind.Synchronized, (await SynchronizeAsync(synchronizer, "A")).Kind);
        Assert.Equal(expected, counted);
        var alerts = _alerts.Take().Select(alert => (alert.Kind, alert.Reason, alert.ContentIds[0]));
        Assert.Equal(Enumerable.Repeat((ItemAlertKind.InactiveTemplate, templateStatus, "A"), expected), alerts);
    }

    [Fact]
    public async Task Sends_nothing_for_an_item_that_is_in_sync()
    {
        AlwaysReturn("SUCCESS", "S");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(SyncOutcomeKind.Unchanged, (await SynchronizeAsync(synchronizer, "A")).Kind);
        Assert.Equal(AcceptanceKind.Unchanged, (await AcceptAsync(synchronizer, Item("A"))).Kind);
        Assert.Single(_alipayHk.Sent);
    }

    [Fact]
    public async Task Reports_an_item_that_was_never_accepted_as_not_found() =>
        Assert.Equal(SyncOutcomeKind.NotFound, (await SynchronizeAsync(Synchronizer(), "unknown")).Kind);

    [Fact]
    public async Task Repeats_request_id_and_body_but_not_time_and_signature_on_a_retry()
    {
        _alipayHk
            .Then(_alipayHk.Signed(FakeAlipayHk.Result("UNKNOWN_EXCEPTION", "F")))
            .Then((_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson)));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var first = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(PendingCause.Retry, first.Cause);
        Assert.Equal(1, first.Record!.Attempts);
        _alipayHk.Time.Advance(first.Delay);
        Assert.Equal(SyncOutcomeKind.Synchronized, (await SynchronizeAsync(synchronizer, "A")).Kind);
        Assert.Equal(_alipayHk.Sent[0].Body, _alipayHk.Sent[1].Body);
        Assert.NotEqual(_alipayHk.Sent[0].Headers["Request-Time"], _alipayHk.Sent[1].Headers["Request-Time"]);
        Assert.NotEqual(_alipayHk.Sent[0].Headers["Signature"], _alipayHk.Sent[1].Headers["Signature"]);
    }

    [Fact]
    public async Task Does_not_send_before_the_back_off_has_ended()
    {
        AlwaysReturn("UNKNOWN_EXCEPTION", "F");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var delay = (await SynchronizeAsync(synchronizer, "A")).Delay;
        var early = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(PendingCause.NotDue, early.Cause);
        Assert.Equal(delay, early.Delay);
        Assert.Single(_alipayHk.Sent);
    }

    [Fact]
    public async Task Parks_a_rejected_item_and_never_sends_it_again()
    {
        AlwaysReturn("CONTENT_RISKY", "F");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        Assert.Equal(SyncOutcomeKind.Rejected, (await SynchronizeAsync(synchronizer, "A")).Kind);
        Assert.Equal(AcceptanceKind.Parked, (await AcceptAsync(synchronizer, Item("A"))).Kind);
        var again = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(SyncOutcomeKind.Rejected, again.Kind);
        Assert.Equal("CONTENT_RISKY", again.Code);
        Assert.Single(_alipayHk.Sent);
    }

    [Fact]
    public async Task Sends_changed_content_after_a_rejection_under_a_new_request_id()
    {
        _alipayHk
            .Then(_alipayHk.Signed(FakeAlipayHk.Result("CONTENT_RISKY", "F")))
            .Then((_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson)));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var rejected = (await SynchronizeAsync(synchronizer, "A")).Record!;
        _alipayHk.Time.Advance(TimeSpan.FromSeconds(1));
        await AcceptAsync(synchronizer, Item("A", """{"name":"fixed"}"""));
        var outcome = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(SyncOutcomeKind.Synchronized, outcome.Kind);
        Assert.NotEqual(rejected.RequestId, outcome.Record!.RequestId);
    }

    [Fact]
    public async Task Parks_an_item_after_its_last_attempt()
    {
        AlwaysReturn("UNKNOWN_EXCEPTION", "F");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        SyncOutcome outcome;
        do
        {
            outcome = await SynchronizeAsync(synchronizer, "A");
            _alipayHk.Time.Advance(outcome.Delay);
        }
        while (outcome.Kind == SyncOutcomeKind.Pending);
        Assert.Equal(SyncOutcomeKind.Parked, outcome.Kind);
        Assert.Equal(ParkReason.AttemptsExhausted, outcome.Record!.ParkReason);
        Assert.Equal(_options.MaxAttempts, _alipayHk.Sent.Count);
    }

    [Fact]
    public async Task Does_not_park_on_an_unsigned_rejection()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("CONTENT_RISKY", "F")));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var outcome = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(SyncOutcomeKind.Pending, outcome.Kind);
        Assert.Equal("CONTENT_RISKY", outcome.Code);
    }

    [Fact]
    public async Task Stops_all_sending_on_a_configuration_fault_and_spends_no_attempt()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("INVALID_SIGNATURE", "F")));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        await AcceptAsync(synchronizer, Item("B"));
        await AcceptAsync(synchronizer, Item("C"));
        foreach (var contentId in (string[])["A", "B", "C"])
        {
            var outcome = await SynchronizeAsync(synchronizer, contentId);
            Assert.Equal(PendingCause.Deferred, outcome.Cause);
            Assert.Equal(0, (await _ledger.FindAsync(contentId, CancellationToken.None))!.Attempts);
        }

        Assert.Equal(2, _alipayHk.Sent.Count);
        Assert.Equal(TripCause.ConfigurationFault, _breaker.OpenState!.Cause);
    }

    [Fact]
    public async Task A_single_item_that_is_refused_probes_for_itself_and_spends_no_attempt()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("INVALID_SIGNATURE", "F")));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        for (var i = 0; i < 100; i++)
        {
            var outcome = await SynchronizeAsync(synchronizer, "A");
            Assert.Equal((SyncOutcomeKind.Pending, PendingCause.Deferred), (outcome.Kind, outcome.Cause));
            _alipayHk.Time.Advance(outcome.Delay);
        }

        Assert.InRange(_alipayHk.Sent.Count, 30, 100);
        Assert.Equal(0, (await _ledger.FindAsync("A", CancellationToken.None))!.Attempts);
        Assert.Equal(TripCause.ConfigurationFault, _breaker.OpenState!.Cause);
    }

    [Theory]
    [InlineData("refused")]
    [InlineData("INVALID_SIGNATURE")]
    [InlineData("redirected")]
    [InlineData("reset")]
    [InlineData("outdated")]
    public async Task An_item_that_always_fails_while_others_succeed_is_parked_and_stops_nothing(string failure)
    {
        var isBroken = true;
        _alipayHk.Always = (request, _) =>
            isBroken && Encoding.UTF8.GetString(request.Body).Contains("\"contentId\":\"POISON", StringComparison.Ordinal)
                ? Fail(failure)
                : Task.FromResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson));
        var synchronizer = Synchronizer();
        foreach (var contentId in (string[])["POISON-1", "POISON-2"]) await AcceptAsync(synchronizer, Item(contentId));
        var refused = 0;
        for (var round = 0; await ParkedAsync() < 2 && round < 200; round++)
        {
            await SynchronizeAsync(synchronizer, "POISON-1");
            await SynchronizeAsync(synchronizer, "POISON-2");
            _alipayHk.Time.Advance(TimeSpan.FromSeconds(1));
            await AcceptAsync(synchronizer, Item($"GOOD-{round}"));
            var outcome = await SynchronizeAsync(synchronizer, $"GOOD-{round}");
            for (; outcome.Kind == SyncOutcomeKind.Pending && refused < 10; refused++)
            {
                _alipayHk.Time.Advance(outcome.Delay);
                outcome = await SynchronizeAsync(synchronizer, $"GOOD-{round}");
            }

            Assert.Equal(SyncOutcomeKind.Synchronized, outcome.Kind);
            _alipayHk.Time.Advance(TimeSpan.FromMinutes(30));
        }

        // The two items may confirm each other once, at their first attempts.
        Assert.InRange(refused, 0, 1);
        foreach (var contentId in (string[])["POISON-1", "POISON-2"])
        {
            var parked = (await _ledger.FindAsync(contentId, CancellationToken.None))!;
            Assert.Equal(ParkReason.AttemptsExhausted, parked.ParkReason);
            Assert.InRange(parked.Attempts, _options.MaxAttempts / 2, _options.MaxAttempts * 2);
        }

        isBroken = false;
        Assert.NotNull(await _ledger.ReplayAsync("POISON-1", TimeSpan.Zero, CancellationToken.None));
        Assert.Equal(SyncOutcomeKind.Synchronized, (await SynchronizeAsync(synchronizer, "POISON-1")).Kind);

        async Task<int> ParkedAsync() =>
            await _ledger.ListAsync(new SyncRecordFilter { State = SyncState.Parked }, CancellationToken.None).CountAsync();
    }

    [Fact]
    public async Task Resumes_automatically_when_the_configuration_is_fixed()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result("INVALID_SIGNATURE", "F")));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var deferred = await SynchronizeAsync(synchronizer, "A");
        AlwaysReturn("SUCCESS", "S");
        _alipayHk.Time.Advance(deferred.Delay);
        Assert.Equal(SyncOutcomeKind.Synchronized, (await SynchronizeAsync(synchronizer, "A")).Kind);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public async Task Spends_no_attempts_except_for_probes_while_AlipayHK_is_down()
    {
        _alipayHk.Always = (_, _) => Task.FromException<HttpResponseMessage>(new HttpRequestException("down"));
        var synchronizer = Synchronizer();
        for (var i = 0; i < _options.BreakerThreshold; i++)
        {
            await AcceptAsync(synchronizer, Item($"A{i}"));
            await SynchronizeAsync(synchronizer, $"A{i}");
        }

        Assert.Equal(TripCause.Breaker, _breaker.OpenState!.Cause);
        await AcceptAsync(synchronizer, Item("probe"));
        await AcceptAsync(synchronizer, Item("B"));
        for (var probe = 1; probe < _options.MaxAttempts; probe++)
        {
            _alipayHk.Time.Advance(TimeSpan.FromHours(9));
            await SynchronizeAsync(synchronizer, "probe");
            var deferred = await SynchronizeAsync(synchronizer, "B");
            Assert.Equal(PendingCause.Deferred, deferred.Cause);
            Assert.Equal(_options.BreakerThreshold + probe, _alipayHk.Sent.Count);
        }

        Assert.Equal(0, (await _ledger.FindAsync("B", CancellationToken.None))!.Attempts);
    }

    [Fact]
    public async Task Outdated_responses_to_two_items_in_a_row_are_a_clock_fault_that_stops_sending_until_a_valid_response()
    {
        var hoursBehind = 3.0;
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson, ahead: TimeSpan.FromHours(-hoursBehind)));
        var synchronizer = Synchronizer();
        foreach (var contentId in (string[])["A", "B", "C"]) await AcceptAsync(synchronizer, Item(contentId));
        var first = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal((PendingCause.Retry, ClientCodes.OutdatedResponse, 1), (first.Cause, first.Code, first.Record!.Attempts));
        Assert.Null(_breaker.OpenState);

        var second = await SynchronizeAsync(synchronizer, "B");
        Assert.Equal((PendingCause.Deferred, ClientCodes.ClockFault, 0), (second.Cause, second.Code, second.Record!.Attempts));
        Assert.Equal((TripCause.ConfigurationFault, ClientCodes.ClockFault), (_breaker.OpenState!.Cause, _breaker.OpenState.Code));
        Assert.Contains("Response-Time 2026-03-01T09:00:00+00:00", _breaker.OpenState.Message, StringComparison.Ordinal);
        Assert.Contains("Request-Time 2026-03-01T12:00:00+00:00", _breaker.OpenState.Message, StringComparison.Ordinal);
        Assert.EndsWith("check this machine's clock.", _breaker.OpenState.Message, StringComparison.Ordinal);
        Assert.Equal(PendingCause.Deferred, (await SynchronizeAsync(synchronizer, "C")).Cause);
        Assert.Equal(2, _alipayHk.Sent.Count);

        for (var probe = 1; probe <= 20; probe++)
        {
            _alipayHk.Time.Advance(2 * _options.ProbeInterval);
            Assert.Equal(0, (await SynchronizeAsync(synchronizer, "C")).Record!.Attempts);
        }

        Assert.Equal(22, _alipayHk.Sent.Count);
        hoursBehind = 0;
        _alipayHk.Time.Advance(2 * _options.ProbeInterval);
        Assert.Equal(SyncOutcomeKind.Synchronized, (await SynchronizeAsync(synchronizer, "C")).Kind);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public async Task Outdated_responses_to_one_item_among_valid_ones_spend_its_attempts_and_stop_nothing()
    {
        _alipayHk.Always = (request, _) => Task.FromResult(_alipayHk.Signed(
            FakeAlipayHk.SuccessJson,
            ahead: Encoding.UTF8.GetString(request.Body).Contains("\"contentId\":\"A", StringComparison.Ordinal) ? TimeSpan.FromHours(-1) : default));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        await SynchronizeAsync(synchronizer, "A");
        _alipayHk.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, (await SynchronizeAsync(synchronizer, "A")).Record!.Attempts);
        await AcceptAsync(synchronizer, Item("B"));
        Assert.Equal(SyncOutcomeKind.Synchronized, (await SynchronizeAsync(synchronizer, "B")).Kind);
        await AcceptAsync(synchronizer, Item("A2"));
        Assert.Equal(ClientCodes.OutdatedResponse, (await SynchronizeAsync(synchronizer, "A2")).Code);
        Assert.Null(_breaker.OpenState);
    }

    [Fact]
    public async Task Defers_without_spending_an_attempt_while_the_signer_is_unavailable()
    {
        var synchronizer = Synchronizer(new NoSignatures());
        await AcceptAsync(synchronizer, Item("A"));
        var outcome = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(PendingCause.Deferred, outcome.Cause);
        Assert.Equal(TimeSpan.FromSeconds(4), outcome.Delay);
        Assert.Equal(0, outcome.Record!.Attempts);
        Assert.Empty(_alipayHk.Sent);

        // What was sent of an item does not list a request that never left.
        Assert.False(outcome.Record.LastAttempt!.Attempted!.WasSent);
    }

    [Fact]
    public async Task Has_one_request_in_flight_per_item()
    {
        var response = new TaskCompletionSource<HttpResponseMessage>();
        _alipayHk.Always = (_, _) => response.Task;
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        var first = SynchronizeAsync(synchronizer, "A");
        var second = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(PendingCause.Busy, second.Cause);
        response.SetResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson));
        Assert.Equal(SyncOutcomeKind.Synchronized, (await first).Kind);
        Assert.Single(_alipayHk.Sent);
    }

    [Fact]
    public async Task Continues_with_a_newer_version_that_was_accepted_while_the_older_one_was_in_flight()
    {
        var response = new TaskCompletionSource<HttpResponseMessage>();
        _alipayHk.Then((_, _) => response.Task).Then((_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson)));
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A") with { Number = 1 });
        var running = SynchronizeAsync(synchronizer, "A");
        await AcceptAsync(synchronizer, Item("A", """{"name":"newer"}""") with { Number = 2 });
        response.SetResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson));
        var outcome = await running;
        Assert.Equal(SyncOutcomeKind.Synchronized, outcome.Kind);
        Assert.Equal(2, outcome.Record!.SynchronizedVersion!.Value.Number);
        Assert.Equal(2, _alipayHk.Sent.Count);
    }

    [Fact]
    public async Task Drops_an_older_revision()
    {
        AlwaysReturn("SUCCESS", "S");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A") with { Number = 2 });
        var old = Item("A", """{"name":"old"}""") with { Number = 1 };
        Assert.Equal(AcceptanceKind.Superseded, (await AcceptAsync(synchronizer, old)).Kind);
        await SynchronizeAsync(synchronizer, "A");
        Assert.Contains("凍檸茶", System.Text.Encoding.UTF8.GetString(_alipayHk.Sent.Single().Body), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Does_not_count_a_cancelled_attempt()
    {
        _alipayHk.Always = async (_, cancellation) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            throw new InvalidOperationException("The wait has no end.");
        };
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        using var cancellation = new CancellationTokenSource();
        var running = synchronizer.SynchronizeAsync("A", cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await running);
        var record = await _ledger.FindAsync("A", CancellationToken.None);
        Assert.Equal((SyncState.Pending, 0), (record!.State, record.Attempts));
        Assert.Null(_breaker.OpenState);
        // AlipayHK may still process the request, so no other request for the item is sent before the late-effect window ends.
        Assert.Equal(_alipayHk.Time.GetUtcNow() + _options.LateEffectWindow, record.Lease!.ExpiresAt);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public async Task Sends_only_if_the_ledger_granted_the_lease_within_an_eighth_of_its_duration(int ticksLate, int expectedRequests)
    {
        AlwaysReturn("SUCCESS", "S");
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        _ledger.Leased = () => _alipayHk.Time.Advance((_options.LeaseDuration / 8) + TimeSpan.FromTicks(ticksLate));
        await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(expectedRequests, _alipayHk.Sent.Count);
    }

    [Fact]
    public async Task Sends_nothing_if_the_response_to_the_lease_shows_that_the_clock_that_set_its_end_was_behind()
    {
        AlwaysReturn("SUCCESS", "S");
        var clock = new StoreClock(_alipayHk.Time);
        var synchronizer = Synchronizer(clock: clock);
        await AcceptAsync(synchronizer, Item("A"));
        var ahead = _alipayHk.Time.GetUtcNow() + (_options.LeaseDuration / 8) + TimeSpan.FromSeconds(1);
        _ledger.Leased = () => clock.Observe(ahead, _alipayHk.Time.GetTimestamp());

        var late = await SynchronizeAsync(synchronizer, "A");

        Assert.Empty(_alipayHk.Sent);
        Assert.Equal((SyncOutcomeKind.Pending, 0), (late.Kind, late.Record!.Attempts));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_attempt_whose_outcome_was_not_recorded_still_gets_its_late_effect_window(bool isCancelled)
    {
        using var cancellation = new CancellationTokenSource();
        DateTimeOffset sentAt = default;
        _alipayHk.Always = async (_, cancelled) =>
        {
            sentAt = _alipayHk.Time.GetUtcNow();
            _ledger.Unavailable = new LedgerUnavailableException("The store is down.");
            if (isCancelled) await cancellation.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, _alipayHk.Time, cancelled);
            throw new InvalidOperationException("The wait has no end.");
        };
        _alipayHk.Options.RequestTimeout = _alipayHk.Options.TotalTimeout;
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A") with { Number = 1 });
        var running = synchronizer.SynchronizeAsync("A", cancellation.Token).AsTask();
        if (!isCancelled) _alipayHk.Time.Advance(_alipayHk.Options.TotalTimeout);
        Assert.Equal(PendingCause.LedgerUnavailable, (await running).Cause);
        var mayTakeEffectUntil = _alipayHk.Time.GetUtcNow() + _options.LateEffectWindow;

        _ledger.Unavailable = null;
        AlwaysReturn("SUCCESS", "S");
        await AcceptAsync(synchronizer, Item("A", """{"name":"newer"}""") with { Number = 2 });
        SyncOutcome outcome;
        while ((outcome = await SynchronizeAsync(synchronizer, "A")).Kind == SyncOutcomeKind.Pending)
        {
            Assert.Equal(PendingCause.Busy, outcome.Cause);
            _alipayHk.Time.Advance(outcome.Delay);
        }

        Assert.Equal(SyncOutcomeKind.Synchronized, outcome.Kind);
        Assert.InRange(_alipayHk.Time.GetUtcNow(), mayTakeEffectUntil, sentAt + _options.LeaseDuration + _options.LateEffectWindow);
    }

    [Fact]
    public async Task Parks_an_item_whose_attempts_were_all_interrupted()
    {
        var synchronizer = Synchronizer();
        await AcceptAsync(synchronizer, Item("A"));
        for (var i = 0; i < RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(_options); i++)
        {
            // A process that died leaves a lease that is never released.
            await _ledger.LeaseAsync("A", TimeSpan.FromSeconds(1), CancellationToken.None);
            _alipayHk.Time.Advance(TimeSpan.FromSeconds(2));
        }

        var outcome = await SynchronizeAsync(synchronizer, "A");
        Assert.Equal(SyncOutcomeKind.Parked, outcome.Kind);
        Assert.Equal(ClientCodes.Interrupted, outcome.Code);
        Assert.Empty(_alipayHk.Sent);
    }

    [Fact]
    public async Task Remembers_a_request_that_was_sent_before_its_immediate_retry_could_not_be_signed()
    {
        _alipayHk.Options.ImmediateRetries = 1;
        _alipayHk.Then(new HttpRequestException(HttpRequestError.ConnectionError, "reset"));
        var synchronizer = Synchronizer(new OneSignature());
        await AcceptAsync(synchronizer, Item("A"));
        var call = SynchronizeAsync(synchronizer, "A");
        for (var i = 0; i < 1_000 && !call.IsCompleted; i++)
        {
            _alipayHk.Time.Advance(TimeSpan.FromMilliseconds(10));
            await Task.Delay(1);
        }

        var record = (await call).Record!;
        Assert.Equal(ClientCodes.SigningUnavailable, record.LastAttempt!.Code);
        Assert.Equal(record.RequestId, Assert.Single(record.ReadSent()).RequestId);
    }

    private static ContentItem Item(string contentId, string contentInfo = """{"name":"凍檸茶"}""") =>
        FakeAlipayHk.Item(contentInfo) with { ContentId = contentId, Hash = TestSubmissions.HashOf(contentInfo) };

    private Task<HttpResponseMessage> Fail(string failure) => failure switch
    {
        "reset" => Task.FromException<HttpResponseMessage>(new HttpRequestException(HttpRequestError.ConnectionError, "reset")),
        "outdated" => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.SuccessJson, ahead: TimeSpan.FromHours(-1))),
        "refused" => Task.FromResult(FakeAlipayHk.Unsigned("<html>blocked</html>", 403)),
        "redirected" => Task.FromResult(FakeAlipayHk.Unsigned("", 302)),
        _ => Task.FromResult(FakeAlipayHk.Unsigned(FakeAlipayHk.Result(failure, "F"))),
    };

    private void AlwaysReturn(string code, string status) =>
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.Result(code, status)));

    private ContentSynchronizer Synchronizer(IRequestSigner? signer = null, TimeProvider? clock = null)
    {
        var client = _alipayHk.Client(signer);
        _clients.Add(client);
        var services = TestServices.With(_alipayHk.Time)
            .AddKeyedSingleton(Clocks.Store, clock ?? _alipayHk.Time)
            .AddSingleton<ISyncLedger>(_ledger)
            .AddSingleton(client)
            .AddSingleton(_breaker)
            .AddSingleton(_alerts)
            .AddContentSync(new ContentSyncOptions { Recoverability = _options })
            .BuildServiceProvider();
        return services.GetRequiredService<ContentSynchronizer>();
    }

    private async Task<Acceptance> AcceptAsync(ContentSynchronizer synchronizer, ContentItem item) =>
        (await synchronizer.AcceptAsync([item], _alipayHk.Time.GetUtcNow(), CancellationToken.None))[0];

    private static async Task<SyncOutcome> SynchronizeAsync(ContentSynchronizer synchronizer, string contentId) =>
        await synchronizer.SynchronizeAsync(contentId, CancellationToken.None);

    private sealed class OneSignature : IRequestSigner
    {
        private readonly FixedKeySigner _signer = new(FakeAlipayHk.OurKey);
        private bool _isSpent;

        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken)
        {
            if (_isSpent) throw new SigningUnavailableException("throttled", TimeSpan.FromSeconds(4));
            _isSpent = true;
            return _signer.SignAsync(sha256, cancellationToken);
        }
    }

    private sealed class NoSignatures : IRequestSigner
    {
        public ValueTask<RequestSignature> SignAsync(ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
            throw new SigningUnavailableException("throttled", TimeSpan.FromSeconds(4));
    }
}
