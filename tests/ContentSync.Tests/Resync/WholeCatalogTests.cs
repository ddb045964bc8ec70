using System.Text;
using ContentSync.AlipayHk;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;

namespace ContentSync.Tests.Resync;

/// <summary>A catalog counts as a whole: it is complete, of one time, and not done before AlipayHK holds all of it.</summary>
public sealed class WholeCatalogTests : IDisposable
{
    private static readonly ResyncParameters Allowed = new() { AllowedDelistShare = 1 };

    private readonly ResyncWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task An_older_catalog_names_what_is_newer_and_the_option_with_which_it_wins()
    {
        await _world.RunAsync(Snapshot(-2, ("a", "1"), ("b", "1"), ("c", "1")));
        await _world.RunAsync(Snapshot(-1, ("a", "2"), ("b", "1"), ("c", "2"), ("d", "2")), Allowed);
        _world.AlipayHk.Calls.Clear();

        var run = await _world.RunAsync(Snapshot(-2, ("a", "1"), ("b", "1"), ("c", "1")), Allowed);

        Assert.Equal((ResyncRunState.Completed, 2), (run.State, run.Counts.Superseded));
        Assert.Equal(["a", "c"], run.Newer.Order(StringComparer.Ordinal));
        Assert.Contains("--override-newer", run.Message, StringComparison.Ordinal);
        Assert.Empty(_world.AlipayHk.Calls);
    }

    [Fact]
    public async Task An_item_whose_newer_version_has_the_same_content_is_in_sync()
    {
        await _world.RunAsync(Snapshot(-1, ("a", "1")));
        _world.AlipayHk.Calls.Clear();

        // The ledger learns the revision, although the older catalog loses.
        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1", revision: 5), Day(-2)));

        Assert.Equal((ResyncRunState.Completed, "Done."), (run.State, run.Message));
        Assert.Equal((1, 0), (run.Counts.Unchanged, run.Counts.Superseded));
        Assert.Empty(run.Newer);
        Assert.Empty(_world.AlipayHk.Calls);
        Assert.Equal(5, (await _world.Ledger.FindAsync("a", default))!.Order.HighestNumber);
    }

    [Fact]
    public async Task A_rollback_makes_AlipayHK_equal_to_the_older_catalog()
    {
        await _world.RunAsync(Snapshot(-2, ("a", "1"), ("b", "1"), ("c", "1")));
        await _world.RunAsync(Snapshot(-1, ("a", "2"), ("b", "1"), ("c", "2"), ("d", "2")), Allowed);
        _world.Time.Advance(TimeSpan.FromMinutes(1));

        var run = await _world.RunAsync(Snapshot(-2, ("a", "1"), ("b", "1"), ("c", "1")), Allowed with { OverrideNewer = true });

        Assert.Equal((ResyncRunState.Completed, "Done.", 0), (run.State, run.Message, run.Counts.Superseded));
        Assert.Equal("""1 {"name":"1"}""", _world.AlipayHk.Items["a"]);
        Assert.Equal("""1 {"name":"1"}""", _world.AlipayHk.Items["c"]);
        Assert.StartsWith("0 ", _world.AlipayHk.Items["d"], StringComparison.Ordinal);
        Assert.True(run.Parameters.OverrideNewer);
    }

    [Fact]
    public async Task The_guard_stops_a_rollback_too()
    {
        await _world.RunAsync(Snapshot(-2, ("a", "1")));
        await _world.RunAsync(Snapshot(-1, ("a", "2"), ("b", "2")));

        var run = await _world.RunAsync(Snapshot(-2, ("a", "1")), new ResyncParameters { OverrideNewer = true });

        Assert.Equal(ResyncRunState.Stopped, run.State);
        Assert.Equal("""1 {"name":"2"}""", _world.AlipayHk.Items["a"]);
    }

