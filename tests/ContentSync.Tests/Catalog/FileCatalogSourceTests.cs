using ContentSync.Catalog;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Catalog;

public sealed class FileCatalogSourceTests
{
    [Fact]
    public async Task Detects_that_a_file_changed_and_identifies_its_content_by_a_digest()
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
}
