using System.Security.Cryptography;
using ContentSync.Local;
using ContentSync.Local.CommandLine;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>What <c>preview</c> and <c>keygen</c> write, without a process of their own.</summary>
public sealed class PreviewCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("A\\u001b[2J1")]
    [InlineData("A\\u009b2J1")]
    [InlineData("A\\u202e1")]
    public async Task An_id_or_a_pointer_cannot_steer_the_terminal(string hostile)
    {
        var catalog = _folder.File("catalog.ndjson");
        await File.WriteAllTextAsync(
            catalog,
            $$$"""
            {"contentId":"{{{hostile}}}","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"Tea"}}
            {"contentId":"B","contentType":"SKU","contentStatus":1,"contentInfo":{"name":"Tea"},"{{{hostile}}}":1}
            """);

        var (exitCode, output) = await RunAsync("preview", catalog);

        Assert.Equal(ExitCodes.SomeFailed, exitCode);
        Assert.Contains("\uFFFD", output, StringComparison.Ordinal);

        // The body and the text to sign are shown as they are sent, in which JSON escapes control characters, but not the direction.
        var described = output.Split('\n').Where(line => !line.StartsWith('{') && !line.Contains(".{", StringComparison.Ordinal));
        Assert.All(described, line => Assert.DoesNotContain(line, character => char.IsControl(character) || character == '\u202e'));
    }

    [Fact]
    public async Task Keygen_writes_only_the_line_for_AlipayHK_to_standard_output()
    {
        var (exitCode, output) = await RunAsync("keygen", "--out", _folder.File("keys"));

        Assert.Equal(ExitCodes.Done, exitCode);
        using var key = RSA.Create();
        key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(output.Trim()), out _);
        Assert.Equal(2048, key.KeySize);
        using var written = RSA.Create();
        written.ImportFromPem(await File.ReadAllTextAsync(Path.Combine(_folder.File("keys"), "private-key.pem")));
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), written.ExportSubjectPublicKeyInfo());
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exitCode = await CommandLineProgram.RunAsync(args, output, error, CancellationToken.None);
        return (exitCode, output.ToString());
    }
}
