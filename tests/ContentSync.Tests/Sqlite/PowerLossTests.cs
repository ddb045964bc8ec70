using ContentSync.AlipayHk;
using ContentSync.Benchmarks.Loss;
using ContentSync.Budget;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Ledger;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using ContentSync.Tests.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Sqlite;

/// <summary>What the ledger holds after the power failed, on a disk that forgets what was not synced.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class PowerLossTests : IDisposable
{
    private const int Items = 12;

    // SQLite keeps a registered layer for the life of the process. The tests of one class run one after the other.
    private static readonly ForgetfulDisk Disk = ForgetfulDisk.Register("forgetful", asDefault: false);

    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly TestSubmissions _submissions = new();
    private readonly TemporaryFolder _folder = new();

    // What was acknowledged to callers, and what AlipayHK holds after every request that left.
    private readonly Dictionary<string, long> _accepted = [];
    private readonly Dictionary<string, ContentHash> _alipayHk = [];

    private SqliteLedgerOptions Options => new(_folder.File("ledger.db")) { FileLayer = Disk.Name };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Nothing_acknowledged_is_lost_and_no_version_is_wrongly_called_synchronized(int seed)
    {
        var random = new Random(seed);
        var claims = 0;
        // The small log makes checkpoints happen, before and between the losses.
        await using var ledger = await OpenAsync(Options with { CheckpointPages = 20 });
        for (var loss = 0; loss < 60; loss++)
        {
            await WorkAsync(ledger, random, steps: random.Next(1, 12));
            var copy = _folder.File($"loss-{loss}.db");
            Disk.CopySurviving(Options.Path, copy, unsynced => loss % 3 == 0 ? 0 : random.Next(unsynced + 1));
            claims += await AssertTrueAsync(copy);
        }

        Assert.True(claims > 60, "The ledger claimed almost nothing, so this test shows nothing.");
    }

    [Fact]
    public async Task A_ledger_that_need_not_survive_it_loses_acknowledged_items_on_this_disk()
    {
        await using var ledger = await OpenAsync(Options with { Durability = LedgerDurability.ProcessEnd });
        await ledger.AcceptAsync([Version("1", 1)], default);
        var copy = _folder.File("loss.db");
        Disk.CopySurviving(Options.Path, copy, _ => 0);

        await using var survivor = await OpenAsync(new SqliteLedgerOptions(copy));

        Assert.Null(await survivor.FindAsync("1", default));
    }

    [Fact]
    public async Task The_next_owner_waits_for_the_late_effects_of_requests_that_the_power_loss_cut_off()
    {
        await using var ledger = await OpenAsync(Options);
        await ledger.AcceptAsync([Version("1", 1)], default);
        await ledger.LeaseAsync("1", Duration, default);
        var copy = _folder.File("loss.db");
        Disk.CopySurviving(Options.Path, copy, _ => 0);

        await using var survivor = await OpenAsync(new SqliteLedgerOptions(copy));

        Assert.Equal(LeaseStatus.Busy, (await survivor.LeaseAsync("1", Duration, default)).Status);
        _time.Advance(Options.LateEffectWindow);
        Assert.Equal(LeaseStatus.Granted, (await survivor.LeaseAsync("1", Duration, default)).Status);
    }

    [Fact]
    public async Task Concurrent_first_leases_share_their_syncs_and_the_first_send_of_a_new_item_needs_none()
    {
        const int Many = 256;
        var ids = Enumerable.Range(0, Many).Select(i => $"many-{i}").ToArray();
        await using var ledger = await OpenAsync(Options);
        await ledger.AcceptAsync([.. ids.Select(id => Version(id, 1))], default);
        var before = Disk.Syncs;
        await SendAsync();
        var first = Disk.Syncs - before;
        await ledger.AcceptAsync([.. ids.Select(id => Version(id, 2))], default);
        before = Disk.Syncs;
        await SendAsync();
        var changed = Disk.Syncs - before;

        Assert.Equal(0, first);
        Assert.InRange(changed, 1, Many / 8);

        Task SendAsync() => Task.WhenAll(ids.Select(id => Task.Run(async () =>
        {
            var leased = (await ledger.LeaseAsync(id, Duration, default)).Record!;
            await ledger.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);
        })));
    }

    [Fact]
    public async Task Health_reports_a_full_disk_although_reads_succeed_and_recovers_without_a_restart()
    {
        await using var ledger = await OpenAsync(Options);
        var health = new CheckHealthHandler(ledger, Breaker(new SendSwitch(_time)), new SendSwitch(_time));
        await ledger.AcceptAsync([Version("1", 1)], default);
        Disk.IsFull = true;
        try
        {
            Assert.NotNull(await ledger.FindAsync("1", default));
            var problem = Assert.IsType<ProblemHttpResult>(await health.HandleAsync(default));
            Assert.Equal(StatusCodes.Status503ServiceUnavailable, problem.StatusCode);
            Assert.Equal($"There is no space left on the disk that holds {Options.Path}; free some and try again.", problem.ProblemDetails.Detail);
        }
        finally
        {
            Disk.IsFull = false;
        }

        var healthy = Assert.IsType<JsonHttpResult<HealthState>>(await health.HandleAsync(default));
        Assert.Equal("ok", healthy.Value!.Sending);
    }

    [Fact]
    public async Task A_full_disk_spends_one_attempt_because_the_next_one_is_not_made()
    {
        await using var ledger = await OpenAsync(Options);
        await ledger.AcceptAsync([Version("1", 1)], default);
        Disk.IsFull = true;
        try
        {
            var leased = (await ledger.LeaseAsync("1", Duration, default)).Record!;
            var outcome = AttemptOutcomes.Synchronized(leased, _time.GetUtcNow());
            await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.RecordAsync(leased, outcome, default));
            for (var i = 0; i < 3; i++)
            {
                _time.Advance(Duration * 2);
                await Assert.ThrowsAsync<LedgerUnavailableException>(async () => await ledger.LeaseAsync("1", Duration, default));
            }
        }
        finally
        {
            Disk.IsFull = false;
        }

        var (status, record) = await ledger.LeaseAsync("1", Duration, default);

        Assert.Equal((LeaseStatus.Granted, 2), (status, record!.Attempts));
    }

    private async Task WorkAsync(SqliteLedger ledger, Random random, int steps)
    {
        for (var step = 0; step < steps; step++)
        {
            var id = $"{random.Next(Items)}";
            var revision = _accepted.GetValueOrDefault(id) + 1;
            if (random.Next(3) > 0)
            {
                await ledger.AcceptAsync([Version(id, revision)], default);
                _accepted[id] = revision;
            }

            var (status, leased) = await ledger.LeaseAsync(id, Duration, default);
            if (status != LeaseStatus.Granted) continue;
            _alipayHk[id] = leased!.Hash;
            var now = _time.GetUtcNow();
            var outcome = random.Next(3) == 0 ? AttemptOutcomes.RetryAt(leased, now, now) : AttemptOutcomes.Synchronized(leased, now);

            // The last step may end with the request on its way.
            if (step < steps - 1 || random.Next(2) == 0) await ledger.RecordAsync(leased, outcome, default);
            else _time.Advance(Duration);
        }
    }

    private async Task<int> AssertTrueAsync(string copy)
    {
        await using var survivor = await OpenAsync(new SqliteLedgerOptions(copy));
        var claims = 0;
        foreach (var (id, revision) in _accepted)
        {
            var record = await survivor.FindAsync(id, default);
            Assert.NotNull(record);
            Assert.True(record.Version.Number >= revision, $"{id} was accepted with revision {revision}; the ledger holds {record.Version}.");
            if (record.State == SyncState.Synchronized) Assert.Equal(_alipayHk[id], record.Hash);
            if (record.SynchronizedHash is not { } claimed) continue;
            Assert.Equal(_alipayHk[id], claimed);
            claims++;
        }

        return claims;
    }

    private SharedCircuitBreaker Breaker(SendSwitch sendSwitch) =>
        new(new CircuitBreaker(new RecoverabilityOptions(), _time), sendSwitch, new RecoverabilityOptions(), new RequestIdSource(), _time);

    private Task<SqliteLedger> OpenAsync(SqliteLedgerOptions options) => SqliteLedger.OpenAsync(options, _time, default);

    // A version now and then returns to earlier content, which the ledger may know AlipayHK to hold.
    private Submission Version(string id, long revision) => _submissions.Of(id, $"content {revision % 3}", revision);
}
