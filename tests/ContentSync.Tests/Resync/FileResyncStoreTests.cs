using ContentSync.Local.Pipeline;
using ContentSync.Resync;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Resync;

public sealed class FileResyncStoreTests : ResyncStoreContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Deletes_unfinished_files_of_a_killed_process()
    {
        Directory.CreateDirectory(_folder.File("plan-killed"));
        File.WriteAllText(_folder.File("x.json.draft"), "{");
        File.WriteAllText(_folder.File("unwritten.plan"), "");

        await OpenAsync();

        Assert.Empty(Directory.GetFileSystemEntries(_folder.File("")));
    }

    [Fact]
    public async Task Deletes_no_plan_if_it_cannot_read_which_ones_are_in_use()
    {
        File.WriteAllText(_folder.File("runs.json"), "{ not json");
        File.WriteAllText(_folder.File("one.plan"), "");

        await OpenAsync();

        Assert.True(File.Exists(_folder.File("one.plan")));
    }

    [Fact]
    public async Task Says_which_file_cannot_be_read()
    {
        var store = await OpenAsync();
        await store.WriteAsync(new ResyncHistory { Source = "a" }, default);
        var file = Assert.Single(Directory.GetFiles(_folder.File("")));
        File.WriteAllText(file, "{ not json");

        var fault = await Assert.ThrowsAsync<IOException>(async () => await store.FindAsync("a", default));

        Assert.Contains(file, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Syncs_the_folder_when_a_run_is_in_its_place_and_before_it_says_so()
    {
        var synced = new List<int>();
        var store = FileResyncStore.Open(_folder.File(""), folder => synced.Add(Directory.GetFiles(folder, "*.json").Length));

        var first = await store.WriteAsync(new ResyncHistory { Source = "a" }, default);
        Assert.Null(await store.WriteAsync(new ResyncHistory { Source = "a" }, default));
        await store.WriteAsync(first!, default);
        await store.WriteAsync(new ResyncHistory { Source = "b" }, default);

        Assert.Equal([1, 1, 2], synced);
    }

    [SkippableFact]
    public void A_folder_that_cannot_be_synced_is_named()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows syncs no folders.");
        FolderSync.Flush(_folder.File(""));

        var fault = Assert.Throws<IOException>(() => FolderSync.Flush(_folder.File("missing")));

        Assert.Contains(_folder.File("missing"), fault.Message, StringComparison.Ordinal);
    }

    protected override Task<IResyncStore> OpenAsync() => Task.FromResult<IResyncStore>(FileResyncStore.Open(_folder.File("")));
}
