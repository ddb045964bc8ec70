using System.Collections.Concurrent;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Synchronization;
using ContentSync.Tests.AlipayHk;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Local.Pipeline;

public sealed class InProcessQueueTests
{
    [Fact]
    public async Task Other_items_are_sent_after_an_unexpected_exception()
    {
        using var alipayHk = new FakeAlipayHk();
        using var client = alipayHk.Client();
        await using var services = Services(client);
        var synchronizer = services.GetRequiredService<ContentSynchronizer>();
        await using var queue = new InProcessQueue(synchronizer, workers: 1, TimeProvider.System, NullLogger<InProcessQueue>.Instance);
        var outcomes = new ConcurrentDictionary<string, SyncOutcome>();
        var last = new TaskCompletionSource();
        queue.Ended += (contentId, outcome) =>
        {
            outcomes[contentId] = outcome;
            if (contentId == "good") last.TrySetResult();
        };

        await queue.EnqueueAsync([Message("broken"), Message("good")], default);
        await last.Task.WaitAsync(TimeSpan.FromSeconds(20));

        Assert.Equal((SyncOutcomeKind.Pending, "A bug."), (outcomes["broken"].Kind, outcomes["broken"].Description));
        Assert.Equal(SyncOutcomeKind.NotFound, outcomes["good"].Kind);
    }

    [Fact]
    public async Task An_item_that_is_delayed_anew_is_not_run_when_an_earlier_delay_ends()
    {
        using var alipayHk = new FakeAlipayHk();
        using var client = alipayHk.Client();
        await using var services = Services(client);
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
        var synchronizer = services.GetRequiredService<ContentSynchronizer>();
        await using var queue = new InProcessQueue(synchronizer, 1, time, NullLogger<InProcessQueue>.Instance, TaskCreationOptions.None);
        var runs = 0;
        queue.Ended += (_, _) => runs++;

        await queue.EnqueueAsync([Message("A", 10)], default);
        await queue.EnqueueAsync([Message("A")], default);
        Assert.Equal(1, runs);

        await queue.EnqueueAsync([Message("A", 60)], default);
        for (var i = 0; i < 118; i++)
        {
            // A timer resumes the queue on another thread.
            time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Delay(1);
        }

        Assert.Equal(1, runs);
        for (var i = 0; i < 1_000 && Volatile.Read(ref runs) == 1; i++)
        {
            time.Advance(TimeSpan.FromSeconds(0.5));
            await Task.Delay(1);
        }

        Assert.Equal(2, runs);
    }

    private static ServiceProvider Services(AlipayHkClient client) => TestServices.With(TimeProvider.System)
        .AddSingleton<ISyncLedger>(new FaultyLedger())
        .AddSingleton(client)
        .AddContentSync(new ContentSyncOptions())
        .BuildServiceProvider();

    private static SyncMessage Message(string contentId, int delaySeconds = 0) => new(contentId, "", 0, TimeSpan.FromSeconds(delaySeconds));

    private sealed class FaultyLedger : ISyncLedger
    {
        public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken) => contentId == "broken"
            ? throw new InvalidOperationException("A bug.")
            : ValueTask.FromResult(new LeaseResult(LeaseStatus.NotFound, null));

        public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<SyncRecord?> RefuseAsync(
            string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }
}
