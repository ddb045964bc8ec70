using ContentSync.Resync.Planning;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Resync.Planning;

public sealed class FolderPlanFilesTests : PlanFilesContract, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Names_the_folder_that_cannot_be_written()
    {
        await File.WriteAllTextAsync(_folder.File("taken"), "");
        var files = new FolderPlanFiles(_folder.File("taken"));

        var fault = await Assert.ThrowsAsync<PlanStorageException>(async () =>
            await files.WriteAsync("plan", "one", AsyncEnumerable.Repeat(new ReadOnlyMemory<byte>(new byte[1]), 1), default));
        Assert.Contains(_folder.File("taken"), fault.Message, StringComparison.Ordinal);
    }

    internal override Task<IPlanFiles> OpenAsync() => Task.FromResult<IPlanFiles>(new FolderPlanFiles(_folder.File("plans")));
}
