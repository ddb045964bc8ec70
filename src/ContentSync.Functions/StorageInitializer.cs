using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage;
using Azure.Storage.Blobs;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Functions;

/// <summary>
/// Connects to tables and containers. In Azure the infrastructure creates them; on a developer's Azurite they are created at startup, before
/// the worker connects to the Functions host, since the first invocation may arrive right after that.
/// </summary>
internal sealed class StorageInitializer(
    HostSettings settings, TableClient table, ISyncLedger ledger, ILaneProgressStore lanes, IResyncStore runs) : IHostedLifecycleService
{
    /// <summary>The account of Azurite.</summary>
    private const string AzuriteAccount = "devstoreaccount1";

    /// <summary>The key of every Azurite, published in its documentation: not a secret.</summary>
    private const string AzuriteKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    public static TableClient Table(Uri endpoint, string name, TokenCredential credential, TimeProvider storeClock)
    {
        var options = Configured(new TableClientOptions(), storeClock);
        return endpoint.IsLoopback
            ? new TableClient(endpoint, name, new TableSharedKeyCredential(AzuriteAccount, AzuriteKey), options)
            : new TableClient(endpoint, name, credential, options);
    }

    public static BlobContainerClient Container(Uri container, TokenCredential credential, TimeProvider storeClock)
    {
        var options = Configured(new BlobClientOptions(), storeClock);
        return container.IsLoopback
            ? new BlobContainerClient(container, new StorageSharedKeyCredential(AzuriteAccount, AzuriteKey), options)
            : new BlobContainerClient(container, credential, options);
    }

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        if (table.Uri.IsLoopback)
        {
            if (ledger is TableLedger tableLedger) await tableLedger.CreateIfNotExistsAsync(cancellationToken).ConfigureAwait(false);
            if (lanes is TableLaneProgressStore laneTable) await laneTable.CreateIfNotExistsAsync(cancellationToken).ConfigureAwait(false);
        }

        if (settings.ResyncState.StateContainerUri!.IsLoopback && runs is BlobResyncStore runStore)
            await runStore.CreateIfNotExistsAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // The default timeout of 100 seconds per request would outlast a message's lock, and results are written without the caller's cancellation.
    private static T Configured<T>(T options, TimeProvider storeClock)
        where T : ClientOptions
    {
        options.Retry.NetworkTimeout = options is BlobClientOptions ? TimeSpan.FromSeconds(30) : TimeSpan.FromSeconds(5);
        options.Retry.MaxRetries = 3;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
        options.Retry.MaxDelay = TimeSpan.FromSeconds(2);
        options.AddPolicy(new StoreClockPolicy(storeClock), HttpPipelinePosition.PerRetry);
        return options;
    }
}
