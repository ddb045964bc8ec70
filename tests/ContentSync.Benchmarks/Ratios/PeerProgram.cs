using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Simulator;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// The other process of a ratios run, so that its CPU time is not counted: a simulated AlipayHK and a fake Key Vault, both on loopback.
/// </summary>
internal static class PeerProgram
{
    /// <summary>Reads one <see cref="PeerSetup"/> line, writes one <see cref="PeerAddresses"/> line, and serves until the input ends.</summary>
    public static async Task<int> RunAsync(TextReader input, TextWriter output)
    {
        var setup = JsonSerializer.Deserialize<PeerSetup>((await input.ReadLineAsync().ConfigureAwait(false))!)!;
        var options = new SimulatedGatewayOptions
        {
            ClientId = setup.ClientId,
            ContentTypes = [.. new ContentOptions().ContentTypes],
            CallerKeys = [new RegisteredKey("1", setup.CallerPublicKey)],
            Key = new GatewayKey("1", setup.GatewayPrivateKey),
        };
        await using var gateway = await SimulatedGateway.StartAsync(options, TimeProvider.System, null, CancellationToken.None).ConfigureAwait(false);
        await using var vault = await StartVaultAsync(setup.CallerPrivateKey).ConfigureAwait(false);
        var vaultAddress = vault.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        await output.WriteLineAsync(JsonSerializer.Serialize(new PeerAddresses(gateway.Address, new Uri(vaultAddress)))).ConfigureAwait(false);
        await output.FlushAsync().ConfigureAwait(false);
        await input.ReadLineAsync().ConfigureAwait(false);
        return 0;
    }

    // Implements only what a signer needs of Key Vault's sign operation: {"alg":"RS256","value":"base64url digest"} -> {"kid","value"}.
    private static async Task<WebApplication> StartVaultAsync(string privateKey)
    {
        var key = RSA.Create();
        key.ImportFromPem(privateKey);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapPost("/keys/{name}/{version}/sign", async (HttpContext context) =>
        {
            using var request = await JsonDocument.ParseAsync(context.Request.Body).ConfigureAwait(false);
            var digest = Base64Url.DecodeFromChars(request.RootElement.GetProperty("value").GetString());
            var signature = key.SignHash(digest, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            context.Response.ContentType = "application/json";
            var response = $$"""{"kid":"{{context.Request.Path}}","value":"{{Base64Url.EncodeToString(signature)}}"}""";
            await context.Response.WriteAsync(response).ConfigureAwait(false);
        });
        await app.StartAsync().ConfigureAwait(false);
        return app;
    }
}

/// <summary>The parameters of the peer. The keys exist for one run only.</summary>
internal sealed record PeerSetup(string ClientId, string CallerPublicKey, string CallerPrivateKey, string GatewayPrivateKey);

internal sealed record PeerAddresses(Uri Gateway, Uri Vault);
