using System.Net;
using ContentSync.AlipayHk;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Local.Pipeline;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
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
    /// <param name="options">Port, key and secrets.</param>
    /// <param name="time">Clock.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="CommandException">The port is in use, or a webhook secret is not one.</exception>
    public static async Task<LocalHost> StartAsync(LocalPipeline pipeline, LocalHostOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        // Otherwise it watches the current directory and all below it for changes of a settings file, the ledger's every write among them.
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (options.Port == 0) kestrel.Listen(IPAddress.Loopback, 0);
            else kestrel.ListenLocalhost(options.Port);
        });
        // Ctrl-C is the command line's: it winds the pipeline up in the right order.
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoLifetime>();
        builder.Services.AddProblemDetails();
        AddHandlers(builder.Services, pipeline, options, time);
        var app = builder.Build();
        app.Use((context, next) =>
        {
            SecurityHeaders.Apply(context.Response);
            return next(context);
        });
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.Use(LoopbackGuard.CheckAsync);
        var key = new ApiKey(options.ApiKey);
        foreach (var route in ApiRoutes.All)
        {
            app.MapMethods(route.Path, [route.Method], context => AnswerAsync(context, app.Services, route, key));
            if (route.Path == ApiRoutes.Board) app.MapMethods("/", [route.Method], context => AnswerAsync(context, app.Services, route, key));
        }

        options.MapMore?.Invoke(app);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new CommandException($"Port {options.Port} is in use by another program. Stop that one, or choose another with --port.", e);
        }

        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        return new LocalHost(app, new Uri(address));
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private static void AddHandlers(IServiceCollection services, LocalPipeline pipeline, LocalHostOptions options, TimeProvider time)
    {
        var webhook = new WebhookOptions { Secrets = options.WebhookSecrets };
        try
        {
            services.AddSingleton(new WebhookVerifier(webhook, time));
        }
        catch (ArgumentException)
        {
            throw new CommandException("--webhook-secret takes base64 of 24 to 64 bytes, with or without whsec_ before it. Make one with: openssl rand -base64 32");
        }

        services
            .AddSingleton(pipeline.Ledger)
            .AddSingleton(pipeline.Synchronizer)
            .AddSingleton(pipeline.CircuitBreaker)
            .AddSingleton<ISyncQueue>(pipeline.Queue)
            .AddSingleton(pipeline.Resync.Resyncs)
            .AddSingleton(pipeline.Resync.Sources)
            .AddSingleton(pipeline.ContentOptions)
            .AddSingleton(pipeline.Reader)
            .AddSingleton(pipeline.AlipayHk)
            .AddSingleton(new RequestIdSource())
            .AddSingleton(new ApiOptions())
            .AddSingleton(webhook)
            .AddSingleton(time)
            .AddApiHandlers();
    }

    // The handlers are singletons: a scope of services for each request would hold nothing.
    private static async Task AnswerAsync(HttpContext context, IServiceProvider services, ApiRoute route, ApiKey key)
    {
        var answer = route.Access == ApiAccess.Key ? key.Refusal(context.Request) : null;
        answer ??= await route.HandleAsync(services, context.Request, context.RequestAborted).ConfigureAwait(false);
        await answer.ExecuteAsync(context).ConfigureAwait(false);
    }

    private sealed class NoLifetime : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
