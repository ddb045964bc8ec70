using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;
using ContentSync.Local.CommandLine;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Diagnostics;
using ContentSync.Tests.Sqlite;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>
/// Plants a canary in every input of a host, and looks for it everywhere that others may read: logs, metrics, traces, board, pages, lists,
/// problem details and files.
/// </summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed partial class CanaryTests : IDisposable
{
    /// <summary>In the contentInfo of items, accepted or not.</summary>
    private static readonly string[] Contents =
        ["CanaryHttp", "CanaryBatch", "CanaryWebhook", "CanaryCatalog", "CanaryMapped", "CanaryTooDeep", "CanaryBroken", "CanaryRisky"];

    /// <summary>In what must never be stored or shown.</summary>
    private static readonly string[] Secrets =
    [
        "CanaryApiKey", "CanaryWrongKey", "CanaryHeader", "CanaryAgent", "CanaryBearer", "CanaryCookie", "CanarySecretOfWebhooks42",
        "CanaryShopSecret", "CanarySignature",
    ];

    /// <summary>In the mapping file, beside the text that it puts into items.</summary>
    private const string MappingFile = "canary_of_the_mapping_file";

    private static readonly string WebhookSecret = "whsec_" + Convert.ToBase64String(Encoding.ASCII.GetBytes(Secrets[6]));

    private readonly TemporaryFolder _inputs = new();

    public void Dispose() => _inputs.Dispose();

    [Fact]
    public async Task No_canary_of_any_input_shows_up_where_it_does_not_belong()
    {
        using var log = new CapturedLog(LogFormat.Json, isVerbose: true);
        using var telemetry = new CapturedTelemetry("Microsoft.AspNetCore");
        var shown = new List<(string What, string Text)>();
        var details = new List<string>();
        string[] secrets;
        await using (var host = await RunningHost.StartAsync(await OptionsAsync(), HostOptions, log.Loggers))
        {
            secrets = [.. Secrets, WebhookSecret[6..], .. KeyLines(host)];
            await FeedAsync(host, shown);
            foreach (var route in ApiRoutes.All.Where(route => route.Method == "GET" && !route.Path.Contains('{', StringComparison.Ordinal)))
                shown.Add((route.Path, await GetAsync(host, route.Path)));
            shown.RemoveAll(page => page.What == "/api/ledger/export");
            shown.Add(("a missing page", await GetAsync(host, "/CanaryPath?code=CanaryQuery")));

            // By design: the item's own page and the export return what was accepted.
            foreach (var id in (string[])["HTTP-1", "BATCH-1", "HOOK-1", "CAT-1", "MAP-1"]) details.Add(await GetAsync(host, $"/api/content/{id}"));
            details.Add(await GetAsync(host, "/api/ledger/export"));
            details.AddRange(await FilesAsync(host, shown));
        }

        shown.Add(("the log", log.Text));
        shown.AddRange(telemetry.Lines.Select(text => ("telemetry", text)));

        // A test that finds nothing because nothing was captured would prove nothing.
        Assert.Contains(details, text => text.Contains("CanaryHttp", StringComparison.Ordinal) && text.Contains("\"state\"", StringComparison.Ordinal));
        Assert.All((string[])["HTTP-1", "webhook", "HTTP 200 in", "\"event\":4401"], text => Assert.Contains(text, log.Text, StringComparison.Ordinal));
        Assert.Contains(telemetry.Lines, text => text.Contains("contentsync.outcomes", StringComparison.Ordinal));
        Assert.Contains(telemetry.Lines, text => text.Contains("synchronize content", StringComparison.Ordinal));
        Assert.Contains(shown, page => page.Text.Contains("RISKY-1", StringComparison.Ordinal));
        Assert.True(shown.Count > 40, $"Only {shown.Count} texts were searched.");

        string[] forbidden = [.. Contents, .. secrets, MappingFile];
        Assert.Empty(
            from page in shown
            from canary in forbidden
            where Canary.IsIn(page.Text, canary)
            select $"{page.What} holds {canary}: {Canary.Around(page.Text, canary)}");
        Assert.Empty(from text in details from canary in secrets.Append(MappingFile) where Canary.IsIn(text, canary) select $"{canary}: {Canary.Around(text, canary)}");

        // A query or a path may be anything, so the log leaves both out.
        Assert.DoesNotContain("CanaryQuery", log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("CanaryPath", log.Text, StringComparison.Ordinal);

        // A signature of RSA-2048 has 344 characters.
        Assert.DoesNotMatch(Signature(), log.Text);
        Assert.All(telemetry.Lines, text => Assert.DoesNotMatch(Signature(), text));
    }

    private static LocalHostOptions HostOptions => new(0)
    {
        ApiKey = "CanaryApiKey",
        MapMore = app => Microsoft.AspNetCore.Builder.EndpointRouteBuilderExtensions.MapPost(
            app, "/broken", string (Microsoft.AspNetCore.Http.HttpRequest _) => throw new FormatException("CanaryHttp CanaryApiKey")),
    };

    private async Task<LocalOptions> OptionsAsync()
    {
        await File.WriteAllTextAsync(_inputs.File("catalog.ndjson"), Item("CAT-1", "CanaryCatalog") + "\n" + Item("CAT-2", "CanaryCatalog", 70) + "\n");
        const string Mapping =
            """
            {"format":"json","contentId":"{{ canary_of_the_mapping_file }}","contentType":"SKU","contentStatus":1,
             "fields":{"name":{"source":"name"}}}
            """;
        await File.WriteAllTextAsync(_inputs.File("feed.mapping.json"), Mapping);
        return new LocalOptions
        {
            Catalog = _inputs.File("catalog.ndjson"),
            Mappings = _inputs.File(""),
            Webhook = new WebhookOptions { Secrets = [WebhookSecret], ShopifySecrets = ["CanaryShopSecret"] },
        };
    }

    private static async Task FeedAsync(RunningHost host, List<(string What, string Text)> responses)
    {
        await SendAsync("/api/content", Item("HTTP-1", "CanaryHttp"));
        await SendAsync("/api/content", Item("DEEP-1", "CanaryTooDeep", 70));
        await SendAsync("/api/content", """{"contentId":"BROKEN-1","contentInfo":{"name":CanaryBroken}}""");
        await SendAsync("/api/content", """{"contentId":"BROKEN-2","contentType":"SKU","contentStatus":1,"contentInfo":"CanaryBroken"}""");
        await SendAsync("/api/content", Item("HTTP-2", "CanaryHttp"), key: "CanaryWrongKey");
        await SendAsync("/api/content/batch", Item("BATCH-1", "CanaryBatch") + "\n" + Item("BATCH-2", "CanaryBatch", 70) + "\n{CanaryBroken\n", "application/x-ndjson");
        await SendAsync("/api/content/batch?map=feed&code=CanaryQuery", """[{"canary_of_the_mapping_file":"MAP-1","name":"CanaryMapped"}]""");
        await SendAsync("/api/content/preview", Item("PREVIEW-1", "CanaryHttp", 70));
        await SendAsync("/api/sending/pause", """{"reason":CanaryBroken}""");
        await SendAsync("/broken", "CanaryHttp");
        await SendWebhookAsync(Event("HOOK-1", "CanaryWebhook"), isSigned: true);
        await SendWebhookAsync(Event("HOOK-2", "CanaryWebhook"), isSigned: false);
        await SendWebhookAsync("""{"data":CanaryBroken}""", isSigned: true);
        host.Pipeline.Gateway!.Faults = ContentSync.Simulator.GatewayFaults.Parse("risky=1");
        await SendAsync("/api/content", Item("RISKY-1", "CanaryRisky"));
        host.Pipeline.Gateway.Faults = ContentSync.Simulator.GatewayFaults.None;
        await SendAsync("/api/resyncs", """{"source":"catalog"}""");
        for (var i = 0; i < 400 && await host.Pipeline.Ledger.FindAsync("CAT-1", CancellationToken.None) is not { State: SyncState.Synchronized }; i++)
            await Task.Delay(50);
        await host.Pipeline.Queue.WaitForActiveAsync(0, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));

        async Task SendAsync(string path, string body, string type = "application/json", string key = "CanaryApiKey") =>
            responses.Add(($"the response of {path}", await PostAsync(host, path, body, type, (ApiKey.Header, key))));

        async Task SendWebhookAsync(string body, bool isSigned)
        {
            var (id, timestamp) = (Guid.NewGuid().ToString("N"), DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
            var hash = HMACSHA256.HashData(Encoding.ASCII.GetBytes(Secrets[6]), Encoding.UTF8.GetBytes($"{id}.{timestamp}.{body}"));
            var signature = isSigned ? $"v1,{Convert.ToBase64String(hash)} v1,CanarySignature" : "v1,CanarySignature";
            var response = await PostAsync(
                host,
                "/api/webhooks/content",
                body,
                "application/cloudevents+json",
                ("webhook-id", id),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", signature));
            responses.Add(("the response of a webhook", response));
        }
    }

    private static async Task<string> PostAsync(
        RunningHost host, string path, string body, string type, params (string Name, string Value)[] headers)
    {
        using var request = Request(HttpMethod.Post, path);
        request.Content = new StringContent(body, Encoding.UTF8, type);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        using var response = await host.Client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();

        // The response to a preview is the request that would be sent; it is asked for.
        return path == "/api/content/preview" && response.IsSuccessStatusCode ? "" : $"{response.Headers}{text}";
    }

    private static async Task<string> GetAsync(RunningHost host, string path)
    {
        using var request = Request(HttpMethod.Get, path);
        request.Headers.Add(ApiKey.Header, "CanaryApiKey");
        using var response = await host.Client.SendAsync(request);
        return $"{response.Headers}{await response.Content.ReadAsStringAsync()}";
    }

    private static HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        request.Headers.Add("X-Any", "CanaryHeader");
        request.Headers.TryAddWithoutValidation("User-Agent", "CanaryAgent");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", "CanaryBearer");
        request.Headers.Add("Cookie", "session=CanaryCookie");
        return request;
    }

    /// <summary>The files of the data folder, but for those that exist to hold keys or content, which are returned.</summary>
    private static async Task<IReadOnlyList<string>> FilesAsync(RunningHost host, List<(string What, string Text)> shown)
    {
        var holders = new List<string>();
        foreach (var file in Directory.EnumerateFiles(host.Data, "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(host.Data, file).Replace('\\', '/');

            // The host holds it locked, and never writes to it.
            if (name == $"{DataDirectory.LedgerName}.owner")
            {
                Assert.Equal(0, new FileInfo(file).Length);
                continue;
            }

            // The simulated AlipayHK holds it locked: what it received, which is what it is for.
            if (name == "simulated-alipayhk/content.ndjson") continue;

            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            await stream.CopyToAsync(bytes);
            var text = Encoding.Latin1.GetString(bytes.ToArray());

            // The development keys live here, readable by their owner only.
            if (name.StartsWith("keys/", StringComparison.Ordinal)) continue;

            // The ledger keeps the accepted items.
            if (name.StartsWith(DataDirectory.LedgerName, StringComparison.Ordinal)) holders.Add(text);
            else shown.Add((name, text));
        }

        return holders;
    }

    // Base64 lines from the middle of both private keys.
    private static IEnumerable<string> KeyLines(RunningHost host) =>
        Directory.EnumerateFiles(Path.Combine(host.Data, "keys")).Select(file => File.ReadAllLines(file)[10]);

    private static string Item(string contentId, string name, int depth = 1) =>
        $$"""{"contentId":"{{contentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{{Nested(name, depth)}}}""";

    private static string Nested(string name, int depth) =>
        string.Concat(Enumerable.Repeat("""{"name":""", depth)) + $"\"{name}\"" + new string('}', depth);

    private static string Event(string contentId, string name) =>
        $$"""{"specversion":"1.0","id":"{{contentId}}","source":"/shop","type":"content.changed","data":{{Item(contentId, name)}}}""";

    [GeneratedRegex("[A-Za-z0-9+/%]{300,}")]
    private static partial Regex Signature();
}
