using ContentSync.Local.Pipeline;

namespace ContentSync.Tests.Local.Pipeline;

/// <summary>The data folder, and the settings of a host that uses it.</summary>
public sealed class DataDirectoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_new_folder_is_ignored_by_git_and_what_a_person_wrote_there_stays()
    {
        var data = DataDirectory.Open(_folder);
        var ignore = Path.Combine(data.FullName, ".gitignore");
        Assert.Equal("*\n", File.ReadAllText(ignore));
        File.WriteAllText(ignore, "mine\n");
        DataDirectory.Open(_folder);
        Assert.Equal("mine\n", File.ReadAllText(ignore));
    }

    [Fact]
    public void Every_option_reaches_its_setting()
    {
        var data = DataDirectory.Open(_folder);
        var options = new LocalOptions
        {
            Gateway = new Uri("https://open.example.com"),
            ClientId = "US",
            Rate = 7,
            LateEffectWindow = TimeSpan.FromSeconds(9),
        };
        var settings = LocalSettings.Read(data, options);
        Assert.Equal(
            (options.Gateway, "US", 7.0, data.ResyncFolder, options.LateEffectWindow),
            (settings.AlipayHk.BaseAddress, settings.AlipayHk.ClientId, settings.AlipayHk.MaxSendsPerSecond!.Value, settings.PlanFolder,
                (TimeSpan?)settings.Recoverability.LateEffectWindow));
        Assert.Single(settings.AlipayHk.PublicKeys);
        Assert.Same(options.Content, settings.Content);
        Assert.Same(options.Webhook, settings.Webhook);
        Assert.Same(options.Notifications, settings.Notifications);
        Assert.Equal(LocalSettings.ItemsPerPack, LocalSettings.Read(data, new LocalOptions()).Resync.ItemsPerPack);
    }
}
