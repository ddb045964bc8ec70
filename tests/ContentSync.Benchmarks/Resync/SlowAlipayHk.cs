using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// An AlipayHK on loopback, in a process of its own, that responds after 20 ms, always with the same correctly signed body, and ignores
/// what it receives.
/// </summary>
internal sealed class SlowAlipayHk : IDisposable
{
    public const string Command = "slow-alipayhk";
    public const string ClientId = "4Q5Y8W0WSG45P907917";

    private const int Milliseconds = 20;
    private const string Path = "/api/open/alipay/v1/content/synchronize";
    private const string ResponseBody = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}""";

    private readonly Process _process;

    private SlowAlipayHk(Process process, Uri address, string publicKey) => (_process, Address, PublicKey) = (process, address, publicKey);

    public Uri Address { get; }

    /// <summary>PEM of the key that verifies its responses.</summary>
    public string PublicKey { get; }

    /// <summary>Starts the process.</summary>
    public static async Task<SlowAlipayHk> StartAsync()
    {
        using var key = RSA.Create(2048);
        var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);
        var content = Encoding.UTF8.GetBytes($"POST {Path}\n{ClientId}.{time}.{ResponseBody}");
        var signature = key.SignData(content, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var setup = new Setup(time, $"algorithm=RSA256,keyVersion=1,signature={Uri.EscapeDataString(Convert.ToBase64String(signature))}");
        var process = Process.Start(OwnProgram.Start(Command, redirectInput: true))!;
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(setup)).ConfigureAwait(false);
        var address = new Uri((await process.StandardOutput.ReadLineAsync().ConfigureAwait(false))!);
        return new SlowAlipayHk(process, address, key.ExportSubjectPublicKeyInfoPem());
    }

    /// <summary>Runs in its own process: reads one line, writes its address, and serves until the input ends.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var setup = JsonSerializer.Deserialize<Setup>((await input.ReadLineAsync().ConfigureAwait(false))!)!;
        var responseBody = Encoding.UTF8.GetBytes(ResponseBody);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null).ConfigureAwait(false);
            await Task.Delay(Milliseconds).ConfigureAwait(false);
            context.Response.ContentType = "application/json; charset=UTF-8";
            context.Response.ContentLength = responseBody.Length;
            context.Response.Headers["Client-Id"] = ClientId;
            context.Response.Headers["Response-Time"] = setup.Time;
            context.Response.Headers["Signature"] = setup.Signature;
            context.Response.Headers["Tracer-Id"] = "abcdefg135202000000000263818";
            await context.Response.Body.WriteAsync(responseBody).ConfigureAwait(false);
        });
        await app.StartAsync().ConfigureAwait(false);
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        await output.WriteLineAsync(address).ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
        await input.ReadLineAsync().ConfigureAwait(false);
        return 0;
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    private sealed record Setup(string Time, string Signature);
}
