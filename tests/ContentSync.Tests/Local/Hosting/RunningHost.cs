using System.Text;
using ContentSync.Http.Webhooks;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Local.Hosting;

/// <summary>The local host with its simulated AlipayHK, on free ports and in its own folder.</summary>
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

    /// <summary>The catalog of the resyncs, if the host has one.</summary>
    public string Catalog => _folder.File("catalog.ndjson");

    public static Task<RunningHost> StartAsync(string? apiKey = null, params string[] webhookSecrets) =>
        StartAsync(new TemporaryFolder(), new LocalOptions { Webhook = new WebhookOptions { Secrets = webhookSecrets } }, new LocalHostOptions(0) { ApiKey = apiKey });

    /// <param name="catalog">Text of the catalog.</param>
    /// <param name="rate">Max requests per second.</param>
    /// <param name="apiKey">Required of callers; null requires none.</param>
    public static async Task<RunningHost> StartWithCatalogAsync(string catalog, double? rate = null, string? apiKey = null)
    {
        var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("catalog.ndjson"), catalog);
        var options = new LocalOptions { Catalog = folder.File("catalog.ndjson"), Rate = rate };
        return await StartAsync(folder, options, new LocalHostOptions(0) { ApiKey = apiKey });
    }

    public static Task<RunningHost> StartAsync(LocalOptions options, LocalHostOptions hostOptions, ILoggerFactory loggers) =>
        StartAsync(new TemporaryFolder(), options, hostOptions, loggers);

    private static async Task<RunningHost> StartAsync(
        TemporaryFolder folder, LocalOptions options, LocalHostOptions hostOptions, ILoggerFactory? loggers = null)
    {
        options = options with { Data = folder.File("data"), Workers = 4 };
        var pipeline = await LocalPipeline.OpenAsync(options, TimeProvider.System, loggers ?? NullLoggerFactory.Instance, CancellationToken.None);
        var host = await LocalHost.StartAsync(pipeline, hostOptions, CancellationToken.None);
        pipeline.Resync.Start();
        return new RunningHost(folder, pipeline, host);
    }

    /// <summary>Submits an item and waits for its outcome.</summary>
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
