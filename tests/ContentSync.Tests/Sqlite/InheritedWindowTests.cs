using ContentSync.Ledger;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Sqlite;

/// <summary>What the next owner of a ledger does about the requests that the previous one left in flight.</summary>
public sealed class InheritedWindowTests : IDisposable
{
    private static readonly TimeSpan Duration = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(25);

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 3, 1, 8, 0, 0, TimeSpan.Zero));
    private readonly TestSubmissions _submissions = new();
    private readonly TemporaryFolder _folder = new();

    private string Path => _folder.File("ledger.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nothing_is_sent_for_an_item_in_flight_at_a_kill_until_its_request_can_no_longer_take_effect()
    {
        SyncRecord leased;
        await using (var before = await OpenAsync())
        {
            await before.AcceptAsync([Version("1", "A", 1)], default);
            leased = (await before.LeaseAsync("1", Duration, default)).Record!;
            Kill();
        }

        await using var after = await OpenAsync();
        await after.AcceptAsync([Version("1", "B", 2)], default);
        var refused = await after.LeaseAsync("1", Duration, default);
        _time.Advance(Window - TimeSpan.FromMilliseconds(1));
        Assert.Equal((LeaseStatus.Busy, LeaseStatus.Busy), (refused.Status, (await after.LeaseAsync("1", Duration, default)).Status));
        Assert.Equal(_time.GetUtcNow() + TimeSpan.FromMilliseconds(1), refused.Record!.Lease!.ExpiresAt);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        var granted = await after.LeaseAsync("1", Duration, default);

        Assert.Equal((LeaseStatus.Granted, 1), (granted.Status, granted.Record!.Attempts));
        Assert.Equal(TestSubmissions.HashOf("B"), granted.Record.Hash);
        Assert.NotEqual(leased.Lease!.LeaseId, granted.Record.Lease!.LeaseId);
        Assert.Equal(RecordStatus.LeaseLost, (await after.RecordAsync(leased, AttemptOutcomes.Released(), default)).Status);
    }

    [Fact]
    public async Task A_new_item_is_sent_at_once_because_the_previous_owner_cannot_have_sent_it()
    {
        await using (var before = await OpenAsync())
        {
            await before.AcceptAsync([Version("1", "A", 1)], default);
            Kill();
        }

        await using var after = await OpenAsync();
        await after.AcceptAsync([Version("new", "A", 1)], default);

        Assert.Equal(LeaseStatus.Granted, (await after.LeaseAsync("new", Duration, default)).Status);
    }

    [Fact]
    public async Task A_row_read_again_after_it_left_the_cache_is_still_in_the_window()
    {
        await using (var before = await OpenAsync())
        {
            await before.AcceptAsync([Version("1", "A", 1)], default);
            Kill();
        }

        await using var after = await OpenAsync();
        await after.LeaseAsync("1", Duration, default);
        for (var batch = 0; batch < 20; batch++)
            await after.AcceptAsync([.. Enumerable.Range(0, 500).Select(i => Version($"{batch}-{i}", "A", 1))], default);

        Assert.Equal(LeaseStatus.Busy, (await after.LeaseAsync("1", Duration, default)).Status);
    }

    [Fact]
    public async Task An_owner_that_closes_the_ledger_after_all_its_requests_have_ended_leaves_no_window()
    {
        await using (var before = await OpenAsync())
        {
            await before.AcceptAsync([Version("1", "A", 1), Version("2", "A", 1)], default);
            var leased = (await before.LeaseAsync("1", Duration, default)).Record!;
            await before.RecordAsync(leased, AttemptOutcomes.Synchronized(leased, _time.GetUtcNow()), default);
        }

        await using var after = await OpenAsync();
        await after.AcceptAsync([Version("1", "B", 2)], default);

        Assert.Equal(LeaseStatus.Granted, (await after.LeaseAsync("1", Duration, default)).Status);
        Assert.Equal(LeaseStatus.Granted, (await after.LeaseAsync("2", Duration, default)).Status);
    }

    [Theory]
    [InlineData(24, LeaseStatus.Busy)]
    [InlineData(25, LeaseStatus.Granted)]
    public async Task An_owner_that_closes_the_ledger_within_the_window_of_a_timed_out_request_hands_it_on(int secondsLater, LeaseStatus expected)
    {
        await using (var before = await OpenAsync())
        {
            await before.AcceptAsync([Version("1", "A", 1)], default);
            var leased = (await before.LeaseAsync("1", Duration, default)).Record!;
            var now = _time.GetUtcNow();
            await before.RecordAsync(leased, AttemptOutcomes.RetryAt(leased, now, now) with { LateEffectUntil = now + Window }, default);
            _time.Advance(TimeSpan.FromSeconds(secondsLater));
        }

        await using var after = await OpenAsync();

        Assert.Equal(expected, (await after.LeaseAsync("1", Duration, default)).Status);
    }

    [Fact]
    public async Task An_owner_that_closes_the_ledger_during_an_attempt_hands_on_its_window()
    {
        await using (var before = await OpenAsync())
        {
            await before.AcceptAsync([Version("1", "A", 1)], default);
            await before.LeaseAsync("1", Duration, default);
        }

        await using var after = await OpenAsync();

        Assert.Equal(LeaseStatus.Busy, (await after.LeaseAsync("1", Duration, default)).Status);
    }

    [Fact]
    public async Task An_owner_that_closes_the_ledger_within_the_window_it_inherited_hands_it_on()
    {
        await using (var killed = await OpenAsync())
        {
            await killed.AcceptAsync([Version("1", "A", 1)], default);
            Kill();
        }

        await using (var replay = await OpenAsync()) _time.Advance(TimeSpan.FromSeconds(1));

        await using var after = await OpenAsync();

        Assert.Equal(LeaseStatus.Busy, (await after.LeaseAsync("1", Duration, default)).Status);
    }

    // A kill leaves the files as they are while the ledger is open.
    private void Kill()
    {
        foreach (var suffix in new[] { "", "-wal" }) File.Copy(Path + suffix, Path + suffix + ".killed", overwrite: true);
    }

    private Task<SqliteLedger> OpenAsync()
    {
        foreach (var suffix in new[] { "", "-wal" })
        {
            if (File.Exists(Path + suffix + ".killed")) File.Move(Path + suffix + ".killed", Path + suffix, overwrite: true);
        }

        return SqliteLedger.OpenAsync(new SqliteLedgerOptions(Path) { LateEffectWindow = Window }, _time, default);
    }

    private Submission Version(string id, string content, long revision) => _submissions.Of(id, content, revision);
}
