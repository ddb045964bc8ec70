using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>The peer process, and the key pairs of this run.</summary>
internal sealed class Peer : IDisposable
{
    public const string ClientId = "4Q5Y8W0WSG45P907917";

    private readonly Process _process;

    private Peer(Process process, PeerAddresses addresses, RSA ours, RSA theirs)
    {
        _process = process;
        Addresses = addresses;
        Ours = ours;
        Theirs = theirs;
    }

    public PeerAddresses Addresses { get; }

    /// <summary>Our key pair.</summary>
    public RSA Ours { get; }

    /// <summary>AlipayHK's key pair.</summary>
    public RSA Theirs { get; }

    public static async Task<Peer> StartAsync()
    {
        var (ours, theirs) = (RSA.Create(2048), RSA.Create(2048));
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["peer"]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        var setup = new PeerSetup(ClientId, ours.ExportSubjectPublicKeyInfoPem(), ours.ExportPkcs8PrivateKeyPem(), theirs.ExportPkcs8PrivateKeyPem());
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(setup)).ConfigureAwait(false);
        var line = await process.StandardOutput.ReadLineAsync().ConfigureAwait(false);
        return new Peer(process, JsonSerializer.Deserialize<PeerAddresses>(line!)!, ours, theirs);
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
        Ours.Dispose();
        Theirs.Dispose();
    }
}
