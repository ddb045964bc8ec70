using System.Net;
using ContentSync.Http;
using ContentSync.Local.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Hosting;

/// <summary>The HTTP API of the local host: the library's handlers on Kestrel, on loopback only.</summary>
public sealed class LocalHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LocalHost(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <param name="pipeline">What it serves.</param>
    /// <param name="port">0 takes a free one.</param>
    /// <param name="time">Clock.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="CommandException">The port is in use.</exception>
    public static async Task<LocalHost> StartAsync(LocalPipeline pipeline, int port, TimeProvider time, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (port == 0) kestrel.Listen(IPAddress.Loopback, 0);
            else kestrel.ListenLocalhost(port);
        });
        // Ctrl-C is the command line's: it winds the pipeline up in the right order.
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoLifetime>();
        builder.Services.AddProblemDetails();
        var app = builder.Build();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        Map(app, pipeline, time);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new CommandException($"Port {port} is in use by another program. Stop that one, or choose another with --port.", e);
        }

        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new LocalHost(app, new Uri(address));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static void Map(IEndpointRouteBuilder app, LocalPipeline pipeline, TimeProvider time)
    {
        var submit = new SubmitContentHandler(pipeline.Reader, pipeline.ContentOptions, pipeline.Synchronizer, pipeline.Queue, time);
        var get = new GetContentHandler(pipeline.Ledger);
        var health = new CheckHealthHandler(pipeline.Ledger, pipeline.Gate);
        app.MapPost("/api/content", (HttpRequest request, CancellationToken cancellation) => submit.HandleAsync(request, cancellation));
        app.MapGet("/api/content/{contentId}", (string contentId, CancellationToken cancellation) => get.HandleAsync(contentId, cancellation));
        app.MapGet("/api/health", (CancellationToken cancellation) => health.HandleAsync(cancellation));
    }

    private sealed class NoLifetime : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
