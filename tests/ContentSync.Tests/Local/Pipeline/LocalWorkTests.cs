using System.Runtime.CompilerServices;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Tests.AlipayHk;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Local.Pipeline;

public sealed class LocalWorkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Looks_for_overdue_items_again_after_an_unexpected_exception()
    {
        using var alipayHk = new FakeAlipayHk();
        using var client = alipayHk.Client();
        var ledger = new FaultyLedger(_time);
        await using var services = Services(client, ledger, new IdleMaintenance());
        var work = services.GetRequiredService<LocalWork>();
        work.Start();
        Assert.Equal(1, ledger.Sweeps);

        await AdvanceAsync(TimeSpan.FromSeconds(15), () => ledger.Sweeps == 2);
        await work.StopAsync();
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(2, ledger.Sweeps);
    }

    [Fact]
    public async Task Tidies_up_ten_minutes_after_the_start_and_then_every_day_even_after_a_fault()
    {
        using var alipayHk = new FakeAlipayHk();
        using var client = alipayHk.Client();
        var maintenance = new IdleMaintenance();
        await using var services = Services(client, new MemoryLedger(_time), maintenance);
        var work = services.GetRequiredService<LocalWork>();
        work.Start();
        Assert.Equal(0, maintenance.Runs);

        await AdvanceAsync(TimeSpan.FromMinutes(10), () => maintenance.Runs == 1);
        await AdvanceAsync(TimeSpan.FromDays(1), () => maintenance.Runs == 2);
        await work.StopAsync();
    }

    // A timer resumes the work on another thread.
    private async Task AdvanceAsync(TimeSpan step, Func<bool> isDone)
    {
        _time.Advance(step);
        for (var i = 0; i < 1_000 && !isDone(); i++) await Task.Delay(10);
        Assert.True(isDone());
    }

    private ServiceProvider Services(AlipayHkClient client, ISyncLedger ledger, ILedgerMaintenance maintenance) => TestServices.With(_time)
        .AddSingleton(ledger)
        .AddSingleton(maintenance)
        .AddSingleton(client)
        .AddSingleton<IResyncStore>(FileResyncStore.Open(_folder))
        .AddSingleton(new ResyncSources(null))
        .AddLocalWork(new LocalWorkOptions { Workers = 1 })
        .AddContentSync(new ContentSyncOptions())
        .BuildServiceProvider();

    private sealed class IdleMaintenance : ILedgerMaintenance
    {
        public int Runs { get; private set; }

        public Task<MaintenanceResult> RunAsync(TimeSpan budget, CancellationToken cancellationToken) =>
            ++Runs == 1 ? throw new LedgerUnavailableException("The disk is full.") : Task.FromResult(new MaintenanceResult());
    }

    /// <summary>Its first list fails with what nobody expects.</summary>
    private sealed class FaultyLedger(TimeProvider time) : ISyncLedger
    {
        private readonly MemoryLedger _ledger = new(time);

        public int Sweeps { get; private set; }

        public async IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            if (++Sweeps == 1) throw new InvalidOperationException("A bug.");
            await foreach (var record in _ledger.ListAsync(filter, cancellationToken)) yield return record;
        }

        public ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken) =>
            _ledger.LeaseAsync(contentId, duration, cancellationToken);

        public ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken) =>
            _ledger.AcceptAsync(submissions, cancellationToken);

        public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken) =>
            _ledger.RecordAsync(leased, outcome, cancellationToken);

        public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
            _ledger.ReplayAsync(contentId, delay, cancellationToken);

        public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
            _ledger.ResendAsync(contentId, cancellationToken);

        public ValueTask<SyncRecord?> RefuseAsync(
            string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken) =>
            _ledger.RefuseAsync(contentId, version, code, message, cancellationToken);

        public ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken) =>
            _ledger.FindAsync(contentId, cancellationToken);
    }
}
