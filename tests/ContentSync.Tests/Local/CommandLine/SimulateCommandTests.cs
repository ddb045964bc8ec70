using System.Security.Cryptography;
using System.Text;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>The simulator for a caller that keeps its key elsewhere, as a Functions host with a vault does.</summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class SimulateCommandTests : IDisposable
{
    private const string Item = """{"contentId":"TEA-1","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"凍檸茶"}}""";

    private readonly TemporaryFolder _folder = new();
    private readonly RSA _key = RSA.Create(2048);

    public void Dispose()
    {
        _key.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task It_prints_its_public_key_and_knows_the_one_that_it_is_given()
    {
        using var gateway = CommandLineProcess.Start(
            Root, "simulate", "--port", "0", "--data", "simulator", "--public-key", Convert.ToBase64String(_key.ExportSubjectPublicKeyInfo()), "--key-version", "7");
        string[] lines;
        while ((lines = gateway.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Length < 3)
        {
            Assert.False(gateway.HasExited, gateway.Error);
            await Task.Delay(20);
        }

        await File.WriteAllTextAsync(_folder.File("ours.pem"), _key.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(_folder.File("theirs.txt"), lines[2]);
        await File.WriteAllTextAsync(_folder.File("catalog.ndjson"), Item + "\n", Encoding.UTF8);
        var address = lines[0].Split(' ').Single(word => word.StartsWith("http://", StringComparison.Ordinal));
        string[] sync = ["sync", "catalog.ndjson", "--json", "--gateway", address, "--partner-key", "theirs.txt"];

        var run = await CommandLineProcess.RunAsync(Root, [.. sync, "--key", "ours.pem", "--key-version", "7"]);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("\"synchronized\":1", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("private")]
    public async Task What_is_no_public_key_is_refused_and_not_repeated(string key)
    {
        var text = key == "private" ? Convert.ToBase64String(_key.ExportPkcs8PrivateKey()) : key;
        var run = await CommandLineProcess.RunAsync(Root, ["simulate", "--port", "0", "--public-key", text]);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("--public-key takes an RSA public key", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(text, run.Error, StringComparison.Ordinal);
    }

    private string Root => Path.GetDirectoryName(_folder.File("catalog.ndjson"))!;
}
