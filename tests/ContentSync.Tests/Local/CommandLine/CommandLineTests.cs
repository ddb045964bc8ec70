using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using ContentSync.Local.Pipeline;

namespace ContentSync.Tests.Local.CommandLine;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class CommandLineTests : IDisposable
{
    private static readonly string SampleCatalog = Path.Combine(AppContext.BaseDirectory, "Samples", "catalog.ndjson");

    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Sends_the_sample_catalog_once_and_nothing_the_second_time()
    {
        var first = await SyncAsync(SampleCatalog);
        Assert.Equal(1, first.ExitCode);
        Assert.Equal(
            [
                "read", "invalid", "synchronized", "unchanged", "superseded", "rejected", "exhausted", "pending",
                "duplicatesDiffering", "signatures", "requests", "elapsedSeconds",
            ],
            first.Summary.EnumerateObject().Select(member => member.Name));
        AssertCounts(first.Summary, read: 1217, invalid: 13, synchronized: 1187, unchanged: 0, superseded: 2, rejected: 15, pending: 0, calls: 1202);

        var second = await SyncAsync(SampleCatalog);
        Assert.Equal(1, second.ExitCode);
        AssertCounts(second.Summary, read: 1217, invalid: 13, synchronized: 0, unchanged: 1187, superseded: 2, rejected: 15, pending: 0, calls: 0);
    }

    [Fact]
    public async Task Exits_with_0_when_everything_is_in_sync()
    {
        var catalog = Write("catalog.ndjson", Items(3));
        Assert.Equal(0, (await SyncAsync(catalog)).ExitCode);
        Assert.Equal(0, (await SyncAsync(catalog)).ExitCode);
    }

    [Fact]
    public async Task Continues_after_kill_9_and_ends_with_exactly_the_catalog()
    {
        var random = new Random(9);
        var catalog = Write("catalog.ndjson", Items(1_500));
        var content = DataDirectory.Open(Path.Combine(_folder, DataDirectory.DefaultName)).SimulatedContentFile;
        for (var kill = 0; kill < 4; kill++)
        {
            var until = Length(content) + random.Next(1, 60_000);
            using var process = CommandLineProcess.Start(_folder, "sync", catalog, "--json");
            while (!process.HasExited && Length(content) < until) await Task.Delay(5);
            process.Kill();
            await process.EndAsync();
        }

        var last = await SyncAsync(catalog);
        Assert.Equal(0, last.ExitCode);
        Assert.Equal(1_500, Member(last.Summary, "synchronized") + Member(last.Summary, "unchanged"));
        Assert.True(Member(last.Summary, "unchanged") > 0, "every run was killed before it sent anything");
        var stored = File.ReadLines(content)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToLookup(line => line.GetProperty("contentId").GetString()!);
        Assert.Equal(
            Enumerable.Range(0, 1_500).Select(Id).Order(StringComparer.Ordinal), stored.Select(lines => lines.Key).Order(StringComparer.Ordinal));
        foreach (var lines in stored) Assert.Equal(Info(lines.Key), lines.Last().GetProperty("contentInfo").GetString());
    }

    [SkippableFact]
    public async Task Leaves_items_pending_on_ctrl_c_and_continues_with_the_next_run()
    {
        Skip.If(OperatingSystem.IsWindows(), "Windows processes get no SIGINT.");
        var catalog = Write("catalog.ndjson", Items(400));
        using (var process = CommandLineProcess.Start(_folder, "sync", catalog, "--json", "--workers", "4", "--faults", "latency=100ms"))
        {
            var content = Path.Combine(_folder, DataDirectory.DefaultName, "simulated-alipayhk", "content.ndjson");
            while (Length(content) == 0) await Task.Delay(5);
            process.Interrupt();
            Assert.Equal(3, await process.EndAsync());
            var summary = JsonDocument.Parse(process.Output).RootElement;
            Assert.True(Member(summary, "synchronized") > 0 && Member(summary, "pending") > 0, process.Output);
        }

        var next = await SyncAsync(catalog);
        Assert.Equal(0, next.ExitCode);
        Assert.Equal(400, Member(next.Summary, "synchronized") + Member(next.Summary, "unchanged"));
    }

