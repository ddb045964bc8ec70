using ContentSync.Local.Pipeline;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.Pipeline;

/// <summary>Other users of the machine can read nothing in the data folder.</summary>
public sealed class PrivateFolderTests : IDisposable
{
    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private const UnixFileMode Everyone = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private readonly TemporaryFolder _folder = new();

    private string Data => _folder.File("data");

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public async Task A_new_folder_and_every_file_that_the_pipeline_writes_is_private()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows folders inherit their permissions.");
        await using var pipeline = await OpenAsync();

        Assert.Null(pipeline.Warning);
        AssertPrivate(Data);
        AssertPrivate(Path.Combine(Data, "ledger.db"));
        AssertPrivate(Path.Combine(Data, "ledger.db-wal"));
        AssertPrivate(Path.Combine(Data, "send.db"));
        AssertPrivate(Path.Combine(Data, "ledger.db.owner"));
        AssertPrivate(Path.Combine(Data, "keys", "private-key.pem"));
        AssertPrivate(Path.Combine(Data, "simulated-alipayhk", "content.ndjson"));
    }

    [SkippableFact]
    [Trait(TestCategory.Name, TestCategory.Slow)]
    public async Task A_folder_of_an_earlier_version_is_made_private_with_one_warning()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows folders inherit their permissions.");
        await (await OpenAsync()).DisposeAsync();
        foreach (var path in Directory.GetFileSystemEntries(Data, "*", SearchOption.AllDirectories).Append(Data)) Open(path);

        await using (var first = await OpenAsync())
        {
            Assert.Equal($"The data in '{Data}' could be read by other users of this machine; now only you can read it.", first.Warning);
            Assert.All(Directory.GetFileSystemEntries(Data, "*", SearchOption.AllDirectories).Append(Data), AssertPrivate);
        }

        await using var second = await OpenAsync();
        Assert.Null(second.Warning);
    }

    [SkippableFact]
    public void A_folder_that_serves_other_purposes_keeps_its_permissions_and_its_other_files_theirs()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows folders inherit their permissions.");
        Directory.CreateDirectory(Data);
        File.WriteAllText(Path.Combine(Data, "script.sh"), "");
        Open(Data);
        Open(Path.Combine(Data, "script.sh"));
        DataDirectory.Open(Data);
        Open(Path.Combine(Data, "keys"));

        var warning = DataDirectory.Open(Data).Warning;

        Assert.NotNull(warning);
        AssertPrivate(Path.Combine(Data, "keys"));
        Assert.Equal((Everyone, Everyone), (ModeOf(Data), ModeOf(Path.Combine(Data, "script.sh"))));
    }

    [SkippableFact]
    public void A_new_folder_is_private_before_anything_is_in_it()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows folders inherit their permissions.");
        Assert.Null(PrivateFolder.Open(Data, _ => true));
        AssertPrivate(Data);
    }

    [SkippableFact]
    public void In_a_folder_that_serves_other_purposes_an_own_file_is_made_private_with_a_warning()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows folders inherit their permissions.");
        Directory.CreateDirectory(Data);
        foreach (var name in (string[])["own.db", "script.sh"]) File.WriteAllText(Path.Combine(Data, name), "");
        foreach (var path in Directory.GetFileSystemEntries(Data).Append(Data)) Open(path);

        Assert.Contains("now only you can read it", PrivateFolder.Open(Data, name => name == "own.db"), StringComparison.Ordinal);

        AssertPrivate(Path.Combine(Data, "own.db"));
        Assert.Equal((Everyone, Everyone), (ModeOf(Data), ModeOf(Path.Combine(Data, "script.sh"))));
        Assert.Null(PrivateFolder.Open(Data, name => name == "own.db"));
    }

    private static void Open(string path)
    {
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, Everyone);
    }

    private static UnixFileMode ModeOf(string path) => OperatingSystem.IsWindows() ? Everyone : File.GetUnixFileMode(path);

    private static void AssertPrivate(string path) =>
        Assert.True((ModeOf(path) & Others) == 0, $"{path} is open to others: {ModeOf(path)}");

    private Task<LocalPipeline> OpenAsync() => LocalPipeline.OpenAsync(
        new LocalOptions { Data = Data }, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
}
