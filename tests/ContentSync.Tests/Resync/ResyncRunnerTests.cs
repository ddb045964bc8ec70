using System.Collections.Concurrent;
using System.Diagnostics;
using ContentSync.Content;
using ContentSync.Diagnostics;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Resync;

public sealed class ResyncRunnerTests : IDisposable
{
    private static readonly ResyncParameters Allowed = new() { AllowedDelistShare = 1 };

    private readonly ResyncWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Brings_AlipayHK_into_line_with_the_catalog()
    {
        await _world.RunAsync(Snapshot(("a", "1"), ("b", "1"), ("c", "1")));
        _world.AlipayHk.Calls.Clear();

        var run = await _world.RunAsync(Snapshot(("a", "1"), ("b", "2"), ("d", "1")), Allowed);

        Assert.Equal(ResyncRunState.Completed, run.State);
        Assert.Equal(["b", "c", "d"], _world.AlipayHk.Calls.Order(StringComparer.Ordinal));
        Assert.Equal("""1 {"name":"2"}""", _world.AlipayHk.Items["b"]);
        Assert.Equal("""0 {"name":"1"}""", _world.AlipayHk.Items["c"]);
        Assert.Equal(new RunCounts { Planned = 3, Sent = 3 }, run.Counts);
        Assert.Equal(ContentStatus.Invalid, (await _world.LedgerAsync())["c"].Status);
    }

    [Fact]
    public async Task Sends_nothing_when_everything_is_in_sync()
    {
        var items = Enumerable.Range(0, 100).Select(i => ($"id-{i}", "1")).ToArray();
        await _world.RunAsync(Snapshot(items));
        _world.AlipayHk.Calls.Clear();

        var run = await _world.RunAsync(Snapshot(items), new ResyncParameters { Again = true });

        Assert.Equal((100, 0), (run.Plan!.Unchanged, run.Counts.Planned));
        Assert.Empty(_world.AlipayHk.Calls);
    }

    [Fact]
    public async Task Skips_a_snapshot_that_was_handled_unless_it_is_requested_again()
    {
        var snapshot = Snapshot(("a", "1"));
        await _world.RunAsync(snapshot);

        Assert.Equal(ResyncRunState.HandledAlready, (await _world.RunAsync(snapshot)).State);
        Assert.Equal(ResyncRunState.Completed, (await _world.RunAsync(snapshot, new ResyncParameters { Again = true })).State);
        Assert.Single(_world.AlipayHk.Calls);
    }

    [Fact]
    public async Task Plans_a_handled_snapshot_again_if_delistings_are_allowed()
    {
        var snapshot = Snapshot(("a", "1"));
        await _world.RunAsync(snapshot);

        var run = await _world.RunAsync(snapshot, Allowed);

        Assert.Equal((ResyncRunState.Completed, 1), (run.State, run.Plan!.Unchanged));
    }

