using System.Net;
using ContentSync.Budget;
using ContentSync.Http;
using ContentSync.Local.Pipeline;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Local.Hosting;

/// <summary>Serves the HTTP API: the library's handlers on Kestrel, on loopback only.</summary>
public sealed class LocalHost : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _observing;

    private LocalHost(WebApplication app, Uri address, SendingLog sending)
    {
        _app = app;
        Address = address;
        _observing = sending.RunAsync(_stopping.Token);
    }

    /// <summary>The address it listens on, with the port that was picked.</summary>
    public Uri Address { get; }

    /// <exception cref="CommandException">The port is in use.</exception>
    public static async Task<LocalHost> StartAsync(
        LocalPipeline pipeline, LocalHostOptions options, CancellationToken cancellationToken)
    {
        // Without this, the builder watches the current directory recursively for changed settings files, and sees every write to the ledger.
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            if (options.Port == 0) kestrel.Listen(IPAddress.Loopback, 0);
            else kestrel.ListenLocalhost(options.Port);
        });
        // The command line handles Ctrl-C; it shuts the pipeline down in the right order.
        builder.Services.AddSingleton<Microsoft.Extensions.Hosting.IHostLifetime, NoLifetime>();
        builder.Services.AddProblemDetails();
        var loggers = pipeline.Services.GetRequiredService<ILoggerFactory>();
        var time = pipeline.Services.WallClock();
        var log = new RequestLog(time, loggers.CreateLogger<RequestLog>());
        builder.Services.AddSingleton<IExceptionHandler>(log);
        var app = builder.Build();
        app.Use(log.LogAsync);
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
            RequestDelegate handle = context => HandleAsync(context, pipeline.Services, route, key, log);
            app.MapMethods(route.Path, route.Methods, handle);
            if (route.Path == ApiRoutes.Board) app.MapMethods("/", route.Methods, handle);
        }

        options.MapMore?.Invoke(app);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new CommandException(
                $"Port {options.Port} is in use by another program. Stop that program, or choose another port with --port.", e);
        }

        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        var sending = new SendingLog(
            pipeline.Services.GetRequiredService<SendSwitch>(),
            pipeline.Services.GetRequiredService<SharedCircuitBreaker>(),
            time,
            loggers.CreateLogger<SendingLog>());
        return new LocalHost(app, new Uri(address), sending);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _observing.ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    // All handlers are singletons, so a service scope per request would stay empty.
    private static async Task HandleAsync(HttpContext context, IServiceProvider services, ApiRoute route, ApiKey key, RequestLog log)
    {
        var result = route.Access == ApiAccess.Key ? key.Refusal(context.Request) : null;
        if (result is not null) log.LogRefused(route.Path);
        result ??= await route.RespondAsync(services, context.Request, context.RequestAborted).ConfigureAwait(false);
        await result.ExecuteAsync(context).ConfigureAwait(false);
    }

    private sealed class NoLifetime : Microsoft.Extensions.Hosting.IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
