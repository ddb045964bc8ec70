using ContentSync.AlipayHk;
using ContentSync.Budget;
using ContentSync.Ledger;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Budget;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Tests.Synchronization;

public sealed class PausedSendingTests : IDisposable
{
    private readonly FakeAlipayHk _alipayHk = new();
    private readonly MemoryLedger _ledger;
    private readonly AlipayHkClient _client;
    private readonly ServiceProvider _services;
    private readonly ContentSynchronizer _synchronizer;
    private readonly SendSwitch _switch;
    private readonly MemorySendStateStore _store;

    public PausedSendingTests()
    {
        _alipayHk.Options.ImmediateRetries = 0;
        _ledger = new MemoryLedger(_alipayHk.Time);
        _store = new MemorySendStateStore(_alipayHk.Time);
        _client = _alipayHk.Client(null);
        _services = TestServices.With(_alipayHk.Time)
            .AddSingleton<ISyncLedger>(_ledger)
            .AddSingleton(_client)
            .AddSingleton<ISendStateStore>(_store)
            .AddContentSync(new ContentSyncOptions())
            .BuildServiceProvider();
        _synchronizer = _services.GetRequiredService<ContentSynchronizer>();
        _switch = _services.GetRequiredService<SendSwitch>();
    }

    public void Dispose()
    {
        _services.Dispose();
        _client.Dispose();
    }

    [Theory]
    [InlineData(null)]
    [InlineData("SKU")]
    public async Task A_paused_item_waits_spends_no_attempt_and_is_sent_after_the_pause(string? contentType)
    {
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.Result("SUCCESS", "S")));
        await AcceptAsync("A");
        await _switch.PauseAsync(contentType, "a fault", "Mei", default);
        for (var i = 0; i < 40; i++)
        {
            var paused = await _synchronizer.SynchronizeAsync("A", default);
            Assert.Equal((SyncOutcomeKind.Pending, PendingCause.Paused, ClientCodes.Paused), (paused.Kind, paused.Cause, paused.Code));
            Assert.Contains("Mei paused", paused.Description, StringComparison.Ordinal);
            _alipayHk.Time.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.Empty(_alipayHk.Sent);
        Assert.Equal((SyncState.Pending, 0), await StateAsync("A"));
        await _switch.ResumeAsync(contentType, default);
        Assert.Equal(SyncOutcomeKind.Synchronized, (await _synchronizer.SynchronizeAsync("A", default)).Kind);
    }

    [Fact]
    public async Task A_process_that_could_not_read_whether_it_may_send_sends_nothing_until_it_could()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.Result("SUCCESS", "S")));
        await AcceptAsync("A");
        _store.IsDown = true;
        var outcome = await _synchronizer.SynchronizeAsync("A", default);
        Assert.Equal((SyncOutcomeKind.Pending, PendingCause.LedgerUnavailable), (outcome.Kind, outcome.Cause));
        Assert.Equal("It is unknown whether sending is paused or stopped. The store is away.", outcome.Description);
        Assert.Empty(_alipayHk.Sent);
        _store.IsDown = false;
        _alipayHk.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(SyncOutcomeKind.Synchronized, (await _synchronizer.SynchronizeAsync("A", default)).Kind);
    }

    [Fact]
    public async Task Another_content_type_is_still_sent()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.Result("SUCCESS", "S")));
        await AcceptAsync("A");
        await _switch.PauseAsync("MOVIE", "a fault", "Mei", default);
        Assert.Equal(SyncOutcomeKind.Synchronized, (await _synchronizer.SynchronizeAsync("A", default)).Kind);
    }

    [Fact]
    public async Task Time_paused_does_not_count_towards_the_maximum_age()
    {
        _alipayHk.Always = (_, _) => Task.FromResult(_alipayHk.Signed(FakeAlipayHk.Result("UNKNOWN_EXCEPTION", "U")));
        await AcceptAsync("A");
        await _switch.PauseAsync(null, "a fault", "Mei", default);
        _alipayHk.Time.Advance(TimeSpan.FromHours(80));
        await _switch.ResumeAsync(null, default);
        for (var attempt = 1; attempt <= 4; attempt++)
        {
            Assert.Equal(PendingCause.Retry, (await _synchronizer.SynchronizeAsync("A", default)).Cause);
            _alipayHk.Time.Advance(TimeSpan.FromHours(2));
        }
    }

    [Fact]
    public async Task The_message_of_a_paused_item_is_completed_and_no_copy_circulates()
    {
        await AcceptAsync("A");
        await _switch.PauseAsync(null, "a fault", "Mei", default);
        var record = await _ledger.FindAsync("A", default);
        var message = OutgoingMessage.Reference(new SyncMessage("A", record!.RequestId, 0, TimeSpan.Zero));
        var received = new QueueMessage(message.MessageId, message.Body, message.ContentType, message.Properties, _alipayHk.Time.GetUtcNow());
        var settlement = await _services.GetRequiredService<ContentMessageProcessor>().ProcessAsync(received, default);
        Assert.IsType<MessageSettlement.Complete>(settlement);
    }

    private async Task AcceptAsync(string contentId)
    {
        const string Info = """{"name":"凍檸茶"}""";
        var item = FakeAlipayHk.Item(Info) with { ContentId = contentId, Hash = TestSubmissions.HashOf(Info) };
        await _synchronizer.AcceptAsync([item], _alipayHk.Time.GetUtcNow(), default);
    }

    private async Task<(SyncState State, int Attempts)> StateAsync(string contentId)
    {
        var record = await _ledger.FindAsync(contentId, default);
        return (record!.State, record.Attempts);
    }
}
