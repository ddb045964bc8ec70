using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Signing;
using ContentSync.Sqlite;
using ContentSync.Synchronization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// Complete items as the local host processes them: accept in batches, lease, sign, send, verify, record, with the SQLite ledger and the
/// in-process queue.
/// </summary>
internal sealed class ItemRun : IAsyncDisposable
{
    private const int BatchSize = 256;
    private const int Workers = 64;

    private readonly string _folder;
    private readonly SqliteLedger _ledger;
    private readonly ServiceProvider _services;
    private readonly ContentSynchronizer _synchronizer;
    private readonly InProcessQueue _queue;
    private int _synchronized;

    private ItemRun(string folder, SqliteLedger ledger, ServiceProvider services)
    {
        _folder = folder;
        _ledger = ledger;
        _services = services;
        _synchronizer = services.GetRequiredService<ContentSynchronizer>();
        _queue = new InProcessQueue(_synchronizer, Workers, TimeProvider.System, NullLogger<InProcessQueue>.Instance);
        _queue.Ended += (_, outcome) =>
        {
            if (outcome.Kind == SyncOutcomeKind.Synchronized) Interlocked.Increment(ref _synchronized);
        };
    }

    /// <param name="peer">The receiver.</param>
    /// <param name="signer">Signs the requests.</param>
    /// <param name="socket">Replaces the socket; null for a real one.</param>
    public static async Task<ItemRun> StartAsync(Peer peer, IRequestSigner signer, HttpMessageHandler? socket = null)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-benchmark-").FullName;
        var options = new SqliteLedgerOptions(Path.Combine(folder, "ledger.db"));
        var ledger = await SqliteLedger.OpenAsync(options, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        var services = new ServiceCollection().AddSingleton<ISyncLedger>(ledger).AddSingleton(signer);
        if (socket is not null) services.AddSingleton(new AlipayHkTransport(socket));
        services.AddContentSync(new ContentSyncOptions { AlipayHk = Options(peer) });
        return new ItemRun(folder, ledger, services.BuildServiceProvider());
    }

    public static AlipayHkOptions Options(Peer peer) => new()
    {
        BaseAddress = peer.Addresses.Gateway,
        ClientId = Peer.ClientId,
        PublicKeys = { new AlipayHkKeyOptions { KeyVersion = "1", PublicKey = peer.Theirs.ExportSubjectPublicKeyInfoPem() } },

        // CannedSocket signs its response once, at the start.
        ResponseTimeTolerance = TimeSpan.FromHours(24),
    };

    /// <summary>Sends the items to AlipayHK; returns when all are acknowledged and recorded.</summary>
    public async Task RunAsync(IReadOnlyList<ContentItem> items)
    {
        var target = _synchronized + items.Count;
        foreach (var batch in items.Chunk(BatchSize))
        {
            var acceptances = await _synchronizer.AcceptAsync(batch, TimeProvider.System.GetUtcNow(), CancellationToken.None).ConfigureAwait(false);
            var messages = acceptances
                .Select(acceptance => new SyncMessage(acceptance.Record.ContentId, acceptance.Record.RequestId, 0, TimeSpan.Zero))
                .ToArray();
            await _queue.EnqueueAsync(messages, CancellationToken.None).ConfigureAwait(false);
        }

        await _queue.WaitForActiveAsync(0, CancellationToken.None).ConfigureAwait(false);
        if (_synchronized != target) throw new InvalidOperationException($"{target - _synchronized} of {items.Count} items were not synchronized.");
    }

    public async ValueTask DisposeAsync()
    {
        await _queue.DisposeAsync().ConfigureAwait(false);
        await _ledger.DisposeAsync().ConfigureAwait(false);
        await _services.DisposeAsync().ConfigureAwait(false);
        Directory.Delete(_folder, recursive: true);
    }
}
