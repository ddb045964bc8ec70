using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Resync;

public sealed class CatalogPlannerTests : IDisposable
{
    private static readonly ContentOptions Options = new();
    private static readonly ContentReader Reader = new(Options, TimeProvider.System);
    private static readonly DateTimeOffset WrittenAt = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();
    private readonly FakeIndex _ledger = new();

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

        using var plan = await PlanAsync(TestSnapshot.Line("new", "A") + TestSnapshot.Line("same", "A") + TestSnapshot.Line("other", "B"));

        Assert.Equal(new PlanCounts { Items = 3, New = 1, Changed = 1, Unchanged = 1, Vanished = 1, Listed = 3, Delisting = 1 }, plan.Counts);
        Assert.Equal([0L, 2L], Selected(plan));
        Assert.Equal(["gone"], plan.Named());
    }

    [Fact]
    public async Task Agrees_with_a_plain_comparison_of_two_dictionaries()
    {
        var random = new Random(7);
        for (var round = 0; round < 20; round++)
        {
            _ledger.Clear();
            var held = Enumerable.Range(0, random.Next(0, 400)).Select(i => $"id-{random.Next(600)}").Distinct().ToDictionary(id => id, _ => $"{random.Next(3)}");
            var items = Enumerable.Range(0, random.Next(0, 400)).Select(i => $"id-{random.Next(600)}").Distinct().Select(id => (Id: id, Content: $"{random.Next(3)}")).ToArray();
            foreach (var (id, content) in held) _ledger.Add(id, content);

            using var plan = await PlanAsync(string.Concat(items.Select(item => TestSnapshot.Line(item.Id, item.Content))));

            Assert.Equal(items.Index().Where(item => held.GetValueOrDefault(item.Item.Id) != item.Item.Content).Select(item => (long)item.Index), Selected(plan));
            Assert.Equal(held.Keys.Except(items.Select(item => item.Id)).Order(StringComparer.Ordinal), plan.Named().Order(StringComparer.Ordinal));
            Assert.Equal(items.Count(item => !held.ContainsKey(item.Id)), plan.Counts.New);
        }
    }

    [Theory]
    [InlineData("{\"contentId\":\"b\",", 2, "line 2")]
    [InlineData("{\"contentType\":\"SKU\",\"contentStatus\":1,\"contentInfo\":{}}\n", 2, "contentId")]
    [InlineData("not json\n", 2, "line 2")]
    public async Task Refuses_a_snapshot_with_a_line_it_cannot_tell_the_content_of(string second, long line, string told)
    {
        _ledger.Add("a", "A");
        var answer = await AnswerAsync(new TestSnapshot(TestSnapshot.Line("a", "A") + second));

        Assert.Null(answer.Plan);
        Assert.Equal(line, answer.Fault!.Line);
        Assert.Contains(told, answer.Fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Keeps_the_order_and_the_places_of_a_catalog_of_many_pieces(bool asArray)
    {
        var lines = Enumerable.Range(0, 9_000).Select(i => i % 1_000 == 7
            ? $$$"""{"contentId":"id-{{{i}}}","contentType":"UNHEARD","contentStatus":1,"contentInfo":{}}"""
            : TestSnapshot.Line($"id-{i}", new string('x', 60)).TrimEnd()).ToArray();
        for (var i = 0; i < lines.Length; i += 3) _ledger.Add($"id-{i}", new string('x', 60));

        using var plan = await PlanAsync(asArray ? $"[\n{string.Join(",\n", lines)}]" : string.Join('\n', lines));

        Assert.Equal(Enumerable.Range(0, lines.Length).Where(i => i % 3 != 0 && i % 1_000 != 7).Select(i => (long)i), Selected(plan));
        Assert.Equal((9_000, 9, 2_997), (plan.Counts.Items, plan.Counts.Invalid, plan.Counts.Unchanged));
        Assert.Equal(Enumerable.Range(0, 9).Select(i => ($"id-{(i * 1_000) + 7}", (i * 1_000L) + (asArray ? 9 : 8))), plan.Issues.Select(issue => (issue.Result.ContentId!, issue.Line)));
    }

    [Fact]
    public async Task Tells_of_the_first_fault_even_when_a_later_one_ends_the_reading()
    {
        var lines = Enumerable.Range(0, 5_000).Select(i => i is 20 or 4_000 ? "{\"contentId\":}" : TestSnapshot.Line($"id-{i}", "A").TrimEnd());
        var answer = await AnswerAsync(new TestSnapshot($"[{string.Join(",\n", lines)}"));

        Assert.Equal(21, answer.Fault!.Line);
    }

    [Fact]
    public async Task Takes_an_item_that_is_too_large_for_a_fault_of_the_whole_snapshot()
    {
        var answer = await AnswerAsync(new TestSnapshot(TestSnapshot.Line("a", "A") + TestSnapshot.Line("b", new string('x', Options.MaxItemBytes))));

        Assert.Equal(2, answer.Fault!.Line);
        Assert.Contains("MaxItemBytes", answer.Fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ends_when_it_is_cancelled_and_leaves_nothing_behind()
    {
        using var cancellation = new CancellationTokenSource();
        var catalog = new TestSnapshot(string.Concat(Enumerable.Range(0, 20_000).Select(i => TestSnapshot.Line($"id-{i}", "A")))) { Opened = cancellation.Cancel };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            new CatalogPlanner(new CatalogReader(Reader, Options), _ledger, _folder.File("plans")).PlanAsync(catalog, cancellation.Token));
    }

    [Fact]
    public void Tells_contentIds_apart_whether_they_are_their_own_keys_or_hashed()
    {
        var ids = Enumerable.Range(0, 40).SelectMany(length => (string[])[new string('a', length), new string('b', length), new string('a', length) + '\0', new string('é', length)]).Distinct().ToArray();

        Assert.Equal(ids.Length, ids.Select(PlanKey.Of).Distinct().Count());
        Assert.All(ids, id => Assert.Equal(PlanKey.Of(id), PlanKey.Of(Encoding.UTF8.GetBytes(id))));
    }

    [Fact]
    public void Spreads_contentIds_that_differ_in_a_few_digits_over_the_partitions()
    {
        const int Items = 64_000;
        var partitions = Enumerable.Range(0, Items).GroupBy(i => PlanKey.Of($"SKU-{i:d8}").Partition).Select(partition => partition.Count()).ToArray();

        Assert.Equal(PlanPartitions.Partitions, partitions.Length);
        Assert.All(partitions, partition => Assert.InRange(partition, 850, 1_150));
    }

    [Fact]
    public async Task Refuses_an_array_that_breaks_off()
    {
        var answer = await AnswerAsync(new TestSnapshot("[" + TestSnapshot.Line("a", "A") + "," + TestSnapshot.Line("b", "A")));

        Assert.Contains("closing ] is missing", answer.Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refuses_a_snapshot_that_somebody_writes_to()
    {
        var answer = await AnswerAsync(new TestSnapshot(TestSnapshot.Line("a", "A")) { IsWrittenTo = true });

        Assert.Contains("was written to while it was read", answer.Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leaves_an_unsound_item_alone_and_does_not_take_it_for_vanished()
    {
        _ledger.Add("a", "A");
        using var plan = await PlanAsync("""{"contentId":"a","contentType":"UNHEARD","contentStatus":1,"contentInfo":{}}""");

        Assert.Equal((1, 1, 0, 0), (plan.Counts.Items, plan.Counts.Invalid, plan.Counts.Changed, plan.Counts.Vanished));
        Assert.Empty(Selected(plan));
        Assert.Equal("a", Assert.Single(plan.Issues).Result.ContentId);
    }

    [Fact]
    public async Task Sends_every_line_of_a_content_that_the_catalog_contradicts_itself_on()
    {
        _ledger.Add("a", "B");
        _ledger.Add("b", "A");
        using var plan = await PlanAsync(TestSnapshot.Line("a", "A", revision: 2) + TestSnapshot.Line("a", "B", revision: 1) + TestSnapshot.Line("b", "A") + TestSnapshot.Line("b", "A"));

        Assert.Equal([0L, 1L], Selected(plan));
        Assert.Equal((4, 1, 1, 2), (plan.Counts.Items, plan.Counts.Changed, plan.Counts.Unchanged, plan.Counts.Repeated));
    }

    [Fact]
    public async Task Sends_again_what_was_given_up_but_not_what_was_rejected()
    {
        _ledger.Add("exhausted", "A", state: SyncState.Parked, parkReason: ParkReason.AttemptsExhausted);
        _ledger.Add("rejected", "A", state: SyncState.Parked, parkReason: ParkReason.Rejected);
        _ledger.Add("pending", "A", state: SyncState.Pending);
        using var plan = await PlanAsync(TestSnapshot.Line("rejected", "A") + TestSnapshot.Line("exhausted", "A") + TestSnapshot.Line("pending", "A"));

        Assert.Equal([1L], Selected(plan));
        Assert.Equal(2, plan.Counts.Unchanged);
    }

    [Fact]
    public async Task Does_not_take_for_vanished_what_came_after_the_snapshot_or_is_delisted_already()
    {
        _ledger.Add("later", "A", acceptedAt: WrittenAt.AddSeconds(1));
        _ledger.Add("delisted", "A", status: ContentStatus.Invalid);
        _ledger.Add("gone", "A");
        using var plan = await PlanAsync("");

        Assert.Equal(["gone"], plan.Named());
        Assert.Equal((1, 2), (plan.Counts.Delisting, plan.Counts.Listed));
    }

    [Fact]
    public async Task Counts_what_the_catalog_delists_itself_as_delisting()
    {
        _ledger.Add("a", "A");
        using var plan = await PlanAsync(TestSnapshot.Line("a", "A", status: 0) + TestSnapshot.Line("b", "A", status: 0));

        Assert.Equal((1, 1, 1), (plan.Counts.Delisting, plan.Counts.Changed, plan.Counts.New));
    }

    [Fact]
    public async Task Fails_with_the_ledger_and_leaves_nothing_behind()
    {
        _ledger.Fault = new LedgerUnavailableException("The disk is gone.");

        await Assert.ThrowsAsync<LedgerUnavailableException>(() => AnswerAsync(new TestSnapshot(TestSnapshot.Line("a", "A"))));
    }

    [Fact]
    public void Keeps_no_more_than_48_bytes_per_item_in_memory() => Assert.InRange(PlanComparison.BytesPerItem, 1, 48);

    [Fact]
    public async Task Sees_a_file_change_and_tells_its_content_by_a_digest()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("catalog.ndjson");
        var source = new FileCatalogSource(path);
        Assert.Null(await source.FindNewestAsync(default));
        await File.WriteAllTextAsync(path, "a");
        var before = (await source.FindNewestAsync(default))!;
        Assert.True(await before.IsIntactAsync(default));

        await File.AppendAllTextAsync(path, "b");

        Assert.False(await before.IsIntactAsync(default));
        Assert.NotEqual(before.Digest, (await source.FindNewestAsync(default))!.Digest);
    }

    [Theory]
    [InlineData(6L, 7L, true)]
    [InlineData(7L, 7L, false)]
    [InlineData(8L, 7L, false)]
    [InlineData(null, 7L, true)]
    [InlineData(7L, null, false)]
    [InlineData(long.MaxValue - 1, 0L, false)]
    public async Task Lets_the_ledger_hear_of_a_newer_revision_of_what_it_holds_already(long? known, long? brought, bool told)
    {
        _ledger.Add("a", "A", revision: known is { } number ? Revision.Of(number) : null);

        using var plan = await PlanAsync(TestSnapshot.Line("a", "A", revision: brought));

        Assert.Equal((1, told ? 1 : 0), (plan.Counts.Unchanged, plan.Selected));
    }

    [Fact]
    public async Task Leaves_it_to_the_ledger_which_of_two_equal_lines_has_the_newer_revision()
    {
        using var plan = await PlanAsync(TestSnapshot.Line("a", "A", revision: 1) + TestSnapshot.Line("a", "A", revision: 2) + TestSnapshot.Line("b", "A", revision: 1) + TestSnapshot.Line("b", "A", revision: 1));

        Assert.Equal([0L, 1L, 2L], Selected(plan));
    }

    [Fact]
    public async Task Selects_of_additions_all_that_was_not_acknowledged_just_so()
    {
        _ledger.Add("same", "A");
        _ledger.Add("pending", "A", state: SyncState.Pending);
        _ledger.Add("rejected", "A", state: SyncState.Parked, parkReason: ParkReason.Rejected);
        _ledger.Add("elsewhere", "A");
        const string Unsound = "{\"contentId\":\"unsound\"}\n{ not json }\n";

        var catalog = TestSnapshot.Line("same", "A") + TestSnapshot.Line("pending", "A") + TestSnapshot.Line("rejected", "A") + Unsound + TestSnapshot.Line("new", "A");
        using var plan = (await AnswerAsync(new TestSnapshot(catalog), PlanScope.Additions)).Plan!;

        Assert.Equal([1L, 2L, 3L, 4L, 5L], Selected(plan));
        Assert.Empty(plan.Named());
    }

    [Fact]
    public async Task Takes_of_additions_that_break_off_what_came_before()
    {
        _ledger.Add("same", "A");

        using var plan = (await AnswerAsync(new TestSnapshot($"[{TestSnapshot.Line("same", "A")},{TestSnapshot.Line("new", "A")}, ;"), PlanScope.Additions)).Plan!;

        Assert.Equal((2, 1), (plan.Counts.Items, plan.Counts.Unchanged));
        Assert.True(plan.IsSelected(1));
    }

    private static List<long> Selected(CatalogPlan plan) => [.. Enumerable.Range(0, (int)plan.Counts.Items).Select(i => (long)i).Where(plan.IsSelected)];

    private async Task<CatalogPlan> PlanAsync(string catalog) => (await AnswerAsync(new TestSnapshot(catalog))).Plan!;

    private Task<PlanResult> AnswerAsync(ICatalogSnapshot snapshot, PlanScope scope = PlanScope.Mirror) =>
        new CatalogPlanner(new CatalogReader(Reader, Options), _ledger, _folder.File("plans")).PlanAsync(snapshot, scope, default);

    private sealed class FakeIndex : ILedgerScan
    {
        private readonly List<ScannedItem> _contents = [];

        public LedgerUnavailableException? Fault { get; set; }

        public void Add(string id, string content, ContentStatus status = ContentStatus.Valid, SyncState state = SyncState.Synchronized, ParkReason? parkReason = null, DateTimeOffset? acceptedAt = null, Revision? revision = null)
        {
            var item = Reader.Read(Encoding.UTF8.GetBytes(TestSnapshot.Line(id, content))).Item!;
            _contents.Add(new ScannedItem(id, item.Hash, status, state, parkReason, acceptedAt ?? WrittenAt.AddDays(-1), revision ?? Revision.At(WrittenAt.AddDays(-1))));
        }

        public void Clear() => _contents.Clear();

        public async IAsyncEnumerable<ScannedItem> ReadAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            if (Fault is { } fault) throw fault;
            foreach (var content in _contents) yield return content;
        }
    }
}