    [Fact]
    public async Task A_parked_item_is_not_in_sync_and_keeps_the_catalog_from_being_handled()
    {
        _world.AlipayHk.Fault = id => id is "p" or "q" ? ("CONTENT_RISKY", "F") : null;
        var snapshot = Snapshot(-1, ("a", "1"), ("p", "1"), ("q", "1"));
        await _world.RunAsync(snapshot);

        var run = await _world.RunAsync(snapshot);

        Assert.Equal(ResyncRunState.Completed, run.State);
        Assert.Equal((0L, 2L), (run.Open!.Pending, run.Open.Parked));
        Assert.Equal(["p", "q"], run.Open.First.Select(item => item.ContentId).Order(StringComparer.Ordinal));
        Assert.All(run.Open.First, item => Assert.Equal((SyncState.Parked, "CONTENT_RISKY"), (item.State, item.Code)));
        Assert.Contains("2 items are parked", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pending_item_of_an_earlier_run_keeps_the_catalog_from_being_handled()
    {
        _world.AlipayHk.Fault = id => id == "p" ? ("UNKNOWN_EXCEPTION", "F") : null;
        var snapshot = Snapshot(-1, ("a", "1"), ("p", "1"));
        await _world.RunAsync(snapshot);

        var run = await _world.RunAsync(snapshot);

        Assert.Equal((ResyncRunState.Completed, 1L), (run.State, run.Open!.Pending));
        Assert.Contains("pending", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_row_of_a_run_tells_what_has_become_of_its_items()
    {
        _world.AlipayHk.Fault = id => id == "p" ? ("UNKNOWN_EXCEPTION", "F") : null;
        var ended = await _world.RunAsync(Snapshot(-1, ("a", "1"), ("p", "1")));
        Assert.Equal((1L, 1L), (ended.Counts.Sent, ended.Counts.Failed));

        _world.AlipayHk.Fault = _ => null;
        _world.Time.Advance(TimeSpan.FromHours(1));
        await _world.RunAsync(new LedgerSource());

        var runs = await new RunOutcomes(((ISyncLedger)_world.Ledger).ListItemsAsync).RefreshAsync([ended], default);
        Assert.Equal((2L, 0L, "Done."), (runs[0].Counts.Sent, runs[0].Counts.Failed, runs[0].Message));
        Assert.Equal(ended.Counts.Planned, runs[0].Counts.Done);
    }

    public static TheoryData<string, string?, long?> Incomplete => new()
    {
        { "the last line says more", """{"catalog":{"items":3}}""", null },
        { "the last line says fewer", """{"catalog":{"items":1}}""", null },
        { "the option says more", null, 3 },
        { "the option says fewer, the last line is right", """{"catalog":{"items":2}}""", 1 },
        { "the last line is not readable", """{"catalog":{"items":"two"}}""", null },
        { "the last line has an unknown member", """{"catalog":{"count":2}}""", null },
    };

    [Theory]
    [MemberData(nameof(Incomplete))]
    public async Task Refuses_a_catalog_that_does_not_hold_what_it_declares(string why, string? lastLine, long? expected)
    {
        var text = TestSnapshot.Line("a", "1") + TestSnapshot.Line("b", "1") + lastLine;

        var run = await _world.RunAsync(new TestSnapshot(text), new ResyncParameters { ExpectedItems = expected });

        Assert.True(run.State == ResyncRunState.Refused, why);
        Assert.Empty(_world.AlipayHk.Calls);
        Assert.Empty(await _world.LedgerAsync());
    }

    [Theory]
    [InlineData("", """{"catalog":{"items":2}}""", null)]
    [InlineData("""{"catalog":{"items":2}}""" + "\n", "", null)]
    [InlineData("", "", 2L)]
    [InlineData("""{"catalog":{"asOf":"2026-03-01T01:00:00Z"}}""" + "\n", """{ "catalog" : {"items":2} }""" + "\n\n", 2L)]
    public async Task Accepts_a_catalog_that_holds_what_it_declares(string firstLine, string lastLine, long? expected)
    {
        var text = firstLine + TestSnapshot.Line("a", "1") + TestSnapshot.Line("b", "1") + lastLine;

        var run = await _world.RunAsync(new TestSnapshot(text), new ResyncParameters { ExpectedItems = expected });

        Assert.Equal((ResyncRunState.Completed, 2L, 0L), (run.State, run.Plan!.Items, run.Plan.Invalid));
        Assert.Equal(2, _world.AlipayHk.Items.Count);
        Assert.True(run.ProvedCompleteness);
    }

    [Fact]
    public async Task Refuses_a_catalog_that_stops_declaring_its_size_unless_an_operator_does()
    {
        var lines = TestSnapshot.Line("a", "1") + TestSnapshot.Line("b", "1");
        await _world.RunAsync(new TestSnapshot(lines + """{"catalog":{"items":2}}"""));

        var truncated = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "2") + TestSnapshot.Line("b", "2")));
        Assert.Equal(ResyncRunState.Refused, truncated.State);
        Assert.Contains("--expect-items", truncated.Message, StringComparison.Ordinal);

        var stated = await _world.RunAsync(
            new TestSnapshot(TestSnapshot.Line("a", "2") + TestSnapshot.Line("b", "2")), new ResyncParameters { ExpectedItems = 2 });
        Assert.Equal(ResyncRunState.Completed, stated.State);
    }

    [Fact]
    public async Task An_item_that_cannot_be_identified_keeps_everything_listed_and_the_rest_goes_on()
    {
        await _world.RunAsync(Snapshot(-2, ("a", "1"), ("b", "1"), ("c", "1")));
        _world.Time.Advance(TimeSpan.FromDays(1));

        var run = await _world.RunAsync(
            new TestSnapshot(TestSnapshot.Line("a", "2") + """{"contentType":"SKU"}""" + "\n" + TestSnapshot.Line("d", "1"), Day(1)));

        Assert.Equal((ResyncRunState.Completed, 1L, 2L), (run.State, run.Plan!.Unidentified, run.Plan.Withheld));
        Assert.Contains("nothing is delisted", run.Message, StringComparison.Ordinal);
        Assert.Equal("""1 {"name":"2"}""", _world.AlipayHk.Items["a"]);
        Assert.All(_world.AlipayHk.Items.Values, item => Assert.StartsWith("1 ", item, StringComparison.Ordinal));
        Assert.Equal(4, _world.AlipayHk.Items.Count);
    }

    [Fact]
    public async Task A_run_that_leaves_out_an_invalid_line_says_so()
    {
        var invalid = """{"contentId":"b","contentType":"SKU","contentStatus":3,"contentInfo":{"name":"1"}}""" + "\n";

        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1") + invalid));

        Assert.Equal((ResyncRunState.Completed, 1L), (run.State, run.Plan!.Invalid));
        Assert.StartsWith("1 line is not valid, so this version is not sent", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_that_leaves_out_several_invalid_lines_says_how_many()
    {
        var invalid = string.Concat("bcd".Select(id => TestSnapshot.Line($"{id}", "1", status: 3)));

        var run = await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1") + invalid));

        Assert.Equal(3L, run.Plan!.Invalid);
        Assert.StartsWith("3 lines are not valid, so these versions are not sent", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_was_last_written_when_its_sending_began_however_long_it_was_planned()
    {
        var requestedAt = _world.Time.GetUtcNow();

        await _world.RunAsync(new TestSnapshot(TestSnapshot.Line("a", "1")) { Opened = () => _world.Time.Advance(TimeSpan.FromMinutes(20)) });

        var begun = _world.Progress.First(run => run.State == ResyncRunState.Sending);
        Assert.Equal(requestedAt.AddMinutes(20), begun.UpdatedAt);
    }

    [Theory]
    [InlineData("a long id")]
    [InlineData("a long text")]
    [InlineData("nested deeply")]
    [InlineData("a type of its own")]
    public async Task An_item_that_todays_limits_would_refuse_is_delisted_all_the_same(string which)
    {
        var limits = new ContentOptions();
        var contentId = which == "a long id" ? new string('i', limits.MaxContentIdLength + 1) : "b";
        var contentType = which == "a type of its own" ? "EARLIER" : "SKU";
        var contentInfo = which switch
        {
            "a long text" => $$"""{"name":"{{new string('x', limits.MaxItemBytes)}}"}""",
            "nested deeply" => $"{string.Concat(Enumerable.Repeat("{\"a\":", limits.MaxContentInfoDepth))}{{\"a\":1}}{new string('}', limits.MaxContentInfoDepth)}",
            _ => """{"name":"1"}""",
        };
        await AcceptAsync($$"""{"contentId":"{{contentId}}","contentType":"{{contentType}}","contentStatus":1,"contentInfo":{{contentInfo}}}""");

        _world.Time.Advance(TimeSpan.FromDays(2));

        var run = await _world.RunAsync(Snapshot(1, ("a", "1")), Allowed);

        Assert.Equal((ResyncRunState.Completed, 2L), (run.State, run.Counts.Sent));
        Assert.Equal($"0 {contentInfo}", _world.AlipayHk.Items[contentId]);
    }

    [Fact]
    public async Task Names_the_items_that_a_catalog_holds_more_than_once()
    {
        var lines = TestSnapshot.Line("a", "DE") + TestSnapshot.Line("b", "1") + TestSnapshot.Line("a", "AT") + TestSnapshot.Line("b", "1");

        var run = await _world.RunAsync(new TestSnapshot(lines, Day(-1)));
        _world.AlipayHk.Calls.Clear();
        await _world.RunAsync(new TestSnapshot(lines, Day(0)) { Digest = "touched" });

        Assert.Equal([("a", true), ("b", false)], run.Duplicates.Select(duplicate => (duplicate.ContentId, duplicate.Differs)));
        Assert.Equal("""1 {"name":"AT"}""", _world.AlipayHk.Items["a"]);
        Assert.Empty(_world.AlipayHk.Calls);
    }

    [Fact]
    public async Task Refuses_two_catalogs_in_one_file()
    {
        var export = TestSnapshot.Line("a", "1") + """{"catalog":{"items":1}}""" + "\n";

        var run = await _world.RunAsync(new TestSnapshot(export + TestSnapshot.Line("b", "1") + """{"catalog":{"items":1}}""" + "\n"));

        Assert.Equal((ResyncRunState.Refused, 3L), (run.State, run.FaultLine!.Value));
    }

    [Fact]
    public async Task A_catalog_that_shrinks_a_little_every_night_is_stopped_before_it_is_half_gone()
    {
        var ids = Enumerable.Range(0, 200).Select(i => ($"id-{i}", "1")).ToArray();
        await _world.RunAsync(Snapshot(0, ids));
        var stopped = 0;
        for (var night = 1; night <= 8; night++)
        {
            _world.Time.Advance(TimeSpan.FromDays(1));
            ids = ids[..(int)(ids.Length * 0.91)];
            if ((await _world.RunAsync(Snapshot(night, ids))).State == ResyncRunState.Stopped) stopped++;
        }

        Assert.Equal(7, stopped);
        Assert.Equal(18, _world.AlipayHk.Items.Values.Count(item => item.StartsWith("0 ", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task After_an_operator_allowed_a_smaller_catalog_the_next_ones_are_compared_with_that()
    {
        var ids = Enumerable.Range(0, 100).Select(i => ($"id-{i}", "1")).ToArray();
        await _world.RunAsync(Snapshot(0, ids));
        _world.Time.Advance(TimeSpan.FromDays(1));
        await _world.RunAsync(Snapshot(1, ids[..50]), Allowed);
        _world.Time.Advance(TimeSpan.FromDays(1));

        Assert.Equal(ResyncRunState.Completed, (await _world.RunAsync(Snapshot(2, ids[..49]))).State);
    }

    [Fact]
    public async Task A_source_that_refuses_access_ends_the_run_with_the_reason()
    {
        var run = await _world.RunAsync(new RefusingSource());

        Assert.Equal((ResyncRunState.Refused, "The container refused access; grant it."), (run.State, run.Message));
        Assert.False(run.IsInProgress);
    }

    private static DateTimeOffset Day(int day) => new DateTimeOffset(2026, 3, 1, 11, 0, 0, TimeSpan.Zero).AddDays(day);

    /// <summary>Accepts an item as a program with wider limits did.</summary>
    private async Task AcceptAsync(string text)
    {
        var wide = new ContentOptions
        {
            ContentTypes = ["SKU", "EARLIER"],
            MaxContentIdLength = 1_000,
            MaxContentInfoBytes = 1_000_000,
            MaxContentInfoDepth = 60,
            MaxTextLength = 1_000_000,
            MaxItemBytes = 1_000_000,
        };
        var item = new ContentReader(wide, _world.Time).Read(Encoding.UTF8.GetBytes(text)).Item!;
        var requestId = new string('1', 32);
        await _world.Ledger.AcceptAsync(
            [new Submission(item, new ChangeVersion(1, null, Day(-3)), _ => new PreparedRequest(requestId, SynchronizeRequest.Prepare(item, requestId)))],
            default);
    }

    private static TestSnapshot Snapshot(int day, params (string Id, string Content)[] items) =>
        new(string.Concat(items.Select(item => TestSnapshot.Line(item.Id, item.Content))), Day(day));

    private sealed class RefusingSource : ICatalogSource
    {
        public string Name => "container";

        public ValueTask<ICatalogSnapshot?> FindNewestAsync(CancellationToken cancellationToken) =>
            ValueTask.FromException<ICatalogSnapshot?>(new CatalogSourceException("The container refused access; grant it."));
    }
}
