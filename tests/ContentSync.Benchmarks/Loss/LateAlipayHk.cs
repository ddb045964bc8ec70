using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Benchmarks.Loss;

/// <summary>
/// An AlipayHK on loopback that applies requests late, even when their caller is gone, loses responses, and notices when an older version
/// takes effect after a newer one. The contentInfo of its items is <c>{"v":N}</c> with a growing N. Thread-safe.
/// </summary>
internal sealed class LateAlipayHk : IAsyncDisposable
{
    public const string ClientId = "4Q5Y8W0WSG45P907917";

    /// <summary>Max time from the arrival of a request until it takes effect.</summary>
    public static readonly TimeSpan MaxLateEffect = TimeSpan.FromMilliseconds(800);

    private const string Path = "/api/open/alipay/v1/content/synchronize";
    private const string ResponseBody = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}""";

    private readonly WebApplication _app;
    private readonly RSA _key = RSA.Create(2048);
    private readonly Random _random;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _held = new(StringComparer.Ordinal);
    private readonly List<string> _undone = [];
    private int _inFlight;

    private LateAlipayHk(WebApplication app, Random random) => (_app, _random) = (app, random);

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    /// <summary>PEM of the key that verifies its responses.</summary>
    public string PublicKey => _key.ExportSubjectPublicKeyInfoPem();

    /// <summary>Requests that may still take effect.</summary>
    public int InFlight => Volatile.Read(ref _inFlight);

    public static async Task<LateAlipayHk> StartAsync(int seed)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        var alipayHk = new LateAlipayHk(app, new Random(seed));
        app.Run(alipayHk.HandleAsync);
        await app.StartAsync().ConfigureAwait(false);
        return alipayHk;
    }

    /// <summary>The N of an item; 0 if it does not hold the item.</summary>
    public int Held(string contentId)
    {
        lock (_lock) return _held.GetValueOrDefault(contentId);
    }

    /// <summary>A sentence for every newer version that an older one has undone.</summary>
    public IReadOnlyList<string> Undone()
    {
        lock (_lock) return [.. _undone];
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync().ConfigureAwait(false);
        _key.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        Interlocked.Increment(ref _inFlight);
        try
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body).ConfigureAwait(false);
            using var request = JsonDocument.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
            var contentId = request.RootElement.GetProperty("contentId").GetString()!;
            using var info = JsonDocument.Parse(request.RootElement.GetProperty("contentInfo").GetString()!);
            await RespondAsync(context, contentId, info.RootElement.GetProperty("v").GetInt32()).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _inFlight);
        }
    }

    private async Task RespondAsync(HttpContext context, string contentId, int version)
    {
        int dice;
        TimeSpan late;
        lock (_lock) (dice, late) = (_random.Next(20), MaxLateEffect * _random.NextDouble());
        switch (dice)
        {
            case 0:
                context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return;
            case 1 or 2:
                Apply(contentId, version);
                context.Abort();
                return;
            case < 8:
                await Task.Delay(late).ConfigureAwait(false);
                break;
        }

        Apply(contentId, version);
        var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);
        var content = Encoding.UTF8.GetBytes($"POST {Path}\n{ClientId}.{time}.{ResponseBody}");
        byte[] signature;
        lock (_lock) signature = _key.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        context.Response.ContentType = "application/json; charset=UTF-8";
        context.Response.Headers["Client-Id"] = ClientId;
        context.Response.Headers["Response-Time"] = time;
        context.Response.Headers["Signature"] =
            $"algorithm=RSA256,keyVersion=1,signature={Uri.EscapeDataString(Convert.ToBase64String(signature))}";
        await context.Response.WriteAsync(ResponseBody).ConfigureAwait(false);
    }

    private void Apply(string contentId, int version)
    {
        lock (_lock)
        {
            var held = _held.GetValueOrDefault(contentId);
            if (version < held) _undone.Add($"{contentId}: version {version} took effect after version {held}.");
            _held[contentId] = version;
        }
    }
}
