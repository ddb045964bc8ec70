using System.Text.Json;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>Takes the sample feeds to the simulated AlipayHK.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class SampleFeedTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("google.tsv", "google.tsv.mapping.json", 300, 7)]
    [InlineData("google.xml", "google.xml.mapping.json", 203, 3)]
    [InlineData("shopify.csv", "shopify.mapping.json", 220, 1)]
    public async Task Syncs_a_sample_feed_once_and_reports_its_dirt(string feed, string mapping, int read, int invalid)
    {
        string[] arguments = ["sync", Sample(feed), "--map", Sample(mapping), "--json"];

        var first = await CommandLineProcess.RunAsync(_folder, arguments);
        Assert.True(first.ExitCode == 1, first.Error);
        Assert.Equal((read, invalid, read - invalid), Counts(first.Output, "synchronized"));
        Assert.Contains("Feed: ", first.Error, StringComparison.Ordinal);

        var second = await CommandLineProcess.RunAsync(_folder, arguments);
        Assert.Equal((read, invalid, read - invalid), Counts(second.Output, "unchanged"));
    }

    [Fact]
    public async Task Preview_shows_source_rules_and_result()
    {
        var (exitCode, output, _) = await CommandLineProcess.RunAsync(_folder, ["preview", Sample("google.tsv"), "--map", Sample("google.tsv.mapping.json")]);

        Assert.Equal(1, exitCode);
        Assert.Contains("=== line 2: {\"id\":\"HK-0001\"", output, StringComparison.Ordinal);
        Assert.Contains("/contentInfo/price <- price  =  ", output, StringComparison.Ordinal);
        Assert.Contains("--- 2: HK-0001, valid", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_draft_is_written_once_and_checks_the_feed_it_was_made_from()
    {
        var draft = Path.Combine(_folder, "draft.json");

        Assert.Equal(0, (await CommandLineProcess.RunAsync(_folder, ["map", "new", Sample("shopify.csv"), "--out", draft])).ExitCode);
        Assert.Equal(2, (await CommandLineProcess.RunAsync(_folder, ["map", "new", Sample("shopify.csv"), "--out", draft])).ExitCode);

        var check = await CommandLineProcess.RunAsync(_folder, ["map", "check", Sample("shopify.csv"), draft]);
        Assert.Equal(1, check.ExitCode);
        Assert.Contains("248 records", check.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mapping_that_cannot_be_used_ends_the_command_with_its_pointers()
    {
        var mapping = Path.Combine(_folder, "bad.json");
        await File.WriteAllTextAsync(mapping, """{"contentId":"{{ id | nope }}","contentType":"SKU","fields":{}}""");

        var (exitCode, _, error) = await CommandLineProcess.RunAsync(_folder, ["resync", "--source", Sample("google.tsv"), "--map", mapping, "--dry-run"]);

        Assert.Equal(2, exitCode);
        Assert.Contains("/contentId: the expression cannot be used: there is no filter 'nope'", error, StringComparison.Ordinal);
    }

    private static string Sample(string file) => Path.Combine(AppContext.BaseDirectory, "Samples", "feeds", file);

    private static (int Read, int Invalid, int Others) Counts(string output, string member)
    {
        var summary = JsonDocument.Parse(output).RootElement;
        return (summary.GetProperty("read").GetInt32(), summary.GetProperty("invalid").GetInt32(), summary.GetProperty(member).GetInt32());
    }
}
