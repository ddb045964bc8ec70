using System.Collections.Concurrent;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Synchronization;
using ContentSync.Tests.AlipayHk;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.Pipeline;

public sealed class InProcessQueueTests
{
    [Fact]
    public async Task Other_items_are_sent_after_an_unexpected_exception()
    {
        using var alipayHk = new FakeAlipayHk();
        using var client = alipayHk.Client();
        await using var services = TestServices.With(TimeProvider.System)
            .AddSingleton<ISyncLedger>(new FaultyLedger())
            .AddSingleton(client)
            .AddContentSync(new ContentSyncOptions())
            .BuildServiceProvider();
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

    private static SyncMessage Message(string contentId) => new(contentId, "", 0, TimeSpan.Zero);

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
