using System.CommandLine;
using ContentSync.Content;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using ContentSync.Local.Pipeline;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Tests.Local.CommandLine;

public sealed class ContentArgumentsTests
{
    private static readonly Dictionary<string, string?> Environment = new()
    {
        ["Content:MaxTextLength"] = "100",
        ["Content:MaxItemBytes"] = "200000",
        ["Content:ContentTypes:0"] = "BOOK",
    };

    [Fact]
    public void Are_the_defaults_of_every_host_if_nothing_is_given()
    {
        var (options, defaults) = (Read([]), new ContentOptions());
        Assert.Equal(defaults.ContentTypes, options.ContentTypes);
        Assert.Equal(
            (defaults.MaxContentIdLength, defaults.MaxContentInfoBytes, defaults.MaxContentInfoDepth, defaults.MaxTextLength, defaults.MaxItemBytes),
            (options.MaxContentIdLength, options.MaxContentInfoBytes, options.MaxContentInfoDepth, options.MaxTextLength, options.MaxItemBytes));
    }

    [Fact]
    public void Come_from_the_environment_variables_of_the_cloud_host()
    {
        var options = Read(Environment);
        Assert.Equal((100, 200_000), (options.MaxTextLength, options.MaxItemBytes));
        Assert.Equal(["BOOK"], options.ContentTypes);
    }

    [Fact]
    public void Come_from_an_option_before_an_environment_variable()
    {
        var options = Read(
            Environment,
            "--max-content-id-length=10",
            "--max-content-info-bytes=20",
            "--max-content-info-depth=3",
            "--max-text-length=40",
            "--max-item-bytes=50",
            "--content-type=SKU",
            "--content-type=EVENT",
            "--refused-versions=delist",
            "--schemas=folder");
        Assert.Equal(["SKU", "EVENT"], options.ContentTypes);
        Assert.Equal(RefusedVersionPolicy.Delist, options.RefusedVersions);
        Assert.Equal(
            (10, 20, 3, 40, 50, "folder"),
            (options.MaxContentIdLength, options.MaxContentInfoBytes, options.MaxContentInfoDepth, options.MaxTextLength, options.MaxItemBytes,
                options.SchemaDirectory));
    }

    [Fact]
    public void Name_the_environment_variable_that_has_no_valid_value()
    {
        var e = Assert.Throws<CommandException>(() => Read(new Dictionary<string, string?> { ["Content:MaxTextLength"] = "many" }));
        Assert.Contains("MaxTextLength", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Name_the_option_that_is_out_of_range()
    {
        using var folder = new Sqlite.TemporaryFolder();
        var options = new LocalOptions { Content = Read([], "--max-content-id-length=103", "--max-item-bytes=1") };
        var e = Assert.Throws<CommandException>(() => LocalSettings.Read(DataDirectory.Open(folder.File("data")), options));
        Assert.Contains("- --max-content-id-length must be", e.Message, StringComparison.Ordinal);
        Assert.Contains("- --max-item-bytes must be more than --max-content-info-bytes.", e.Message, StringComparison.Ordinal);
    }

    private static ContentOptions Read(Dictionary<string, string?> environment, params string[] arguments)
    {
        var content = new ContentArguments();
        var command = new Command("test");
        content.AddTo(command);
        var parsed = command.Parse(arguments);
        Assert.Empty(parsed.Errors);
        return content.Read(parsed, new ConfigurationBuilder().AddInMemoryCollection(environment).Build());
    }
}
