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
/// A simulated AlipayHK on a loopback port. It checks what the real gateway is documented to check, answers signed, keeps the content it
/// was given, and misbehaves on demand (<see cref="GatewayFaults"/>). What it holds is shown under <c>/simulator</c>.
/// It shares no code with the client, so that a fault in one shows in the other.
/// </summary>
public sealed class SimulatedGateway : IAsyncDisposable
{
    /// <summary>Largest request body it reads; the real limit is not published.</summary>
    internal const int MaxBodyBytes = 1024 * 1024;

    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly GatewayCounters _counters = new();
    private readonly RsaKeyPool[] _callerKeys;
    private readonly RsaKeyPool[] _ownKeys;
    private readonly ContentStore _shelf;
    private readonly SynchronizeEndpoint _synchronize;
    private readonly SimulatorEndpoint _simulator;
    private readonly KestrelServer _server;
    private volatile FaultSampler _dice;

    private SimulatedGateway(SimulatedGatewayOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        if (options.CallerKeys.Count == 0) throw new ArgumentException("The simulated AlipayHK needs the public key of its caller.", nameof(options));
        _callerKeys = [.. options.CallerKeys.Select(key => RsaKeyPool.Import(key.KeyVersion, key.PublicKey))];
        _ownKeys = [OwnKey(options.Key), .. options.PreviousKey is null ? [] : new[] { OwnKey(options.PreviousKey) }];
        _dice = new FaultSampler(options.Faults);
        _shelf = new ContentStore(options.StatePath, time);
        var reader = new GatewayRequestReader(options, _callerKeys, _ownKeys, time);
        _synchronize = new SynchronizeEndpoint(options, reader, _ownKeys, _shelf, _counters, time, loggers.CreateLogger<SimulatedGateway>());
        _simulator = new SimulatorEndpoint(this, _shelf);
        _server = CreateServer(options.Port, loggers);
    }

    /// <summary>Where it listens: scheme, 127.0.0.1 and port.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    /// <summary>keyVersion of the key that signs its answers.</summary>
    public string KeyVersion => _ownKeys[0].KeyVersion;

    /// <summary>Base64 of the SubjectPublicKeyInfo of that key.</summary>
    public string PublicKey => _ownKeys[0].PublicKey;

    /// <summary>How it misbehaves; takes effect with the next request, and starts the counting anew.</summary>
    public GatewayFaults Faults
    {
        get => _dice.Faults;
        set => _dice = new FaultSampler(value);
    }

    public GatewayStats Stats => _counters.Read(_shelf.Count);

    /// <summary>Starts listening.</summary>
    /// <param name="options">What it knows.</param>
    /// <param name="time">Its clock, for Response-Time, template expiry, clock skew and latency.</param>
    /// <param name="loggers">Null logs nothing.</param>
    /// <param name="cancellationToken">Ends the start, not the server.</param>
    /// <exception cref="ArgumentException">A key cannot be read.</exception>
    /// <exception cref="IOException">The port is in use, or the state file is, or it cannot be made.</exception>
    /// <exception cref="InvalidDataException">The state file is none of this gateway's.</exception>
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

    /// <summary>A copy of what it holds now, by contentId.</summary>
    public IReadOnlyDictionary<string, StoredContent> Snapshot() => _shelf.Snapshot();

    /// <summary>Stops listening. Requests that hang or wait are cut off, others end first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        await _stopping.CancelAsync();
        using var patience = new CancellationTokenSource(StopPatience);
        await _server.StopAsync(patience.Token);
        _server.Dispose();
        _synchronize.Dispose();
        _shelf.Dispose();
        foreach (var key in _callerKeys.Concat(_ownKeys)) key.Dispose();
        _stopping.Dispose();
    }

    private static RsaKeyPool OwnKey(GatewayKey? key)
    {
        if (key is null) return new RsaKeyPool("1", RSA.Create(2048));
        var pool = RsaKeyPool.Import(key.KeyVersion, key.PrivateKey);
        return pool.IsPrivate ? pool : throw new ArgumentException($"The gateway's key with keyVersion {key.KeyVersion} has no private half.", nameof(key));
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
            else await _synchronize.HandleAsync(context, _dice.Sample(), _stopping.Token);
        }
        catch (Exception e) when (IsCutOff(e, context))
        {
            context.Abort();
        }
    }

    private bool IsCutOff(Exception e, HttpContext context) =>
        e is OperationCanceledException or ConnectionResetException or ConnectionAbortedException
        && (context.RequestAborted.IsCancellationRequested || _stopping.IsCancellationRequested);

    /// <summary>Kestrel without a host around it: no configuration, no signal handlers, nothing per request but this.</summary>
    private sealed class Application(SimulatedGateway gateway) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public Task ProcessRequestAsync(HttpContext context) => gateway.HandleAsync(context);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
            // Nothing of the context outlives the request.
        }
    }
}