    [Theory]
    [InlineData("array")]
    [InlineData("gzip")]
    [InlineData("stdin")]
    public async Task Reads_a_catalog_in_every_format(string form)
    {
        var lines = Items(5);
        var text = form == "array" ? "[" + string.Join(",\n", lines.Split('\n', StringSplitOptions.RemoveEmptyEntries)) + "]" : lines;
        var bytes = Encoding.UTF8.GetBytes(text);
        var (exitCode, output, error) = form switch
        {
            "gzip" => await CommandLineProcess.RunAsync(_folder, ["sync", Write("catalog.gz", Packed(bytes)), "--json"]),
            "stdin" => await CommandLineProcess.RunAsync(_folder, ["sync", "-", "--json"], bytes),
            _ => await CommandLineProcess.RunAsync(_folder, ["sync", Write("catalog.json", text), "--json"]),
        };
        Assert.True(exitCode == 0, error);
        Assert.Equal(5, Member(JsonDocument.Parse(output).RootElement, "synchronized"));
    }

    [Fact]
    public async Task Sends_one_of_two_lines_of_an_item_from_standard_input_and_names_both()
    {
        var bytes = Encoding.UTF8.GetBytes(Item("twice", """{"name":"first"}""") + "\n" + Item("twice", """{"name":"second"}""") + "\n");
        string[] sync = ["sync", "-", "--json", "--report", Path.Combine(_folder, "report.ndjson")];
        for (var run = 0; run < 2; run++)
        {
            var (exitCode, output, _) = await CommandLineProcess.RunAsync(_folder, sync, bytes);
            Assert.Equal(1, exitCode);
            Assert.Equal(1, Member(JsonDocument.Parse(output).RootElement, "duplicatesDiffering"));
            Assert.Equal(run == 0 ? 1 : 0, Member(JsonDocument.Parse(output).RootElement, "requests"));
            var line = JsonDocument.Parse(Assert.Single(File.ReadLines(Path.Combine(_folder, "report.ndjson")))).RootElement;
            Assert.Equal("duplicate", line.GetProperty("kind").GetString());
            var message = line.GetProperty("message").GetString();
            Assert.Equal("It stands at line 1 and line 2 with different contents; line 2 counts.", message);
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder, "contentsync-*"));

