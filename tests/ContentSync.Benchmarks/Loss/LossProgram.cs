using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using ContentSync.Ledger;
using ContentSync.Local.CommandLine;
using ContentSync.Sqlite;

namespace ContentSync.Benchmarks.Loss;

/// <summary>
/// Kills the local host in the middle of its work, again and again, and compares what AlipayHK holds with what was submitted and with what
/// the ledger claims. In every fourth loop the host gets SIGTERM; in the others, kill -9, or a power loss that takes all unsynced writes.
/// </summary>
internal sealed class LossProgram : IAsyncDisposable
{
    /// <summary>The command that runs the local host on a forgetful disk.</summary>
    public const string HostCommand = "forgetful-host";

    private const int Items = 40;
    private const int Clients = 8;
    private const int NewItemsPerLoop = 8;
    private const int MaxWorkMilliseconds = 2_500;
    private const int TermEveryNthLoop = 4;

    private static readonly TimeSpan FinishTimeout = TimeSpan.FromMinutes(3);

    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-loss-").FullName;
    private readonly LateAlipayHk _alipayHk;
    private readonly Random _random;
    private readonly bool _powerLoss;
    private readonly int _window;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(30) };
    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _submitted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _acknowledged = new(StringComparer.Ordinal);
    private readonly List<string> _violations = [];
    private int _claims;

    private LossProgram(LateAlipayHk alipayHk, int seed, bool powerLoss, int window) =>
        (_alipayHk, _random, _powerLoss, _window) = (alipayHk, new Random(seed), powerLoss, window);

    private string Ledger => Path.Combine(_folder, "data", "ledger.db");

    /// <summary>Runs the loops and prints a summary.</summary>
    /// <param name="loops">Number of losses.</param>
    /// <param name="powerLoss">Power losses instead of kill -9.</param>
    /// <param name="seed">Of the submissions, the moments and AlipayHK's behaviour. The schedule of the threads is not repeated.</param>
    /// <param name="window">The host's late-effect window in seconds. 0 shows that the loops notice what it prevents.</param>
    /// <returns>0 if AlipayHK ends with what was submitted and the ledger never claimed anything false; otherwise 1.</returns>
    public static async Task<int> RunAsync(int loops, bool powerLoss, int seed, int window)
    {
        await using var alipayHk = await LateAlipayHk.StartAsync(seed).ConfigureAwait(false);
        await using var program = new LossProgram(alipayHk, seed, powerLoss, window);
        await File.WriteAllTextAsync(Path.Combine(program._folder, "alipayhk.pem"), alipayHk.PublicKey).ConfigureAwait(false);
        for (var loop = 1; loop <= loops; loop++)
        {
            await program.LoopAsync(loop).ConfigureAwait(false);
            if (loop % 20 == 0) Console.Error.WriteLine($"{loop} loops, {program._violations.Count} violations");
        }

        await program.FinishAsync().ConfigureAwait(false);
        return program.Report(loops);
    }

    /// <summary>The local host as a process of its own, on a disk that forgets.</summary>
    public static Task<int> HostAsync(string[] arguments)
    {
        ForgetfulDisk.Register("forgetful", asDefault: true);
        return CommandLineProgram.RunAsync(arguments, Console.Out, Console.Error, CancellationToken.None);
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task LoopAsync(int loop)
    {
        await using var host = await StartAsync().ConfigureAwait(false);
        using var stop = new CancellationTokenSource();
        var clients = Task.WhenAll(Enumerable.Range(0, Clients).Select(client => SubmitAsync(host.Address, loop, client, stop.Token)));
        await Task.Delay(_random.Next(100, MaxWorkMilliseconds)).ConfigureAwait(false);
        var isTerm = loop % TermEveryNthLoop == 0;
        if (isTerm) await host.TerminateAsync().ConfigureAwait(false);
        else host.Kill();
        await stop.CancelAsync().ConfigureAwait(false);
        await clients.ConfigureAwait(false);
        if (_powerLoss && !isTerm) ForgetfulDisk.Restore(Ledger);
        await CheckClaimsAsync(loop).ConfigureAwait(false);
    }

    private Task<LossHost> StartAsync() => LossHost.StartAsync(
        _powerLoss ? HostCommand : null,
        [
            "--data", Path.Combine(_folder, "data"),
            "--no-sample",
            "--port", "0",
            "--gateway", _alipayHk.Address.ToString(),
            "--alipayhk-key", Path.Combine(_folder, "alipayhk.pem"),
            "--late-effect-window", _window.ToString(CultureInfo.InvariantCulture),
        ]);

    private async Task SubmitAsync(Uri host, int loop, int client, CancellationToken cancellationToken)
    {
        var random = new Random((loop * Clients) + client);
        while (!cancellationToken.IsCancellationRequested)
        {
            // Each client has its own items, so that the versions of an item are submitted in their order.
            var isNew = random.Next(3) == 0;
            var item = (random.Next((isNew ? NewItemsPerLoop : Items) / Clients) * Clients) + client;
            var contentId = isNew ? $"new-{loop}-{item}" : $"item-{item}";
            int version;
            lock (_lock) _submitted[contentId] = version = _submitted.GetValueOrDefault(contentId) + 1;
            try
            {
                await SubmitAsync(host, contentId, version, wait: random.Next(2) == 0, cancellationToken).ConfigureAwait(false);
                await Task.Delay(random.Next(30), cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
            {
                // The host is gone.
                return;
            }
        }
    }

    private async Task SubmitAsync(Uri host, string contentId, int version, bool wait, CancellationToken cancellationToken)
    {
        var json = $$"""{"contentId":"{{contentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{"v":{{version}}},"revision":{{version}}}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host, "/api/content"));
        request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        if (!wait) request.Headers.Add("Prefer", "respond-async");
        using var response = await _http.SendAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Accepted)) return;
        lock (_lock) _acknowledged[contentId] = version;
    }

    /// <summary>Compares what the ledger's files claim with what AlipayHK holds and with what was acknowledged.</summary>
    private async Task CheckClaimsAsync(int loop)
    {
        // A copy, because reading a write-ahead log may write beside it.
        var copy = Path.Combine(_folder, "check.db");
        foreach (var suffix in new[] { "", "-wal", "-shm" })
        {
            File.Delete(copy + suffix);
            if (suffix != "-shm" && File.Exists(Ledger + suffix)) File.Copy(Ledger + suffix, copy + suffix);
        }

        var revisions = new Dictionary<string, long>(StringComparer.Ordinal);
        await using (var ledger = await SqliteLedger.OpenReadOnlyAsync(new SqliteLedgerOptions(copy), CancellationToken.None).ConfigureAwait(false))
        {
            await foreach (var record in ledger.ListAsync(new SyncRecordFilter(), CancellationToken.None).ConfigureAwait(false))
            {
                var revision = record.Version.Number ?? 0;
                revisions[record.ContentId] = revision;
                if (record.State != SyncState.Synchronized) continue;
                _claims++;
                var held = _alipayHk.Held(record.ContentId);
                if (held != revision)
                    _violations.Add($"Loop {loop}: {record.ContentId} is called synchronized with {revision}, AlipayHK holds {held}.");
            }
        }

        foreach (var (contentId, version) in _acknowledged)
        {
            var stored = revisions.GetValueOrDefault(contentId);
            if (stored < version) _violations.Add($"Loop {loop}: {contentId} was acknowledged with {version}, the ledger holds {stored}.");
        }
    }

    /// <summary>Submits again what was not acknowledged, as a caller does, and waits until nothing is pending.</summary>
    private async Task FinishAsync()
    {
        await using var host = await StartAsync().ConfigureAwait(false);
        foreach (var (contentId, version) in _submitted)
        {
            if (_acknowledged.GetValueOrDefault(contentId) < version)
                await SubmitAsync(host.Address, contentId, version, wait: false, CancellationToken.None).ConfigureAwait(false);
        }

        var since = TimeProvider.System.GetTimestamp();
        while (await PendingAsync(host.Address).ConfigureAwait(false) > 0 || _alipayHk.InFlight > 0)
        {
            if (TimeProvider.System.GetElapsedTime(since) > FinishTimeout) break;
            await Task.Delay(200).ConfigureAwait(false);
        }

        foreach (var (contentId, version) in _submitted)
        {
            var held = _alipayHk.Held(contentId);
            if (held != version) _violations.Add($"At the end AlipayHK holds version {held} of {contentId} instead of {version}.");
        }

        await host.TerminateAsync().ConfigureAwait(false);
    }

    private async Task<int> PendingAsync(Uri host)
    {
        var response = await _http.GetStringAsync(new Uri(host, "/api/content?state=pending")).ConfigureAwait(false);
        using var page = JsonDocument.Parse(response);
        return page.RootElement.GetProperty("items").GetArrayLength();
    }

    private int Report(int loops)
    {
        _violations.AddRange(_alipayHk.Undone());
        foreach (var violation in _violations) Console.Out.WriteLine(violation);
        var kind = _powerLoss ? "power losses" : "kill -9";
        var versions = _submitted.Values.Sum();
        Console.Out.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{loops} loops ({kind}), {_submitted.Count} items, {versions} versions, {_claims} claims checked, {_violations.Count} violations"));
        return _violations.Count == 0 ? 0 : 1;
    }
}
