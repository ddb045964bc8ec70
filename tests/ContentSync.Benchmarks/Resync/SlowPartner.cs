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

/// <summary>A partner on loopback, in a process of its own, that takes 20 ms for one truly signed answer that is always the same, and looks at nothing of what it is sent.</summary>
internal sealed class SlowPartner : IDisposable
{
    public const string ClientId = "4Q5Y8W0WSG45P907917";

    private const int Milliseconds = 20;
    private const string Path = "/api/open/alipay/v1/content/synchronize";
    private const string Answer = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"success"}}""";

    private readonly Process _process;

    private SlowPartner(Process process, Uri address, string publicKey) => (_process, Address, PublicKey) = (process, address, publicKey);

    public Uri Address { get; }

    /// <summary>PEM of the key that its answer is signed with.</summary>
    public string PublicKey { get; }

    /// <summary>Starts one.</summary>
    public static async Task<SlowPartner> StartAsync()
    {
        using var key = RSA.Create(2048);
        var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);
        var signature = key.SignData(Encoding.UTF8.GetBytes($"POST {Path}\n{ClientId}.{time}.{Answer}"), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var setup = new Setup(time, $"algorithm=RSA256,keyVersion=1,signature={Uri.EscapeDataString(Convert.ToBase64String(signature))}");
        var process = Process.Start(OwnProgram.Start("slow-partner", redirectInput: true))!;
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(setup)).ConfigureAwait(false);
        return new SlowPartner(process, new Uri((await process.StandardOutput.ReadLineAsync().ConfigureAwait(false))!), key.ExportSubjectPublicKeyInfoPem());
    }

    /// <summary>The partner's own process: reads one line, writes its address, and serves until the input ends.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var setup = JsonSerializer.Deserialize<Setup>((await input.ReadLineAsync().ConfigureAwait(false))!)!;
        var answer = Encoding.UTF8.GetBytes(Answer);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null).ConfigureAwait(false);
            await Task.Delay(Milliseconds).ConfigureAwait(false);
            context.Response.ContentType = "application/json; charset=UTF-8";
            context.Response.ContentLength = answer.Length;
            context.Response.Headers["Client-Id"] = ClientId;
            context.Response.Headers["Response-Time"] = setup.Time;
            context.Response.Headers["Signature"] = setup.Signature;
            context.Response.Headers["Tracer-Id"] = "abcdefg135202000000000263818";
            await context.Response.Body.WriteAsync(answer).ConfigureAwait(false);
        });
        await app.StartAsync().ConfigureAwait(false);
        await output.WriteLineAsync(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).ConfigureAwait(false);
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
