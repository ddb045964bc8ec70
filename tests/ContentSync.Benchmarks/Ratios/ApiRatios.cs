using ContentSync.Local.Hosting;
using ContentSync.Local.Pipeline;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// The figures of the HTTP API: how fast the local host on Kestrel accepts items over loopback, with the SQLite ledger as shipped
/// (accepted items survive a power failure). Medians of several rounds.
/// </summary>
/// <remarks>
/// Every item is enqueued but the queue has no workers, so nothing is sent meanwhile: these figures are about accepting, and an RSA
/// signature costs several times that. The load comes from another process on the same cores, with the same requests for both
/// endpoints. The empty endpoint is behind the same middleware and responds with 202 without reading the body.
/// </remarks>
internal static class ApiRatios
{
    private const int Rounds = 5;
    private const int WarmUpRounds = 2;
    private const int Connections = 256;
    private const double Seconds = 2;
    private const int BatchItems = 10_000;

    // More than the number of single items in a round.
    private const int IdsPerRound = 1_000_000;

    public static async Task<int> RunAsync(bool json)
    {
        using var peer = await Peer.StartAsync().ConfigureAwait(false);
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        await AddAsync(peer, figures).ConfigureAwait(false);
        RatiosProgram.Print(figures, json);
        return 0;
    }

    public static async Task AddAsync(Peer peer, SortedDictionary<string, double> figures)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-benchmark-").FullName;
        try
        {
            var options = new LocalOptions { Data = folder, Gateway = peer.Addresses.Gateway, Workers = 0 };
            await using var pipeline = await LocalPipeline
                .OpenAsync(options, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None)
                .ConfigureAwait(false);
            var empty = new LocalHostOptions(0) { MapMore = static routes => routes.MapPost("/empty", Empty) };
            await using var host = await LocalHost.StartAsync(pipeline, empty, CancellationToken.None).ConfigureAwait(false);
            await MeasureAsync(host.Address, figures).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task MeasureAsync(Uri host, SortedDictionary<string, double> figures)
    {
        var rounds = new List<(double Empty, double Submit, double Batch)>();
        for (var i = 0; i < WarmUpRounds + Rounds; i++)
        {
            var id = i * IdsPerRound;
            var empty = await LoadAsync("/empty", id, Connections, Seconds, 0).ConfigureAwait(false);
            var submit = await LoadAsync("/api/content", id, Connections, Seconds, 0).ConfigureAwait(false);
            var batch = await LoadAsync("/api/content/batch", id + IdsPerRound / 2, 1, 0, BatchItems).ConfigureAwait(false);
            if (batch.Count != BatchItems) throw new InvalidOperationException($"{BatchItems - batch.Count} items of a batch were not accepted.");
            if (i >= WarmUpRounds) rounds.Add((empty.PerSecond, submit.PerSecond, batch.PerSecond));
        }

        Task<LoadResult> LoadAsync(string path, int firstId, int connections, double seconds, int batchItems) =>
            LoadProgram.MeasureAsync(new Load(new Uri(host, path), firstId, connections, seconds, batchItems));
        double Median(Func<(double Empty, double Submit, double Batch), double> figure) =>
            rounds.Select(figure).Order().ElementAt(rounds.Count / 2);
        figures["emptyRequestsPerSecond"] = Median(round => round.Empty);
        figures["submitRequestsPerSecond"] = Median(round => round.Submit);
        figures["submitRequestsPerSecondOverEmpty"] = Median(round => round.Submit / round.Empty);
        figures["batchItemsPerSecond"] = Median(round => round.Batch);
    }

    private static Task Empty(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        return Task.CompletedTask;
    }
}
