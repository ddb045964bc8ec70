using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Resync.Planning;

public sealed class CatalogPlannerTests : IDisposable
{
    private static readonly ContentOptions Options = new();
    private static readonly ContentReader Reader = new(Options, TimeProvider.System);
    private static readonly DateTimeOffset WrittenAt = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Now = WrittenAt.AddDays(1);

    private readonly TemporaryFolder _folder = new();
    private readonly FakeLedgerScan _ledger = new();

    public CatalogPlannerTests() => Directory.CreateDirectory(_folder.File("plans"));

    public void Dispose()
    {
        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("plans")));
        _folder.Dispose();
    }

    [Fact]
    public async Task Finds_what_is_new_changed_unchanged_and_vanished()
    {
        _ledger.Add("same", "A");
        _ledger.Add("other", "A");
        _ledger.Add("gone", "A");

        await using var plan = await PlanAsync(TestSnapshot.Line("new", "A") + TestSnapshot.Line("same", "A") + TestSnapshot.Line("other", "B"));

        Assert.Equal(new PlanCounts { Items = 3, New = 1, Changed = 1, Unchanged = 1, Vanished = 1, Listed = 3, Delisting = 1 }, plan.Counts);
        Assert.Equal([0L, 2L], Selected(plan));
        Assert.Equal(["gone"], await NamedAsync(plan));
    }

    [Fact]
    public async Task Agrees_with_a_plain_comparison_of_two_dictionaries()
    {
        var random = new Random(7);
        for (var round = 0; round < 20; round++)
        {
            _ledger.Clear();
            var stored = Enumerable.Range(0, random.Next(0, 400))
                .Select(i => $"id-{random.Next(600)}")
                .Distinct()
                .ToDictionary(id => id, _ => $"{random.Next(3)}");
            var items = Enumerable.Range(0, random.Next(0, 400))
                .Select(i => $"id-{random.Next(600)}")
                .Distinct()
                .Select(id => (Id: id, Content: $"{random.Next(3)}"))
                .ToArray();
            foreach (var (id, content) in stored) _ledger.Add(id, content);

            await using var plan = await PlanAsync(string.Concat(items.Select(item => TestSnapshot.Line(item.Id, item.Content))));

            var differing = items.Index().Where(item => stored.GetValueOrDefault(item.Item.Id) != item.Item.Content);
            Assert.Equal(differing.Select(item => (long)item.Index), Selected(plan));
            Assert.Equal(
                stored.Keys.Except(items.Select(item => item.Id)).Order(StringComparer.Ordinal),
                (await NamedAsync(plan)).Order(StringComparer.Ordinal));
            Assert.Equal(items.Count(item => !stored.ContainsKey(item.Id)), plan.Counts.New);
        }
    }

    [Theory]
    [InlineData("{\"contentId\":\"b\",")]
    [InlineData("{not json\n")]
    [InlineData("{\"contentId\":\"b\"\n\n")]
    public async Task Refuses_a_snapshot_whose_last_line_is_incomplete(string last)
    {
        _ledger.Add("a", "A");
        var result = await ResultAsync(new TestSnapshot(TestSnapshot.Line("a", "A") + last));

        Assert.Null(result.Plan);
        Assert.Equal(2, result.Fault!.Line);
        Assert.Contains("line 2", result.Fault.Message, StringComparison.Ordinal);
        Assert.Contains("truncated", result.Fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"contentType\":\"SKU\",\"contentStatus\":1,\"contentInfo\":{\"a\":1}}\n")]
    [InlineData("{\"contentId\":\"x\",\n")]
    [InlineData("{not json\n")]
    public async Task Delists_nothing_if_an_item_cannot_be_identified_and_goes_on_with_the_rest(string unidentified)
    {
        _ledger.Add("changed", "A");
        _ledger.Add("gone", "A");
        await using var plan = await PlanAsync(unidentified + TestSnapshot.Line("changed", "B") + TestSnapshot.Line("new", "A"));

        Assert.Equal([1L, 2L], Selected(plan));
        Assert.Empty(await NamedAsync(plan));
        Assert.Equal((1, 1), (plan.Counts.Invalid, plan.Counts.Unidentified));
        Assert.Equal((0, 1, 0), (plan.Counts.Vanished, plan.Counts.Withheld, plan.Counts.Delisting));
        Assert.Equal("line 1", Assert.Single(plan.Issues).Place);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Keeps_order_and_ordinals_of_a_catalog_of_many_chunks(bool asArray)
    {
        var lines = Enumerable.Range(0, 9_000).Select(i => i % 1_000 == 7
            ? $$$"""{"contentId":"id-{{{i}}}","contentType":"UNHEARD","contentStatus":1,"contentInfo":{}}"""
            : TestSnapshot.Line($"id-{i}", new string('x', 60)).TrimEnd()).ToArray();
        for (var i = 0; i < lines.Length; i += 3) _ledger.Add($"id-{i}", new string('x', 60));

        await using var plan = await PlanAsync(asArray ? $"[\n{string.Join(",\n", lines)}]" : string.Join('\n', lines));

        var differing = Enumerable.Range(0, lines.Length).Where(i => i % 3 != 0 && i % 1_000 != 7);
        Assert.Equal(differing.Select(i => (long)i), Selected(plan));
        Assert.Equal((9_000, 9, 2_997), (plan.Counts.Items, plan.Counts.Invalid, plan.Counts.Unchanged));
        var invalid = Enumerable.Range(0, 9)
            .Select(i => (i * 1_000) + 7)
            .Select(i => ($"id-{i}", asArray ? $"line {i + 2}, element {i}" : $"line {i + 1}"));
        Assert.Equal(invalid, plan.Issues.Select(issue => (issue.ContentId!, issue.Place)));
    }

    [Fact]
    public async Task Counts_an_item_that_is_too_large_as_unidentified()
    {
        _ledger.Add("gone", "A");
        var largeItem = TestSnapshot.Line("b", new string('x', Options.MaxItemBytes));
        await using var plan = await PlanAsync(largeItem + TestSnapshot.Line("a", "A"));

        Assert.Equal((1, 1, 1), (plan.Counts.Unidentified, plan.Counts.Withheld, plan.Counts.New));
        Assert.Contains("MaxItemBytes", Assert.Single(plan.Issues).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stops_when_cancelled_and_leaves_no_files_behind()
    {
        using var cancellation = new CancellationTokenSource();
        var lines = Enumerable.Range(0, 20_000).Select(i => TestSnapshot.Line($"id-{i}", "A"));
        var catalog = new TestSnapshot(string.Concat(lines)) { Opened = cancellation.Cancel };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            Planner(_ledger).PlanAsync(catalog, cancellation.Token));
    }

    [Fact]
    public void Distinguishes_contentIds_whether_they_are_their_own_keys_or_hashed()
    {
        var ids = Enumerable.Range(0, 40)
            .SelectMany(length => (string[])
                [new string('a', length), new string('b', length), new string('a', length) + '\0', new string('é', length)])
            .Distinct()
            .ToArray();

        Assert.Equal(ids.Length, ids.Select(PlanKey.Of).Distinct().Count());
        Assert.All(ids, id => Assert.Equal(PlanKey.Of(id), PlanKey.Of(Encoding.UTF8.GetBytes(id))));
    }

    [Fact]
    public void Spreads_contentIds_that_differ_in_a_few_digits_evenly_over_the_partitions()
    {
        const int Items = 256_000;
        var partitions = Enumerable.Range(0, Items)
            .GroupBy(i => new PlanPartitioning(_ledger).Of(PlanKey.Of($"SKU-{i:d8}"), ""))
            .Select(partition => partition.Count())
            .ToArray();

        Assert.Equal(PlanPartitioning.Partitions, partitions.Length);
        Assert.All(partitions, partition => Assert.InRange(partition, 850, 1_150));
    }

    [Fact]
    public async Task Refuses_a_truncated_array()
    {
        var result = await ResultAsync(new TestSnapshot("[" + TestSnapshot.Line("a", "A") + "," + TestSnapshot.Line("b", "A")));

        Assert.Contains("closing ] is missing", result.Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_array_whose_reading_stops_behind_its_last_item_is_complete_when_the_reading_goes_on()
    {
        var snapshot = new TestSnapshot($"[{TestSnapshot.Line("a", "A")},{TestSnapshot.Line("b", "A")}]");
        var request = new PlanRequest { Source = "catalog", RunId = "run", IsSpent = () => true };

        PlanResult result;
        var steps = 0;
        do result = await Planner(_ledger, segmentItems: 1).PlanAsync(snapshot, request, default);
        while (result.Unfinished is not null && ++steps < 1_000);

        Assert.Null(result.Fault);
        await using var plan = result.Plan!;
        Assert.Equal(2, plan.Counts.New);
    }

    [Fact]
    public async Task Names_absent_items_completely_however_long_their_ids_are_together()
    {
        var others = Enumerable.Range(0, 255).Select(i => $"{i:d3}-{new string('x', 58)}").ToArray();
        for (var length = 1; length <= 64; length++)
        {
            string[] absent = [.. others, new string('y', length)];
            _ledger.Clear();
            foreach (var id in absent) _ledger.Add(id, "A");

            await using var plan = await PlanAsync(TestSnapshot.Line("a", "A"));

            Assert.Equal(absent, (await NamedAsync(plan)).Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task Refuses_a_snapshot_that_another_process_writes_to()
    {
        var result = await ResultAsync(new TestSnapshot(TestSnapshot.Line("a", "A")) { IsWrittenTo = true });

        Assert.Contains("was written to while it was read", result.Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Neither_sends_nor_delists_an_invalid_item()
    {
        _ledger.Add("a", "A");
        await using var plan = await PlanAsync("""{"contentId":"a","contentType":"UNHEARD","contentStatus":1,"contentInfo":{}}""");

        Assert.Equal((1, 1, 0, 0), (plan.Counts.Items, plan.Counts.Invalid, plan.Counts.Changed, plan.Counts.Vanished));
        Assert.Empty(Selected(plan));
        Assert.Equal("a", Assert.Single(plan.Issues).ContentId);
    }

    [Fact]
    public async Task Sends_one_of_several_lines_and_reports_them()
    {
        string[] lines =
        [
            TestSnapshot.Line("A", "DE"),
            TestSnapshot.Line("a longer contentId 手", "B"),
            TestSnapshot.Line("A", "AT"),
            "\n",
            TestSnapshot.Line("C", "C"),
            TestSnapshot.Line("A", "DE"),
            TestSnapshot.Line("a longer contentId 手", "B"),
        ];
        await using var plan = await PlanAsync(string.Concat(lines));

        Assert.Equal([3L, 4L, 5L], Selected(plan));
        Assert.Equal(
            new PlanCounts { Items = 6, New = 3, Repeated = 3, DuplicatesSame = 1, DuplicatesDiffering = 1 }, plan.Counts);
        var duplicates = await plan.ReadDuplicatesAsync(default).ToListAsync();
        Assert.Equal(["A", "a longer contentId 手"], duplicates.Select(duplicate => duplicate.ContentId));
        Assert.Equal([["line 1", "line 3", "line 6"], ["line 2", "line 7"]], duplicates.Select(duplicate => duplicate.Places));
        Assert.Equal([("line 6", true), ("line 7", false)], duplicates.Select(duplicate => (duplicate.Kept, duplicate.Differs)));
        Assert.Equal(duplicates.Select(duplicate => duplicate.ContentId), plan.Duplicates.Select(duplicate => duplicate.ContentId));
    }

    [Fact]
    public async Task Sends_nothing_again_for_repeated_lines_of_which_the_last_was_sent()
    {
        _ledger.Add("a", "B");
        await using var plan = await PlanAsync(TestSnapshot.Line("a", "A") + TestSnapshot.Line("a", "B"));

        Assert.Empty(Selected(plan));
        Assert.Equal((1, 1, 1), (plan.Counts.Unchanged, plan.Counts.Repeated, plan.Counts.DuplicatesDiffering));
    }

    [Fact]
    public async Task Names_the_elements_of_an_array_that_repeat_an_item()
    {
        await using var plan = await PlanAsync($"[{TestSnapshot.Line("a", "A").TrimEnd()},{TestSnapshot.Line("a", "B").TrimEnd()}]");

        var duplicate = Assert.Single(await plan.ReadDuplicatesAsync(default).ToListAsync());
        Assert.Equal(["line 1, element 0", "line 1, element 1"], duplicate.Places);
    }

    [Fact]
    public async Task Reports_every_duplicate_in_the_order_of_the_catalog_and_shows_the_first_twenty()
    {
        var lines = Enumerable.Range(0, 600).Select(i => TestSnapshot.Line($"id-{i % 300}", $"{i % 7}"));
        await using var plan = await PlanAsync(string.Concat(lines));

        var duplicates = await plan.ReadDuplicatesAsync(default).ToListAsync();
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"id-{i}"), duplicates.Select(duplicate => duplicate.ContentId));
        Assert.Equal(duplicates.Take(20).Select(duplicate => duplicate.ContentId), plan.Duplicates.Select(duplicate => duplicate.ContentId));
        Assert.Equal(300, plan.Counts.DuplicatesSame + plan.Counts.DuplicatesDiffering);
    }

    [Fact]
    public async Task A_stored_plan_still_streams_what_it_reports()
    {
        _ledger.Add("rejected", "A", state: SyncState.Parked, parkReason: ParkReason.Rejected);
        await using var plan = await PlanAsync(
            TestSnapshot.Line("a", "A") + TestSnapshot.Line("rejected", "A") + "{\"contentId\":\"bad\"}\n" + TestSnapshot.Line("a", "B"));
        using var stored = new MemoryStream();
        await plan.SaveAsync(stored, default);
        stored.Position = 0;

        await using var loaded = await CatalogPlan.LoadAsync(stored, default);
        Assert.Equal(plan.Counts, loaded.Counts);
        Assert.Equal("a", Assert.Single(await loaded.ReadDuplicatesAsync(default).ToListAsync()).ContentId);
        Assert.Equal("bad", Assert.Single(await loaded.ReadIssuesAsync(default).ToListAsync()).ContentId);
        Assert.Equal("rejected", Assert.Single(await loaded.ReadParkedAsync(default).ToListAsync()));
        Assert.Equal(Selected(plan), Selected(loaded));
    }

    [Fact]
    public async Task Sends_items_again_that_are_out_of_attempts_but_not_rejected_ones()
    {
        _ledger.Add("exhausted", "A", state: SyncState.Parked, parkReason: ParkReason.AttemptsExhausted);
        _ledger.Add("rejected", "A", state: SyncState.Parked, parkReason: ParkReason.Rejected);
        _ledger.Add("pending", "A", state: SyncState.Pending);
        await using var plan = await PlanAsync(
            TestSnapshot.Line("rejected", "A") + TestSnapshot.Line("exhausted", "A") + TestSnapshot.Line("pending", "A"));

        Assert.Equal([1L], Selected(plan));
        Assert.Equal((2, 1, 1), (plan.Counts.Unchanged, plan.Counts.Parked, plan.Counts.Pending));
        Assert.Equal(["rejected"], plan.Parked);
    }

    [Fact]
    public async Task Leaves_an_item_parked_that_is_out_of_attempts_if_the_catalog_brings_no_newer_version()
    {
        _ledger.Add("a", "A", state: SyncState.Parked, parkReason: ParkReason.AttemptsExhausted, changedAt: WrittenAt);
        await using var plan = await PlanAsync(TestSnapshot.Line("a", "A"));

        Assert.Equal((1, 1, 0), (plan.Counts.Unchanged, plan.Counts.Parked, plan.Counts.Changed));
        Assert.Equal(["a"], plan.Parked);
        Assert.Empty(Selected(plan));
    }

    [Fact]
    public async Task An_item_that_the_catalog_delists_by_id_is_unchanged_once_it_is_delisted()
    {
        _ledger.Add("delisted", "A", status: ContentStatus.Invalid);
        _ledger.Add("listed", "A");
        await using var plan = await PlanAsync(
            """{"contentId":"delisted","contentStatus":0}""" + "\n" + """{"contentId":"listed","contentStatus":0}""" + "\n");

        Assert.Equal((1, 1, 1), (plan.Counts.Unchanged, plan.Counts.Changed, plan.Counts.Delisting));
        Assert.Equal([1L], Selected(plan));
    }

    [Fact]
    public async Task Does_not_delist_items_accepted_after_the_snapshot_or_delisted_already()
    {
        _ledger.Add("later", "A", acceptedAt: WrittenAt.AddSeconds(1));
        _ledger.Add("delisted", "A", status: ContentStatus.Invalid);
        _ledger.Add("gone", "A");
        await using var plan = await PlanAsync("");

        Assert.Equal(["gone"], await NamedAsync(plan));
        Assert.Equal((1, 2), (plan.Counts.Delisting, plan.Counts.Listed));
    }

    [Theory]
    [InlineData(ParkReason.Rejected, true, false)]
    [InlineData(ParkReason.Rejected, false, true)]
    [InlineData(ParkReason.AttemptsExhausted, true, true)]
    public async Task Delists_a_parked_item_unless_AlipayHK_never_accepted_it(ParkReason reason, bool isUnknown, bool isDelisted)
    {
        _ledger.Add("parked", "A", state: SyncState.Parked, parkReason: reason, isUnknown: isUnknown);
        await using var plan = await PlanAsync("");

        Assert.Equal(isDelisted ? ["parked"] : [], await NamedAsync(plan));
        Assert.Equal(isDelisted ? 1 : 0, plan.Counts.Listed);
    }

    [Theory]
    [InlineData(1, null, 7L, true)]
    [InlineData(-1, null, 7L, false)]
    [InlineData(1, null, null, true)]
    [InlineData(0, null, null, true)]
    [InlineData(-1, null, null, false)]
    [InlineData(-1, 7L, 7L, true)]
    [InlineData(1, 8L, 7L, false)]
    [InlineData(1, 6L, 7L, true)]
    [InlineData(-1, 6L, null, false)]
    [InlineData(1, 6L, null, true)]
    public async Task Predicts_by_the_rule_of_the_ledger_which_items_are_newer_than_the_catalog(
        int hoursAfterCatalog, long? inCatalog, long? inLedger, bool isNewer)
    {
        _ledger.Add("a", "A", revision: inLedger, changedAt: WrittenAt.AddHours(hoursAfterCatalog));
        await using var plan = await PlanAsync(TestSnapshot.Line("a", "B", revision: inCatalog));

        var known = VersionOrder.First(new ChangeVersion(inLedger, null, WrittenAt.AddHours(hoursAfterCatalog)), null, Now);
        var verdict = known.Judge(new ChangeVersion(inCatalog, null, WrittenAt), null, Now).Verdict;
        Assert.Equal(isNewer, verdict != VersionVerdict.Newer);
        Assert.Equal(isNewer ? (1, 0) : (0, 1), (plan.Counts.Newer, plan.Counts.Changed));
        Assert.Equal(isNewer ? ["a"] : [], await plan.ReadNewerAsync(default).ToListAsync());
    }

    [Fact]
    public async Task Counts_items_that_the_catalog_itself_delists_as_delisting()
    {
        _ledger.Add("a", "A");
        await using var plan = await PlanAsync(TestSnapshot.Line("a", "A", status: 0) + TestSnapshot.Line("b", "A", status: 0));

        Assert.Equal((1, 1, 1), (plan.Counts.Delisting, plan.Counts.Changed, plan.Counts.New));
    }

    [Fact]
    public async Task Fails_if_the_ledger_fails_and_leaves_no_files_behind()
    {
        _ledger.Fault = new LedgerUnavailableException("The disk is gone.");

        await Assert.ThrowsAsync<LedgerUnavailableException>(() => ResultAsync(new TestSnapshot(TestSnapshot.Line("a", "A"))));
    }

    [Fact]
    public void Uses_at_most_48_bytes_per_item_in_memory() => Assert.InRange(PlanComparison.BytesPerItem, 1, 48);

    [Theory]
    [InlineData(6L, 7L, true)]
    [InlineData(7L, 7L, false)]
    [InlineData(8L, 7L, false)]
    [InlineData(null, 7L, true)]
    [InlineData(7L, null, false)]
    [InlineData(long.MaxValue - 1, 0L, false)]
    public async Task Selects_an_unchanged_item_if_its_revision_is_newer_than_that_in_the_ledger(long? known, long? revision, bool isSelected)
    {
        _ledger.Add("a", "A", revision: known);

        await using var plan = await PlanAsync(TestSnapshot.Line("a", "A", revision: revision));

        Assert.Equal((1, isSelected ? 1 : 0), (plan.Counts.Unchanged, plan.Selected));
    }

    [Fact]
    public async Task Of_several_lines_the_newest_counts_and_of_equally_new_ones_the_last()
    {
        await using var plan = await PlanAsync(
            TestSnapshot.Line("a", "A", revision: 2)
            + TestSnapshot.Line("a", "A", revision: 1)
            + TestSnapshot.Line("b", "A", revision: 1)
            + TestSnapshot.Line("b", "B", revision: 1));

        Assert.Equal([0L, 3L], Selected(plan));
        Assert.Equal(["line 1", "line 4"], plan.Duplicates.Select(duplicate => duplicate.Kept));
    }

    [Fact]
    public async Task Selects_every_addition_whose_version_is_not_acknowledged()
    {
        _ledger.Add("same", "A");
        _ledger.Add("pending", "A", state: SyncState.Pending);
        _ledger.Add("rejected", "A", state: SyncState.Parked, parkReason: ParkReason.Rejected);
        _ledger.Add("elsewhere", "A");
        const string Invalid = "{\"contentId\":\"invalid\"}\n{ not json }\n";

        string[] lines =
        [
            TestSnapshot.Line("same", "A"),
            TestSnapshot.Line("pending", "A"),
            TestSnapshot.Line("rejected", "A"),
            Invalid,
            TestSnapshot.Line("new", "A"),
        ];
        await using var plan = (await ResultAsync(new TestSnapshot(string.Concat(lines)), PlanScope.Additions)).Plan!;

        Assert.Equal([1L, 2L, 3L, 4L, 5L], Selected(plan));
        Assert.Empty(await NamedAsync(plan));
    }

    [Fact]
    public async Task Plans_the_additions_before_a_truncation()
    {
        _ledger.Add("same", "A");

        var catalog = new TestSnapshot($"[{TestSnapshot.Line("same", "A")},{TestSnapshot.Line("new", "A")}, ;");
        await using var plan = (await ResultAsync(catalog, PlanScope.Additions)).Plan!;

        Assert.Equal((2, 1), (plan.Counts.Items, plan.Counts.Unchanged));
        Assert.True(plan.IsSelected(1));
    }

    private static List<long> Selected(CatalogPlan plan) =>
        [.. Enumerable.Range(0, (int)plan.Counts.Items).Select(i => (long)i).Where(plan.IsSelected)];

    private static async Task<List<string>> NamedAsync(CatalogPlan plan) => await plan.NamedAsync(default).ToListAsync();

    private async Task<CatalogPlan> PlanAsync(string catalog) => (await ResultAsync(new TestSnapshot(catalog))).Plan!;

    private Task<PlanResult> ResultAsync(ICatalogSnapshot snapshot, PlanScope scope = PlanScope.Mirror) =>
        Planner(_ledger).PlanAsync(snapshot, scope, default);

    private CatalogPlanner Planner(ILedgerScan ledger, int segmentItems = PlanSegment.MaxItems) =>
        new(new CatalogReader(Reader, Options), ledger, new FolderPlanFiles(_folder.File("plans")), new FakeTimeProvider(Now))
        {
            SegmentItems = segmentItems,
        };

    private sealed class FakeLedgerScan : ILedgerScan
    {
        private readonly List<ScannedItem> _items = [];

        public LedgerUnavailableException? Fault { get; set; }

        public void Add(
            string id,
            string content,
            ContentStatus status = ContentStatus.Valid,
            SyncState state = SyncState.Synchronized,
            ParkReason? parkReason = null,
            DateTimeOffset? acceptedAt = null,
            long? revision = null,
            bool isUnknown = false,
            DateTimeOffset? changedAt = null)
        {
            var item = Reader.Read(Encoding.UTF8.GetBytes(TestSnapshot.Line(id, content))).Item!;
            var dayBefore = WrittenAt.AddDays(-1);
            var order = VersionOrder.First(new ChangeVersion(revision, null, changedAt ?? dayBefore), null, changedAt ?? dayBefore);
            var scanned = new ScannedItem(id, item.Hash, status, state, parkReason, acceptedAt ?? dayBefore, order);
            _items.Add(scanned with { IsUnknownToAlipayHk = isUnknown });
        }

        public void Clear() => _items.Clear();

        public async IAsyncEnumerable<ScannedItem> ReadAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            if (Fault is { } fault) throw fault;
            foreach (var item in _items) yield return item;
        }
    }
}
