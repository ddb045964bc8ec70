using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace ContentSync.Simulator;

/// <summary>
/// A simulated AlipayHK on a loopback port. It checks what the real gateway is documented to check, signs its responses, keeps the items that
/// it receives, and injects faults on demand (<see cref="GatewayFaults"/>). <c>/simulator</c> shows what it holds.
/// It shares no code with the client, so that a bug in one is exposed by the other.
/// </summary>
public sealed class SimulatedGateway : IAsyncDisposable
{
    /// <summary>
    /// How long after its caller gave up a request may still take effect. A request ends when its caller disconnects, and it ends with this
    /// process; the time allows for a busy machine that notices late.
    /// </summary>
    public static readonly TimeSpan MaxLateEffect = TimeSpan.FromSeconds(2);

    /// <summary>Max size of a request body; the real limit is not published.</summary>
    internal const int MaxBodyBytes = 1024 * 1024;

    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly GatewayCounters _counters = new();
    private readonly RsaKeyPool[] _callerKeys;
    private readonly RsaKeyPool[] _ownKeys;
    private readonly ContentStore _store;
    private readonly SynchronizeEndpoint _synchronize;
    private readonly SimulatorEndpoint _simulator;
    private readonly KestrelServer _server;
    private volatile FaultSampler _faultSampler;

    private SimulatedGateway(SimulatedGatewayOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        if (options.CallerKeys.Count == 0)
            throw new ArgumentException("The simulated AlipayHK needs the public key of its caller.", nameof(options));
        _callerKeys = [.. options.CallerKeys.Select(key => RsaKeyPool.Import(key.KeyVersion, key.PublicKey))];
        _ownKeys = [OwnKey(options.Key), .. options.PreviousKey is null ? [] : new[] { OwnKey(options.PreviousKey) }];
        _faultSampler = new FaultSampler(options.Faults);
        _store = new ContentStore(options.StatePath, time);
        var reader = new GatewayRequestReader(options, _callerKeys, _ownKeys, time);
        _synchronize = new SynchronizeEndpoint(options, reader, _ownKeys, _store, _counters, time, loggers.CreateLogger<SimulatedGateway>());
        _simulator = new SimulatorEndpoint(this, _store);
        _server = CreateServer(options.Port, loggers);
    }

    /// <summary>The address it listens on: scheme, 127.0.0.1 and port.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    /// <summary>keyVersion of the key that signs its responses.</summary>
    public string KeyVersion => _ownKeys[0].KeyVersion;

    /// <summary>SubjectPublicKeyInfo of that key in base64.</summary>
    public string PublicKey => _ownKeys[0].PublicKey;

    /// <summary>Faults that it injects. Setting them takes effect with the next request and resets their counters.</summary>
    public GatewayFaults Faults
    {
        get => _faultSampler.Faults;
        set => _faultSampler = new FaultSampler(value);
    }

    public GatewayStats Stats => _counters.Read(_store.Count);

    /// <summary>Starts listening.</summary>
    /// <param name="options">Port, keys, state file and faults.</param>
    /// <param name="time">Clock for Response-Time, template expiry, clock skew and latency.</param>
    /// <param name="loggers">Null logs nothing.</param>
    /// <param name="cancellationToken">Cancels starting; it does not stop the server.</param>
    /// <exception cref="ArgumentException">A key cannot be read.</exception>
    /// <exception cref="IOException">The port or the state file is in use, or the state file cannot be created.</exception>
    /// <exception cref="InvalidDataException">The state file is not a journal of the simulator.</exception>
    public static async Task<SimulatedGateway> StartAsync(
        SimulatedGatewayOptions options, TimeProvider time, ILoggerFactory? loggers, CancellationToken cancellationToken)
    {
        var gateway = new SimulatedGateway(options, time, loggers ?? NullLoggerFactory.Instance);
        try
        {
            await gateway._server.StartAsync(new Application(gateway), cancellationToken);
            gateway.Address = new Uri(gateway._server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
            return gateway;
        }
        catch
        {
            await gateway.DisposeAsync();
            throw;
        }
    }

    /// <summary>A copy of its items, by contentId.</summary>
    public IReadOnlyDictionary<string, StoredContent> Snapshot() => _store.Snapshot();

    /// <summary>Stops listening. Hanging and delayed requests are aborted; other requests finish first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync();
        using var timeout = new CancellationTokenSource(StopTimeout);
        await _server.StopAsync(timeout.Token);
        _server.Dispose();
        _synchronize.Dispose();
        _store.Dispose();
        foreach (var key in _callerKeys.Concat(_ownKeys)) key.Dispose();
        _stopping.Dispose();
    }

    private static RsaKeyPool OwnKey(GatewayKey? key)
    {
        if (key is null) return new RsaKeyPool("1", RSA.Create(2048));
        var pool = RsaKeyPool.Import(key.KeyVersion, key.PrivateKey);
        return pool.IsPrivate
            ? pool
            : throw new ArgumentException($"The gateway's key with keyVersion {key.KeyVersion} is not a private key.", nameof(key));
    }

    private static KestrelServer CreateServer(int port, ILoggerFactory loggers)
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxRequestBodySize = MaxBodyBytes;
        options.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1);
        return new KestrelServer(Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), loggers), loggers);
    }

    private async Task HandleAsync(HttpContext context)
    {
        try
        {
            if (context.Request.Path.StartsWithSegments(SimulatorEndpoint.Prefix, out var rest)) await _simulator.HandleAsync(context, rest);
            else await _synchronize.HandleAsync(context, _faultSampler.Sample(), _stopping.Token);
        }
        catch (Exception e) when (IsAborted(e, context))
        {
            context.Abort();
        }
    }

    private bool IsAborted(Exception e, HttpContext context) =>
        e is OperationCanceledException or ConnectionResetException or ConnectionAbortedException
        && (context.RequestAborted.IsCancellationRequested || _stopping.IsCancellationRequested);

    /// <summary>Runs Kestrel without a host: no configuration, no signal handlers, and no other work per request.</summary>
    private sealed class Application(SimulatedGateway gateway) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => gateway.HandleAsync(context);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
            // The context owns nothing that outlives the request.
        }
    }
}
