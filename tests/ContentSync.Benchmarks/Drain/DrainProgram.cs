using System.Reflection;
using System.Security.Cryptography;
using Azure.Messaging.ServiceBus;
using ContentSync.Benchmarks.Ratios;
using ContentSync.WorkerHost;
using ContentSync.WorkerHost.Protocol;

namespace ContentSync.Benchmarks.Drain;

/// <summary>
/// What a single message of the content queue costs the app's worker: user and system CPU time of a real worker process, invoked over gRPC
/// as the Functions host does. Azurite holds the ledger; a simulated AlipayHK and a fake vault run in another process, this host in a third.
/// Each figure is the median of several rounds, and all that is compared runs in every round.
/// </summary>
internal static class DrainProgram
{
    private const int Rounds = 5;
    private const int WarmUpRounds = 3;
    private const int Messages = 512;

    /// <summary>maxConcurrentCalls of host.json.</summary>
    private const int InFlight = 32;

    public static async Task<int> RunAsync(bool json, bool telemetry)
    {
        var app = typeof(DrainProgram).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == "DrainWorker").Value!;
        using var peer = await Peer.StartAsync().ConfigureAwait(false);
        await using var azurite = await Azurite.StartAsync().ConfigureAwait(false);
        await using var host = await FunctionsTestHost.StartAsync(app, Settings(peer, azurite, telemetry)).ConfigureAwait(false);
        await host.LoadAsync(app, CancellationToken.None).ConfigureAwait(false);

        var rounds = new List<Round>();
        var next = 0;
        for (var i = 0; i < WarmUpRounds + Rounds; i++)
        {
            var round = new Round(
                await MeasureAsync(host, () => SingleAsync(host, "Empty", Take(ref next))).ConfigureAwait(false),
                await MeasureAsync(host, () => SingleAsync(host, "OutsideCalls", Take(ref next))).ConfigureAwait(false),
                await MeasureAsync(host, () => SingleAsync(host, "ProcessContentMessage", Take(ref next))).ConfigureAwait(false),
                await MeasureAsync(host, () => BatchedAsync(host, "Batched", Take(ref next))).ConfigureAwait(false));
            if (i >= WarmUpRounds) rounds.Add(round);
        }

        RatiosProgram.Print(
            new SortedDictionary<string, double>(StringComparer.Ordinal)
            {
                ["emptyFunctionMilliseconds"] = Median(rounds, round => round.Empty),
                ["outsideCallsMilliseconds"] = Median(rounds, round => round.Calls),
                ["singleMessageMilliseconds"] = Median(rounds, round => round.Single),
                ["singleMessageAboveEmpty"] = Median(rounds, round => round.Single - round.Empty),
                ["singleMessageAboveOutsideCalls"] = Median(rounds, round => round.Single - round.Calls),
                ["batchedMessageMilliseconds"] = Median(rounds, round => round.Batched),
                ["batchedOverSingle"] = Median(rounds, round => round.Batched / round.Single),
            },
            json);
        return 0;
    }

    private static ServiceBusMessage[] Take(ref int next)
    {
        var first = next;
        next += Messages;
        return [.. Enumerable.Range(first, Messages)
            .Select(i => new ServiceBusMessage(SampleItems.Text(i)) { MessageId = $"{i}", ContentType = "application/json" })];
    }

    /// <returns>Milliseconds of the worker's CPU time per message.</returns>
    private static async Task<double> MeasureAsync(FunctionsTestHost host, Func<Task> drain)
    {
        var settled = host.Settled.Count;
        var before = host.Worker.CpuTime;
        await drain().ConfigureAwait(false);
        var used = host.Worker.CpuTime - before;
        var completed = host.Settled.Skip(settled).Count(message => message.How == "complete");
        if (completed != Messages) throw new InvalidOperationException($"{Messages - completed} of {Messages} messages were not completed.");
        return used.TotalMilliseconds / Messages;
    }

    private static async Task SingleAsync(FunctionsTestHost host, string function, ServiceBusMessage[] messages)
    {
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, InFlight).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var i && i < messages.Length)
                Check(await host.DeliverAsync(function, messages[i], Guid.NewGuid(), CancellationToken.None).ConfigureAwait(false));
        })).ConfigureAwait(false);
    }

    // One batch after another, as the batched trigger does.
    private static async Task BatchedAsync(FunctionsTestHost host, string function, ServiceBusMessage[] messages)
    {
        foreach (var batch in messages.Chunk(InFlight))
            Check(await host.DeliverAsync(function, batch, CancellationToken.None).ConfigureAwait(false));
    }

    private static void Check(InvocationResponse response)
    {
        if (response.Result.Status != StatusResult.Types.Status.Success)
            throw new InvalidOperationException($"An invocation failed: {response.Result.Exception?.Message}");
    }

    private static Dictionary<string, string> Settings(Peer peer, Azurite azurite, bool telemetry)
    {
        var unique = RandomNumberGenerator.GetHexString(16, lowercase: true);
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated",
            ["DrainTelemetry"] = telemetry ? "on" : "off",
            ["DrainVault"] = peer.Addresses.Vault.AbsoluteUri,
            ["AlipayHk__BaseAddress"] = peer.Addresses.Gateway.AbsoluteUri,
            ["AlipayHk__ClientId"] = Peer.ClientId,
            ["AlipayHk__PublicKeys__0__KeyVersion"] = "1",
            ["AlipayHk__PublicKeys__0__PublicKey"] = peer.Theirs.ExportSubjectPublicKeyInfoPem(),
            ["Signing__Keys__0__KeyId"] = "https://vault.example/keys/signing/0123456789abcdef0123456789abcdef",
            ["Signing__Keys__0__KeyVersion"] = "1",
            ["Ledger__TableEndpoint"] = azurite.Tables.AbsoluteUri,
            ["Ledger__TableName"] = "t" + unique,
            ["Resync__LaneTableName"] = "l" + unique,
            ["Catalog__ContainerUri"] = $"{azurite.Blobs}/catalog-{unique}",
            ["Resync__StateContainerUri"] = $"{azurite.Blobs}/resync-{unique}",
            ["ContentQueue"] = "content",
            ["ResyncQueue"] = "content-resync",
            ["ServiceBus"] =
                "Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
            ["ResyncSchedule"] = "0 0 19 * * *",
            ["SweepSchedule"] = "0 */5 * * * *",
        };
    }

    private static double Median(List<Round> rounds, Func<Round, double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);

    /// <summary>Milliseconds of CPU per message.</summary>
    private sealed record Round(double Empty, double Calls, double Single, double Batched);
}