        // Neither line is newer than the catalog that holds both.
        var (_, shown, _) = await CommandLineProcess.RunAsync(_folder, ["sync", "-"], bytes);
        Assert.Contains("It stands at line 1 and line 2", shown, StringComparison.Ordinal);
        Assert.DoesNotContain("newer than this catalog", shown, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reports_every_failure_with_line_and_reason()
    {
        var catalog = Write("catalog.ndjson", Items(2) + "{\"contentId\":\"half\n" + Item("risky", """{"simulate":"risky"}""") + "\n");
        var report = Path.Combine(_folder, "report.ndjson");
        var run = await CommandLineProcess.RunAsync(_folder, ["sync", catalog, "--report", report]);
        Assert.Equal(1, run.ExitCode);
        var lines = File.ReadLines(report)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .OrderBy(line => line.GetProperty("line").GetInt64())
            .ToList();
        Assert.Equal(["invalid", "rejected"], lines.Select(line => line.GetProperty("kind").GetString()));
        Assert.Equal([3, 4], lines.Select(line => line.GetProperty("line").GetInt64()));
        Assert.Equal("CONTENT_RISKY", lines[1].GetProperty("code").GetString());
        Assert.Contains("CONTENT_RISKY", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stops_at_a_configuration_fault_without_parking_items()
    {
        var run = await SyncAsync(Write("catalog.ndjson", Items(100)), "--faults", "badsignature=1");
        Assert.Equal(3, run.ExitCode);
        Assert.Equal(100, Member(run.Summary, "pending"));
        Assert.Equal(0, Member(run.Summary, "exhausted"));
        Assert.True(Member(run.Summary, "requests") <= 64, "it kept sending");

        var next = await SyncAsync(Path.Combine(_folder, "catalog.ndjson"));
        Assert.Equal(0, next.ExitCode);
        // Pending items are resumed at the start; an item sent before its line is read counts as unchanged.
        Assert.Equal(100, Member(next.Summary, "synchronized") + Member(next.Summary, "unchanged"));
    }

    [Theory]
    [InlineData("--help", "Exit codes")]
    [InlineData("sync --help", "contentsync sync catalog.ndjson")]
    [InlineData("preview --help", "contentsync preview catalog.ndjson")]
    [InlineData("keygen --help", "contentsync keygen")]
    [InlineData("simulate --help", "contentsync simulate")]
    public async Task Shows_examples_in_its_help(string arguments, string expected)
    {
        var (exitCode, output, _) = await CommandLineProcess.RunAsync(_folder, arguments.Split(' '));
        Assert.Equal(0, exitCode);
        Assert.Contains(expected, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_in_one_sentence_what_is_unusable()
    {
        var catalog = Write("catalog.ndjson", Items(1));
        await AssertUnusableAsync("cannot be read", "sync", "no-such-file.ndjson");
        await AssertUnusableAsync("--nonsense", "sync", catalog, "--nonsense");
        await AssertUnusableAsync("Required argument", "sync");
        await AssertUnusableAsync("--workers must be a whole number from 1 to 1024, not '0'", "sync", catalog, "--workers", "0");
        await AssertUnusableAsync("--faults", "sync", catalog, "--faults", "gremlins=1");
        await AssertUnusableAsync("--gateway must be an address", "sync", catalog, "--gateway", "ftp://example.com");
        await AssertUnusableAsync("https", "sync", catalog, "--gateway", "http://example.com");
        await AssertUnusableAsync("no-such-key.pem", "sync", catalog, "--key", "no-such-key.pem");
        await AssertUnusableAsync("RSA private key", "sync", catalog, "--key", catalog);
        await AssertUnusableAsync("no-such-key.pem' (--alipayhk-key)", "sync", catalog, "--alipayhk-key", "no-such-key.pem");
        await AssertUnusableAsync("no-such-folder", "sync", catalog, "--schemas", "no-such-folder");
        await AssertUnusableAsync("report", "sync", catalog, "--report", Path.Combine(_folder, "no", "report.ndjson"));
    }

    [Fact]
    public async Task Accepts_the_former_names_of_the_options_for_AlipayHKs_key_without_showing_them()
    {
        var catalog = Write("catalog.ndjson", Items(1));
        await AssertUnusableAsync("no-such-key.pem' (--alipayhk-key)", "sync", catalog, "--partner-key", "no-such-key.pem");
        await AssertUnusableAsync(
            "Use only --alipayhk-key-version", "sync", catalog, "--partner-key-version", "2", "--alipayhk-key-version", "2");
        Assert.Equal(3, (await SyncAsync(catalog, "--partner-key-version", "2", "--wait", "0")).ExitCode);
        Assert.Equal(0, (await SyncAsync(catalog, "--partner-key-version", "1")).ExitCode);
        var (_, help, _) = await CommandLineProcess.RunAsync(_folder, ["sync", "--help"]);
        Assert.Contains("--alipayhk-key <FILE>", help, StringComparison.Ordinal);
        Assert.DoesNotContain("partner", help, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Explains_why_a_file_is_not_a_catalog()
    {
        await AssertUnusableAsync("catalog", "sync", Write("picture.png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
        var packed = Packed(Encoding.UTF8.GetBytes(Items(500)));
        await AssertUnusableAsync("was refused as a whole", "sync", Write("cut.gz", packed[..(packed.Length / 2)]));
    }

    [Fact]
    public async Task Refuses_a_data_folder_that_another_process_uses()
    {
        var catalog = Write("catalog.ndjson", Items(1));
        using var holder = CommandLineProcess.Start(_folder, "--port", "0", "--no-sample");
        while (!holder.Output.Contains("curl", StringComparison.Ordinal) && !holder.Error.Contains("Serving", StringComparison.Ordinal))
            await Task.Delay(10);
        await AssertUnusableAsync("in use", "sync", catalog);
    }

    [Fact]
    public async Task Reports_a_port_that_is_in_use()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        await AssertUnusableAsync($"Port {port} is in use", "--port", port, "--no-sample");
        await AssertUnusableAsync($"Port {port} is in use", "simulate", "--port", port);
    }

    [Fact]
    public async Task Generates_a_key_pair_once_and_never_overwrites_it()
    {
        var first = await CommandLineProcess.RunAsync(_folder, ["keygen", "--out", "keys"]);
        Assert.Equal(0, first.ExitCode);
        using var key = System.Security.Cryptography.RSA.Create();
        key.ImportSubjectPublicKeyInfo(Convert.FromBase64String(first.Output.Trim()), out _);
        Assert.Equal(2048, key.KeySize);
        var privateKey = Path.Combine(_folder, "keys", "private-key.pem");
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(privateKey));
        var before = File.ReadAllText(privateKey);
        await AssertUnusableAsync("never overwritten", "keygen", "--out", "keys");
        Assert.Equal(before, File.ReadAllText(privateKey));
    }

    [Fact]
    public async Task Previews_body_string_to_sign_and_headers_and_stores_nothing()
    {
        var catalog = Write("catalog.ndjson", Items(1) + "{\"contentId\":\"half\"}\n");
        var (exitCode, output, _) = await CommandLineProcess.RunAsync(_folder, ["preview", catalog]);
        Assert.Equal(1, exitCode);
        Assert.Contains("POST /api/open/alipay/v1/content/synchronize\n", output, StringComparison.Ordinal);
        Assert.Contains("\"contentInfo\":\"{\\\"name\\\":\\\"商品 0\\\"}\"", output, StringComparison.Ordinal);
        Assert.Contains("Signature: <not signed in a preview>", output, StringComparison.Ordinal);
        Assert.Contains("contentType is required", output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder, DataDirectory.DefaultName)));
    }

    [Fact]
    public async Task Sends_to_a_simulator_in_another_process()
    {
        using var gateway = CommandLineProcess.Start(_folder, "simulate", "--port", "0");
        string? address = null;
        while (address is null)
        {
            await Task.Delay(10);
            address = gateway.Error.Split(' ', '\n').FirstOrDefault(word => word.StartsWith("http://", StringComparison.Ordinal));
        }

        var run = await SyncAsync(Write("catalog.ndjson", Items(20)), "--gateway", address);
        Assert.Equal((0, 20), (run.ExitCode, Member(run.Summary, "synchronized")));
        using var http = new HttpClient();
        var items = await http.GetStringAsync(new Uri(new Uri(address), "/simulator/content"));
        Assert.Equal(20, items.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    private static string Id(int i) => $"A-{i}";

    private static string Info(string id) => $$"""{"name":"商品 {{id[2..]}}"}""";

    private static string Item(string id, string info) =>
        $$"""{"contentId":"{{id}}","contentType":"SKU","contentStatus":1,"contentInfo":{{info}}}""";

    private static string Items(int count) => string.Concat(Enumerable.Range(0, count).Select(i => Item(Id(i), Info(Id(i))) + "\n"));

    private static long Length(string file) => File.Exists(file) ? new FileInfo(file).Length : 0;

    private static long Member(JsonElement summary, string name) => summary.GetProperty(name).GetInt64();

    private static byte[] Packed(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest)) gzip.Write(bytes);
        return packed.ToArray();
    }

    private static void AssertCounts(
        JsonElement summary, long read, long invalid, long synchronized, long unchanged, long superseded, long rejected, long pending, long calls)
    {
        Assert.Equal(
            (read, invalid, synchronized, unchanged, superseded, rejected, 0, pending, calls, calls),
            (Member(summary, "read"), Member(summary, "invalid"), Member(summary, "synchronized"), Member(summary, "unchanged"),
                Member(summary, "superseded"), Member(summary, "rejected"), Member(summary, "exhausted"), Member(summary, "pending"),
                Member(summary, "signatures"), Member(summary, "requests")));
    }

    private string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    private string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private async Task<(int ExitCode, JsonElement Summary)> SyncAsync(string catalog, params string[] more)
    {
        var (exitCode, output, error) = await CommandLineProcess.RunAsync(_folder, ["sync", catalog, "--json", .. more]);
        Assert.True(output.Length > 0, error);
        return (exitCode, JsonDocument.Parse(output).RootElement);
    }

    private async Task AssertUnusableAsync(string expected, params string[] arguments)
    {
        var (exitCode, _, error) = await CommandLineProcess.RunAsync(_folder, arguments);
        Assert.True(exitCode == 2, $"exit {exitCode}: {error}");
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}
