using System.Security.Cryptography;
using System.Text.Json;
using ContentSync.Benchmarks.Ledger;
using ContentSync.Benchmarks.Resync;
using ContentSync.Signing;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// Ratios measured in one run: user and system CPU time of this process; the peers run in another one. Each figure is the median of
/// several rounds, and everything that is compared runs in every round.
/// </summary>
internal static class RatiosProgram
{
    private const int Rounds = 5;

    // The runtime keeps compiling frequently executed code in the background; that time is not the items'.
    private const int WarmUpRounds = 5;
    private const int Items = 2_000;

    public static async Task<int> RunAsync(bool json, bool whole)
    {
        using var peer = await Peer.StartAsync().ConfigureAwait(false);
        var items = new SampleItems();
        using var localSigner = new RsaRequestSigner(Copy(peer.Ours), "1");
        using var vaultSigner = new VaultSigner(peer.Addresses.Vault);
        await using var local = await ItemRun.StartAsync(peer, localSigner).ConfigureAwait(false);
        await using var remote = await ItemRun.StartAsync(peer, vaultSigner).ConfigureAwait(false);
        using var localFloor = new FloorProgram(peer, localSigner);
        using var remoteFloor = new FloorProgram(peer, vaultSigner);
        using var sdk = new SdkBehaviour(peer);

        var rounds = new List<Round>();
        for (var i = 0; i < WarmUpRounds + Rounds; i++)
        {
            var round = new Round(
                await CpuAsync(() => { BareSignatures(peer.Ours); return Task.CompletedTask; }).ConfigureAwait(false),
                await CpuAsync(items, local.RunAsync).ConfigureAwait(false),
                await CpuAsync(items, localFloor.RunAsync).ConfigureAwait(false),
                await CpuAsync(items, remote.RunAsync).ConfigureAwait(false),
                await CpuAsync(items, remoteFloor.RunAsync).ConfigureAwait(false),
                await CpuAsync(items, batch => { sdk.Run(batch); return Task.CompletedTask; }).ConfigureAwait(false));
            if (i >= WarmUpRounds) rounds.Add(round);
        }

        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["bareSignatureMicroseconds"] = Median(rounds, round => round.Bare),
            ["itemMicroseconds"] = Median(rounds, round => round.Local),
            ["itemOverBareSignature"] = Median(rounds, round => round.Local / round.Bare),
            ["floorOverBareSignature"] = Median(rounds, round => round.LocalFloor / round.Bare),
            ["itemOverFloor"] = Median(rounds, round => round.Local / round.LocalFloor),
            ["remoteSignedItemMicroseconds"] = Median(rounds, round => round.Remote),
            ["remoteSignedOverFloor"] = Median(rounds, round => round.Remote / round.RemoteFloor),
            ["sdkBehaviourMicroseconds"] = Median(rounds, round => round.Sdk),
            ["cpuBelowSdkBehaviour"] = Median(rounds, round => round.Sdk / round.Local),
            ["cpuBelowSdkBehaviourRemote"] = Median(rounds, round => round.Sdk / round.Remote),
            ["allocatedBytesPerItem"] = await AllocatedAsync(peer, items).ConfigureAwait(false),
        };
        if (whole)
        {
            await ApiRatios.AddAsync(peer, figures).ConfigureAwait(false);
            await ResyncRatios.AddAsync(peer, figures).ConfigureAwait(false);
            await LedgerRatios.AddAsync(figures).ConfigureAwait(false);
        }

        Print(figures, json);
        return 0;
    }

    private static void BareSignatures(RSA key)
    {
        var digest = new byte[32];
        var signature = new byte[256];
        for (var i = 0; i < Items; i++)
        {
            BitConverter.TryWriteBytes(digest, i);
            key.TrySignHash(digest, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1, out _);
        }
    }

    // Everything except what HttpClient and the socket allocate.
    private static async Task<double> AllocatedAsync(Peer peer, SampleItems items)
    {
        using var signer = new RsaRequestSigner(Copy(peer.Ours), "1");
        using var socket = new CannedSocket(peer);
        await using var run = await ItemRun.StartAsync(peer, signer, socket).ConfigureAwait(false);
        await run.RunAsync(items.Items(Items)).ConfigureAwait(false);
        var measured = items.Items(Items);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        await run.RunAsync(measured).ConfigureAwait(false);
        return ((GC.GetTotalAllocatedBytes(precise: true) - before) / Items) - socket.AllocatedPerCall();
    }

    private static Task<double> CpuAsync(SampleItems items, Func<IReadOnlyList<Content.ContentItem>, Task> run)
    {
        var batch = items.Items(Items);
        return CpuAsync(() => run(batch));
    }

    /// <returns>Microseconds of CPU per item.</returns>
    private static async Task<double> CpuAsync(Func<Task> run)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = Environment.CpuUsage.TotalTime;
        await run().ConfigureAwait(false);
        return (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Items;
    }

    private static double Median(List<Round> rounds, Func<Round, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);

    private static RSA Copy(RSA key)
    {
        var copy = RSA.Create();
        copy.ImportParameters(key.ExportParameters(includePrivateParameters: true));
        return copy;
    }

    public static void Print(SortedDictionary<string, double> figures, bool json)
    {
        foreach (var name in figures.Keys.ToArray())
            figures[name] = Math.Round(figures[name], figures[name] >= 100 ? 0 : figures[name] < 0.1 ? 4 : 2);
        if (json) Console.Out.WriteLine(JsonSerializer.Serialize(figures));
        else foreach (var (name, value) in figures) Console.Out.WriteLine($"{name,-32} {value}");
    }

    /// <summary>Microseconds of CPU per item.</summary>
    private sealed record Round(double Bare, double Local, double LocalFloor, double Remote, double RemoteFloor, double Sdk);
}
