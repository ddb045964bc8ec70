using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using ContentSync.Tests.Sqlite;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ContentSync.Tests.Functions;

/// <summary>
/// A local replacement for the ingestion endpoint of Application Insights, over TLS. Collects what a worker's telemetry exporter sends,
/// uncompressed, which is how it is billed. The worker signs in with a token from a fake Azure CLI.
/// </summary>
internal sealed class IngestionEndpoint : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly TemporaryFolder _folder;

    private IngestionEndpoint(WebApplication server, TemporaryFolder folder) => (_server, _folder) = (server, folder);

    /// <summary>The telemetry items as sent.</summary>
    public ConcurrentQueue<string> Items { get; } = new();

    public static async Task<IngestionEndpoint> StartAsync()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, true));
        var now = TimeProvider.System.GetUtcNow();
        using var generated = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var certificate = X509CertificateLoader.LoadPkcs12(generated.Export(X509ContentType.Pfx), null);

        var folder = new TemporaryFolder();
        await File.WriteAllTextAsync(folder.File("root.pem"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(folder.File("az"), """
            #!/bin/sh
            echo '{"accessToken":"token","expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"tokenType":"Bearer"}'

            """);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(folder.File("az"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var endpoint = new IngestionEndpoint(builder.Build(), folder);
        endpoint._server.MapPost("/{**path}", endpoint.ReceiveAsync);
        await endpoint._server.StartAsync();
        return endpoint;
    }

    /// <summary>Configures a worker to send its telemetry here.</summary>
    public void Configure(Dictionary<string, string> settings)
    {
        var port = new Uri(_server.Urls.First()).Port;
        settings["APPLICATIONINSIGHTS_CONNECTION_STRING"] = $"InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=https://localhost:{port}/";
        settings["APPLICATIONINSIGHTS_STATSBEAT_DISABLED"] = "true";
        settings["SSL_CERT_FILE"] = _folder.File("root.pem");
        settings["PATH"] = $"{Path.GetDirectoryName(_folder.File("az"))}:{Environment.GetEnvironmentVariable("PATH")}";
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    private async Task<IResult> ReceiveAsync(HttpRequest request)
    {
        await using var body = request.Headers.ContentEncoding == "gzip" ? new GZipStream(request.Body, CompressionMode.Decompress) : request.Body;
        using var reader = new StreamReader(body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync(request.HttpContext.RequestAborted);
        var items = text.TrimStart().StartsWith('[')
            ? [.. JsonDocument.Parse(text).RootElement.EnumerateArray().Select(item => item.GetRawText())]
            : text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (var item in items) Items.Enqueue(item);
        return Results.Json(new { itemsReceived = items.Length, itemsAccepted = items.Length, errors = Array.Empty<string>() });
    }
}