    [Fact]
    public async Task Counts_the_listed_items_that_stay_because_they_were_accepted_after_the_catalog_was_written()
    {
        var (begin, text) = (_world.Time.GetUtcNow(), TestSnapshot.Line("a", "1"));
        _world.Time.Advance(TimeSpan.FromMinutes(2));
        await _world.RunAsync(new TestSnapshot(text + TestSnapshot.Line("b", "1"), begin.AddMinutes(-1)));

        var run = await _world.RunAsync(new TestSnapshot(text, begin), Allowed);

        Assert.Equal((1, 0), (run.Plan!.AbsentNewer, run.Plan.Vanished));
        Assert.Contains("1 listed item is absent from the catalog but was accepted after its as-of time", run.Message, StringComparison.Ordinal);
        Assert.StartsWith("1 ", _world.AlipayHk.Items["b"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_broken_snapshot_before_anything_is_sent()
    {
        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1") + "{\"contentId\":\"b\""));

        Assert.Equal((ResyncRunState.Refused, 2L), (run.State, run.FaultLine!.Value));
        Assert.Empty(_world.AlipayHk.Calls);
        Assert.Empty(await _world.LedgerAsync());
    }

    [Fact]
    public async Task Plans_and_sends_nothing_in_a_dry_run()
    {
        var run = await _world.RunAsync(Snapshot(("a", "1")), new ResyncParameters { DryRun = true });

        Assert.Equal((ResyncRunState.Planned, 1), (run.State, run.Plan!.New));
        Assert.Empty(await _world.LedgerAsync());
    }

    [Fact]
    public async Task An_empty_catalog_delists_nothing()
    {
        await _world.RunAsync(Snapshot(("a", "1"), ("b", "1")));
        var run = await _world.RunAsync(Snapshot());

        Assert.Equal(ResyncRunState.Stopped, run.State);
        Assert.All(_world.AlipayHk.Items.Values, item => Assert.StartsWith("1 ", item, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Delists_an_absent_item_only_after_the_configured_number_of_runs()
    {
        (_world.Options.DelistAfterRuns, _world.Options.MaxDelistShare, _world.Options.MaxShrinkShare) = (3, 1, 1);
        await _world.RunAsync(Snapshot(("a", "1"), ("b", "1"), ("c", "1")));

        // The same catalog again is not "handled already" while an item waits.
        var runs = new List<ResyncRun>();
        for (var i = 0; i < 2; i++) runs.Add(await _world.RunAsync(Snapshot(("a", "1"), ("b", "1"))));
        Assert.All(runs, run => Assert.Equal((ResyncRunState.Completed, 1, 0), (run.State, run.Plan!.Absent, run.Plan.Vanished)));
        Assert.Contains("1 listed item is absent", runs[1].Message, StringComparison.Ordinal);

        // An item that appears again starts anew, and so does one that disappears meanwhile.
        var again = await _world.RunAsync(Snapshot(("a", "1"), ("c", "1")));
        Assert.Equal((1, 0), (again.Plan!.Absent, again.Plan.Vanished));
        Assert.Equal(1, (await _world.RunAsync(Snapshot(("a", "1"), ("c", "1")))).Plan!.Absent);
        Assert.Equal((0, 1), await DelistedAsync(Snapshot(("a", "1"), ("c", "1"))));
        Assert.StartsWith("0 ", _world.AlipayHk.Items["b"], StringComparison.Ordinal);
        Assert.StartsWith("1 ", _world.AlipayHk.Items["c"], StringComparison.Ordinal);

        async Task<(long Absent, long Vanished)> DelistedAsync(TestSnapshot catalog)
        {
            var plan = (await _world.RunAsync(catalog)).Plan!;
            return (plan.Absent, plan.Vanished);
        }
    }

    [Fact]
    public async Task Delists_an_absent_item_only_after_the_configured_time()
    {
        (_world.Options.DelistAfterHours, _world.Options.MaxDelistShare, _world.Options.MaxShrinkShare) = (36, 1, 1);
        await _world.RunAsync(Snapshot(("a", "1"), ("b", "1")));
        Assert.Equal(1, (await _world.RunAsync(Snapshot(("a", "1")))).Plan!.Absent);
        _world.Time.Advance(TimeSpan.FromHours(35));
        Assert.Equal(1, (await _world.RunAsync(Snapshot(("a", "1")))).Plan!.Absent);
        Assert.StartsWith("1 ", _world.AlipayHk.Items["b"], StringComparison.Ordinal);
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, (await _world.RunAsync(Snapshot(("a", "1")))).Plan!.Vanished);
        Assert.StartsWith("0 ", _world.AlipayHk.Items["b"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_item_whose_new_version_is_not_valid_is_stale_after_the_run()
    {
        await _world.RunAsync(Snapshot(("a", "1"), ("b", "1")));
        var invalid = """{"contentId":"a","contentType":"SKU","contentStatus":1,"contentInfo":{}}""" + "\n";
        var run = await _world.RunAsync(Snapshot(invalid + TestSnapshot.Line("b", "1")));

        Assert.Equal((ResyncRunState.Completed, 1), (run.State, run.Plan!.Invalid));
        Assert.True((await _world.Ledger.FindAsync("a", default))!.IsStale);
        Assert.StartsWith("1 ", _world.AlipayHk.Items["a"], StringComparison.Ordinal);

        await _world.RunAsync(Snapshot(("a", "2"), ("b", "1")));
        Assert.False((await _world.Ledger.FindAsync("a", default))!.IsStale);
    }

    [Fact]
    public async Task A_delisting_by_id_of_an_item_that_is_delisted_or_unknown_is_not_a_change()
    {
        await _world.RunAsync(Snapshot(("a", "1"), ("b", "1")));
        var byId = """{"contentId":"b","contentStatus":0}""" + "\n" + """{"contentId":"x","contentStatus":0}""" + "\n";
        var first = await _world.RunAsync(Snapshot(TestSnapshot.Line("a", "1") + byId), Allowed);
        Assert.Equal((1, 1, 1), (first.Plan!.Changed, first.Plan.Unknown, first.Plan.Unchanged));
        Assert.StartsWith("0 ", _world.AlipayHk.Items["b"], StringComparison.Ordinal);
        Assert.Contains("unknown", first.Message, StringComparison.Ordinal);

        _world.AlipayHk.Calls.Clear();
        var second = await _world.RunAsync(Snapshot(TestSnapshot.Line("a", "1") + byId), new ResyncParameters { Again = true });
        Assert.Equal((0, 0, 3), (second.Plan!.Changed, second.Plan.Unknown, second.Plan.Unchanged));
        Assert.Empty(_world.AlipayHk.Calls);
    }

    [Fact]
    public async Task A_failing_item_leaves_its_pack_as_a_message_of_its_own()
    {
        _world.AlipayHk.Fault = id => id switch { "a" => ("UNKNOWN_EXCEPTION", "F"), "b" => ("CONTENT_RISKY", "F"), _ => null };
        var run = await _world.RunAsync(Snapshot(("a", "1"), ("b", "1"), ("c", "1")));

        Assert.Equal(new RunCounts { Planned = 3, Sent = 1, Failed = 1, Parked = 1 }, run.Counts);
        var single = Assert.Single(_world.Singles);
        Assert.Equal(("a", TimeSpan.FromMinutes(1), 1), (single.ContentId, single.Delay, single.Hop));
    }

    [Fact]
    public async Task Does_not_overwrite_a_version_that_is_newer_than_the_snapshot()
    {
        var stale = Snapshot(("a", "old"));
        await _world.RunAsync(Snapshot(("a", "new")));
        _world.AlipayHk.Calls.Clear();

        var run = await _world.RunAsync(stale);

        Assert.Equal(new RunCounts { Planned = 1, Superseded = 1 }, run.Counts);
        Assert.Empty(_world.AlipayHk.Calls);
    }

    [Fact]
    public async Task The_line_with_the_newest_revision_wins()
    {
        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "new", revision: 2) + TestSnapshot.Line("a", "old", revision: 1)));

        Assert.Equal(new RunCounts { Planned = 1, Sent = 1 }, run.Counts);
        Assert.Equal("""1 {"name":"new"}""", Assert.Single(_world.AlipayHk.Items).Value);
    }

    [Fact]
    public async Task Stops_at_a_configuration_fault_and_continues_when_it_is_fixed()
    {
        _world.AlipayHk.Fault = _ => ("INVALID_SIGNATURE", "F");
        var snapshot = Snapshot([.. Enumerable.Range(0, 100).Select(i => ($"id-{i}", "1"))]);
        var run = await _world.RunAsync(snapshot);
        Assert.Equal(ResyncRunState.Sending, run.State);
        Assert.Contains("INVALID_SIGNATURE", run.Message, StringComparison.Ordinal);
        Assert.InRange(_world.AlipayHk.Calls.Count, 1, _world.Options.Lanes);

        _world.AlipayHk.Fault = _ => null;
        _world.Time.Advance(TimeSpan.FromMinutes(2));
        run = await _world.RunAsync(snapshot);

        Assert.Equal((ResyncRunState.Completed, 0, 100), (run.State, run.Remaining, _world.AlipayHk.Items.Count));
    }

    [Fact]
    public async Task Ends_a_cancelled_run_permanently()
    {
        var snapshot = Snapshot([.. Enumerable.Range(0, 100).Select(i => ($"id-{i}", "1"))]);
        using var kill = new KillSwitch(120);
        await Assert.ThrowsAnyAsync<Exception>(() => _world.RunAsync(snapshot, kill: kill));

        var cancelled = await _world.CancelAsync(snapshot);

        Assert.Equal(ResyncRunState.Cancelled, cancelled!.State);
        Assert.Equal(100, cancelled.Counts.Done + cancelled.Remaining);
        Assert.Null(await _world.CancelAsync(snapshot));
    }

    [Fact]
    public async Task Plans_again_if_the_plan_of_a_run_is_lost()
    {
        var snapshot = Snapshot([.. Enumerable.Range(0, 100).Select(i => ($"id-{i}", "1"))]);
        using var kill = new KillSwitch(120);
        await Assert.ThrowsAnyAsync<Exception>(() => _world.RunAsync(snapshot, kill: kill));
        _world.LosePlans();
        _world.Time.Advance(TimeSpan.FromMinutes(2));

        var run = await _world.RunAsync(snapshot);

        // What the killed process had accepted and not sent is left to the sweep.
        Assert.Equal((ResyncRunState.Completed, 100), (run.State, (await _world.LedgerAsync()).Count));
        var lost = Assert.Single(_world.Progress, earlier => earlier.State == ResyncRunState.Cancelled);
        Assert.Contains("plan is lost", lost.Message, StringComparison.Ordinal);
        Assert.NotEqual(lost.RunId, run.RunId);
    }

    [Fact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public async Task Ends_in_the_same_state_however_often_it_is_killed()
    {
        var (before, after) = Catalogs();
        var (undisturbed, calls) = await UndisturbedAsync(before, after);
        var random = new Random(11);
        for (var round = 0; round < 200; round++)
        {
            using var world = new ResyncWorld();
            await world.RunAsync(before);
            world.AlipayHk.Calls.Clear();
            var kills = await RunWithKillsAsync(world, after, random, calls);

            AssertEqual(undisturbed.Items, world.AlipayHk.Items);
            AssertEqual(undisturbed.Ledger, await world.LedgerAsync());
            var sentTwice = world.AlipayHk.Calls.Count - world.AlipayHk.Calls.Distinct().Count();
            Assert.InRange(sentTwice, 0, kills * world.Options.ItemsPerPack);
        }
    }

    [Fact]
    public async Task Creates_one_span_per_pack_and_none_per_item()
    {
        const int Items = 37;
        (_world.Options.Lanes, _world.Options.ItemsPerPack) = (1, Items);
        var items = Enumerable.Range(0, Items).Select(i => ($"span-{i}", "1")).ToArray();
        var spans = new ConcurrentBag<(object? ContentId, object? Count)>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => spans.Add((activity.GetTagItem(Telemetry.ContentIdTag), activity.GetTagItem("content.count"))),
        };
        ActivitySource.AddActivityListener(listener);

        await _world.RunAsync(Snapshot(items));

        // Other tests run at the same time and create spans of their own.
        Assert.Single(spans, span => span.Count is Items);
        Assert.DoesNotContain(spans, span => span.ContentId is string id && id.StartsWith("span-", StringComparison.Ordinal));
    }

    [Fact]
    public void Balances_the_lanes()
    {
        const int Items = 20_000;
        var lanes = Enumerable.Range(0, Items).GroupBy(i => PlanKey.Of($"SKU-{i:d8}").Lane(16)).Select(lane => lane.Count()).ToArray();

        Assert.Equal(16, lanes.Length);
        Assert.All(lanes, lane => Assert.InRange(lane / (Items / 16.0), 0.9, 1.1));
    }

    [Fact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public async Task A_thousand_catalogs_around_the_guards_limit_are_stopped_or_planned_correctly()
    {
        var random = new Random(5);
        var (stopped, planned) = (0, 0);
        for (var round = 0; round < 1_000; round++)
        {
            using var world = new ResyncWorld();
            var listed = random.Next(5, 40);
            var ids = Enumerable.Range(0, listed).Select(i => $"id-{i}").ToArray();
            await AcceptAsync(world, ids);
            var kept = ids.Where(_ => random.NextDouble() > 0.08).ToArray();
            var off = kept.Where(_ => random.NextDouble() < 0.03).ToHashSet();
            var added = random.Next(4);
            var lines = kept.Select(id => TestSnapshot.Line(id, "1", off.Contains(id) ? 0 : 1))
                .Concat(Enumerable.Range(0, added).Select(i => TestSnapshot.Line($"new-{i}", "1")));
            var delisted = listed - kept.Length + off.Count;

            var run = await world.RunAsync(new TestSnapshot(string.Concat(lines), Day(2)), new ResyncParameters { DryRun = true });

            var expected = (double)delisted / listed > 0.10 ? ResyncRunState.Stopped : ResyncRunState.Planned;
            Assert.Equal((expected, delisted, added), (run.State, run.Plan!.Delisting, run.Plan.New));
            if (expected == ResyncRunState.Stopped) stopped++;
            else planned++;
        }

        Assert.InRange(stopped, 200, 800);
        Assert.InRange(planned, 200, 800);
    }

    private static async Task AcceptAsync(ResyncWorld world, string[] ids)
    {
        var reader = new ContentReader(new ContentOptions(), world.Time);
        var items = ids.Select(id => reader.Read(System.Text.Encoding.UTF8.GetBytes(TestSnapshot.Line(id, "1"))).Item!);
        var submissions = items.Select(item => new Submission(item, new ChangeVersion(1, null, Day(-3)), _ => new PreparedRequest(new string('0', 32), default)));
        await world.Ledger.AcceptAsync([.. submissions], default);
    }

    private static DateTimeOffset Day(int day) => new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero).AddDays(day);

    private static (TestSnapshot Before, TestSnapshot After) Catalogs()
    {
        var before = Enumerable.Range(0, 60).Select(i => ($"id-{i}", "1"));
        var after = Enumerable.Range(5, 70).Select(i => ($"id-{i}", i % 3 == 0 ? "2" : "1"));
        return (
            new TestSnapshot(string.Concat(before.Select(item => TestSnapshot.Line(item.Item1, item.Item2))), Day(-2)),
            new TestSnapshot(string.Concat(after.Select(item => TestSnapshot.Line(item.Item1, item.Item2))), Day(1)));
    }

    private static void AssertEqual<T>(Dictionary<string, T> expected, Dictionary<string, T> actual) =>
        Assert.Equal(expected.OrderBy(item => item.Key, StringComparer.Ordinal), actual.OrderBy(item => item.Key, StringComparer.Ordinal));

    private static async Task<(EndState State, long Calls)> UndisturbedAsync(TestSnapshot before, TestSnapshot after)
    {
        using var world = new ResyncWorld();
        await world.RunAsync(before);
        using var counter = new KillSwitch(long.MaxValue);
        var run = await world.RunAsync(after, kill: counter);
        Assert.Equal((ResyncRunState.Completed, 5, 15), (run.State, run.Plan!.Vanished, run.Plan.New));
        return (new EndState(world.AlipayHk.Items, await world.LedgerAsync()), counter.Calls);
    }

    private static async Task<int> RunWithKillsAsync(ResyncWorld world, TestSnapshot snapshot, Random random, long calls)
    {
        for (var kills = 0; ; kills++)
        {
            using var kill = new KillSwitch(kills < 3 ? random.NextInt64(calls) : long.MaxValue);
            try
            {
                var run = await world.RunAsync(snapshot, kill: kill);
                if (run.State == ResyncRunState.Sending) continue;

                // It may have been killed after it was stored as completed.
                var ended = run.State == ResyncRunState.HandledAlready ? await world.FindRunAsync(snapshot, ResyncRunState.Completed) : run;
                Assert.Equal(ResyncRunState.Completed, ended!.State);
                Assert.Equal(ended.Counts.Planned, ended.Counts.Sent + ended.Counts.Unchanged);
                return kills;
            }
            catch (Exception e) when (kill.IsDead && e is OperationCanceledException or LedgerUnavailableException)
            {
                // The leases of the killed process expire.
                world.Time.Advance(TimeSpan.FromMinutes(2));
            }
        }
    }

    private TestSnapshot Snapshot(params (string Id, string Content)[] items) =>
        Snapshot(string.Concat(items.Select(item => TestSnapshot.Line(item.Id, item.Content))));

    /// <summary>A catalog of a minute after the one before.</summary>
    private TestSnapshot Snapshot(string text)
    {
        _world.Time.Advance(TimeSpan.FromMinutes(1));
        return new TestSnapshot(text, _world.Time.GetUtcNow());
    }

    private sealed record EndState(
        Dictionary<string, string> Items, Dictionary<string, (SyncState State, ContentHash Hash, ContentStatus Status)> Ledger);
}
