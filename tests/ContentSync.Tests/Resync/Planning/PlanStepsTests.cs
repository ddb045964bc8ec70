using System.Diagnostics;
using System.Runtime.CompilerServices;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync.Planning;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Resync.Planning;

/// <summary>A plan that is made in steps, each by another process.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class PlanStepsTests : IDisposable
{
    private const int Items = 6_000;
    private static readonly ContentOptions Options = new();
    private static readonly ContentReader Reader = new(Options, TimeProvider.System);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Steps_that_end_as_early_as_possible_make_the_same_plan_as_one(bool isPartitioned)
    {
        var ledger = Ledger(isPartitioned);
        var files = new FolderPlanFiles(_folder.File("plans"));
        var expected = await DescribeAsync((await Planner(ledger, files).PlanAsync(Catalog(), default)).Plan!);
        var request = new PlanRequest { Source = "catalog", RunId = "run", IsSpent = () => true };

        var results = new List<PlanResult>();
        do results.Add(await Planner(ledger, files).PlanAsync(Catalog(), request, default));
        while (results[^1].Unfinished is not null && results.Count < 1_000);

        Assert.Equal(expected, await DescribeAsync(results[^1].Plan!));
        var progress = results.SkipLast(1).Select(result => result.Unfinished!).ToList();
        Assert.True(progress.Count > 200, $"{progress.Count} steps");
        Assert.Equal(progress.OrderBy(step => step.ItemsRead).ThenBy(step => step.ComparedShare), progress);
        Assert.Equal(progress.Count, progress.Distinct().Count());
        Assert.Empty(Directory.GetDirectories(_folder.File("plans")));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task A_plan_that_is_killed_at_every_file_in_turn_is_the_same(bool isPartitioned, bool isWritten)
    {
        var ledger = Ledger(isPartitioned);
        var expected = await DescribeAsync((await Planner(ledger, new FolderPlanFiles(_folder.File("plans"))).PlanAsync(Catalog(), default)).Plan!);
        var files = new MortalFiles(new FolderPlanFiles(_folder.File("plans")), isWritten);
        var request = new PlanRequest { Source = "catalog", RunId = "run" };

        PlanResult? result = null;
        for (var kills = 0; result is null; kills++)
        {
            Assert.InRange(kills, 0, 100);
            // A file that exists is progress; a ledger that can only be read as a whole is copied in one go.
            files.WritesLeft = isWritten && isPartitioned ? 0 : kills;
            try
            {
                result = await Planner(ledger, files).PlanAsync(Catalog(), request, default);
            }
            catch (KilledException)
            {
                // What it wrote stays.
            }
        }

        Assert.Equal(expected, await DescribeAsync(result.Plan!));
        Assert.Empty(Directory.GetDirectories(_folder.File("plans")));
    }

    [Fact]
    public async Task Continues_without_reading_again_what_a_killed_step_has_written()
    {
        var files = new MortalFiles(new FolderPlanFiles(_folder.File("plans")), isWritten: true) { WritesLeft = 3 };
        var request = new PlanRequest { Source = "catalog", RunId = "run" };
        await Assert.ThrowsAsync<KilledException>(() => Planner(Ledger(true), files).PlanAsync(Catalog(), request, default));
        files.WritesLeft = int.MaxValue;

        await using var plan = (await Planner(Ledger(true), files).PlanAsync(Catalog(), request, default)).Plan!;

        Assert.Equal(files.Written.Distinct(), files.Written);
    }

    [Fact]
    public async Task A_new_run_and_a_new_snapshot_of_the_same_run_start_over_and_leave_nothing_behind()
    {
        var files = new FolderPlanFiles(_folder.File("plans"));
        var request = new PlanRequest { Source = "catalog", RunId = "one", IsSpent = () => true };
        var other = new TestSnapshot(TestSnapshot.Line("a", "A"));
        Assert.NotNull((await Planner(Ledger(true), files).PlanAsync(Catalog(), request, default)).Unfinished);
        Assert.NotNull((await Planner(Ledger(true), files).PlanAsync(Catalog(), request with { RunId = "two" }, default)).Unfinished);
        Assert.Single(Directory.GetDirectories(_folder.File("plans")));

        await using (var plan = (await Planner(Ledger(true), files).PlanAsync(other, request with { RunId = "two", IsSpent = null }, default)).Plan!)
            Assert.Equal(1, plan.Counts.Items);

        Assert.Empty(Directory.GetDirectories(_folder.File("plans")));
    }

    [SkippableFact]
    public async Task A_full_disk_does_not_blame_the_catalog()
    {
        using var disk = SmallDisk.Mount(_folder.File("disk"), kibibytes: 128);
        var files = new FolderPlanFiles(_folder.File("disk"));

        var fault = await Assert.ThrowsAsync<PlanStorageException>(() => Planner(Ledger(true), files).PlanAsync(Catalog(), default));

        Assert.Contains(_folder.File("disk"), fault.Message, StringComparison.Ordinal);
        Assert.Contains("is full", fault.Message, StringComparison.Ordinal);
        Assert.Contains("the catalog is not at fault", fault.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_folder.File("disk")));
    }

    private static CatalogPlanner Planner(ILedgerScan ledger, IPlanFiles files) =>
        new(new CatalogReader(Reader, Options), ledger, files, TimeProvider.System) { SegmentItems = 1_000 };

    // A third unchanged, a third changed, a third new; some repeated, some invalid; and some of the ledger's items are absent.
    private static TestSnapshot Catalog() => new(string.Concat(Enumerable.Range(0, Items).Select(i =>
        i % 997 == 5 ? $$"""{"contentId":"bad-{{i}}"}""" + "\n" : TestSnapshot.Line(Id(i % 500 == 3 ? i - 1 : i), i % 3 == 1 ? "new" : "old"))));

    private static string Id(int i) => i % 2 == 0 ? $"item {i}" : $"an item with a longer contentId {i}";

    private static FakeLedger Ledger(bool isPartitioned)
    {
        var at = new DateTimeOffset(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
        var items = Enumerable.Range(0, Items + 200).Where(i => i % 3 != 2).Select(i =>
        {
            var item = Reader.Read(System.Text.Encoding.UTF8.GetBytes(TestSnapshot.Line(Id(i), "old"))).Item!;
            var order = VersionOrder.First(new ChangeVersion(null, null, at), null, at);
            return new ScannedItem(Id(i), item.Hash, ContentStatus.Valid, SyncState.Synchronized, null, at, order);
        }).ToList();
        return isPartitioned ? new FakePartitionedLedger(items) : new FakeLedger(items);
    }

    private static async Task<string> DescribeAsync(CatalogPlan plan)
    {
        await using var disposed = plan;
        var selected = Enumerable.Range(0, Items).Where(i => plan.IsSelected(i));
        var named = (await plan.NamedAsync(default).ToListAsync()).Order(StringComparer.Ordinal);
        var duplicates = (await plan.ReadDuplicatesAsync(default).ToListAsync()).Select(duplicate => string.Join('/', duplicate.Places));
        var issues = (await plan.ReadIssuesAsync(default).ToListAsync()).Select(issue => issue.Place);
        Assert.NotEqual(0, plan.Counts.New * plan.Counts.Changed * plan.Counts.Unchanged * plan.Counts.Vanished * plan.Counts.DuplicatesDiffering);
        return $"{plan.Counts}\n{string.Join(' ', selected)}\n{string.Join(' ', named)}\n{string.Join(' ', duplicates.Concat(issues))}";
    }

    private class FakeLedger(IReadOnlyList<ScannedItem> items) : ILedgerScan
    {
        protected IReadOnlyList<ScannedItem> Items { get; } = items;

        public async IAsyncEnumerable<ScannedItem> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            foreach (var item in Items) yield return item;
        }
    }

    private sealed class FakePartitionedLedger(IReadOnlyList<ScannedItem> items) : FakeLedger(items), IPartitionedLedgerScan
    {
        public byte PartitionOf(ReadOnlySpan<char> contentId) => TableLedgerKey.PartitionOf(contentId);

        public async IAsyncEnumerable<ScannedItem> ReadPartitionAsync(int partition, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.Yield();
            foreach (var item in Items.Where(item => PartitionOf(item.ContentId) == partition)) yield return item;
        }
    }

    private sealed class KilledException : Exception;

    /// <summary>Kills its process at a write, before or after the file exists.</summary>
    private sealed class MortalFiles(IPlanFiles files, bool isWritten) : IPlanFiles
    {
        public int WritesLeft { get; set; }

        public List<string> Written { get; } = [];

        public ValueTask<IReadOnlyList<string>> FindAsync(string prefix, CancellationToken cancellationToken) =>
            files.FindAsync(prefix, cancellationToken);

        public ValueTask<IReadOnlySet<string>> ListAsync(string plan, CancellationToken cancellationToken) =>
            files.ListAsync(plan, cancellationToken);

        public ValueTask<long> LengthAsync(string plan, string name, CancellationToken cancellationToken) =>
            files.LengthAsync(plan, name, cancellationToken);

        public async ValueTask WriteAsync(
            string plan, string name, IAsyncEnumerable<ReadOnlyMemory<byte>> content, CancellationToken cancellationToken)
        {
            bool dies;
            lock (Written)
            {
                Written.Add(name);
                dies = WritesLeft-- <= 0;
            }

            if (dies && !isWritten) throw new KilledException();
            await files.WriteAsync(plan, name, content, cancellationToken);
            if (dies) throw new KilledException();
        }

        public ValueTask<int> ReadAsync(string plan, string name, long offset, Memory<byte> buffer, CancellationToken cancellationToken) =>
            files.ReadAsync(plan, name, offset, buffer, cancellationToken);

        public ValueTask DeleteAsync(string plan, CancellationToken cancellationToken) => files.DeleteAsync(plan, cancellationToken);
    }

    /// <summary>A file system in memory of a limited size.</summary>
    private sealed class SmallDisk(string folder) : IDisposable
    {
        public static SmallDisk Mount(string folder, int kibibytes)
        {
            Directory.CreateDirectory(folder);
            Skip.IfNot(OperatingSystem.IsLinux(), "A small disk is only mounted on Linux.");
            Skip.IfNot(Run("mount", $"-t tmpfs -o size={kibibytes}k contentsync-test {folder}"), "Mounting a small disk is not allowed here.");
            return new SmallDisk(folder);
        }

        public void Dispose() => Run("umount", folder);

        private static bool Run(string program, string arguments)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                return false;
            }
        }
    }
}
