using System.Text;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>The local host with its simulated AlipayHK, on free ports and in a folder of its own.</summary>
internal sealed class RunningHost : IAsyncDisposable
{
    private readonly TemporaryFolder _folder;
    private readonly LocalHost _host;

    private RunningHost(TemporaryFolder folder, LocalPipeline pipeline, LocalHost host)
    {
        _folder = folder;
        Pipeline = pipeline;
        _host = host;
        Client = new HttpClient { BaseAddress = host.Address };
    }

    public LocalPipeline Pipeline { get; }

    public HttpClient Client { get; }

    public Uri Address => _host.Address;

    public string Data => _folder.File("data");

    /// <summary>The catalog that resyncs are started of, where the host has one.</summary>
    public string Catalog => _folder.File("catalog.ndjson");

    public static Task<RunningHost> StartAsync(string? apiKey = null, params string[] webhookSecrets) =>
        StartAsync(new TemporaryFolder(), new LocalOptions(), new LocalHostOptions(0) { ApiKey = apiKey, WebhookSecrets = webhookSecrets });

    /// <param name="catalog">Its text.</param>
    /// <param name="rate">Most sends per second.</param>
    /// <param name="apiKey">Asked of callers.</param>
    public static async Task<RunningHost> StartWithCatalogAsync(string catalog, double? rate = null, string? apiKey = null)
    {
        var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("catalog.ndjson"), catalog);
        return await StartAsync(folder, new LocalOptions { Catalog = folder.File("catalog.ndjson"), Rate = rate }, new LocalHostOptions(0) { ApiKey = apiKey });
    }

    private static async Task<RunningHost> StartAsync(TemporaryFolder folder, LocalOptions options, LocalHostOptions hostOptions)
    {
        var pipeline = await LocalPipeline.OpenAsync(options with { Data = folder.File("data"), Workers = 4 }, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        var host = await LocalHost.StartAsync(pipeline, hostOptions, TimeProvider.System, CancellationToken.None);
        pipeline.Resync.Start();
        return new RunningHost(folder, pipeline, host);
    }

    /// <summary>Submits a content and waits for its end.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string json)
    {
        using var body = new StringContent(json, Encoding.UTF8, "application/json");
        return await Client.PostAsync(new Uri("/api/content", UriKind.Relative), body);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _host.DisposeAsync();
        await Pipeline.DisposeAsync();
        _folder.Dispose();
    }
}
