using System.Text;
using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using ContentSync.Tests.Local.Storage;
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

    public static async Task<RunningHost> StartAsync(string? apiKey = null, params string[] webhookSecrets)
    {
        var folder = new TemporaryFolder();
        var pipeline = await LocalPipeline.OpenAsync(new LocalOptions { Data = folder.File("data"), Workers = 4 }, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        var host = await LocalHost.StartAsync(pipeline, new LocalHostOptions(0) { ApiKey = apiKey, WebhookSecrets = webhookSecrets }, TimeProvider.System, CancellationToken.None);
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
