using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.Ledger;
using Microsoft.Extensions.Hosting;

namespace ContentSync.Functions;

/// <summary>The table behind the ledger. Infrastructure makes it in Azure; on a developer's Azurite it is made at the start.</summary>
internal sealed class LedgerTable(TableClient table, ISyncLedger ledger) : IHostedService
{
    /// <summary>Account of Azurite and the storage emulator.</summary>
    private const string AzuriteAccount = "devstoreaccount1";

    /// <summary>The one key that every Azurite has, published in its documentation: no secret.</summary>
    private const string AzuriteKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// <param name="options">Which table.</param>
    /// <param name="credential">Who asks.</param>
    /// <param name="clock">Learns the store's time from every answer.</param>
    public static TableClient Connect(LedgerOptions options, TokenCredential credential, StoreClock clock)
    {
        var client = Patience();
        client.AddPolicy(new ClockReading(clock), HttpPipelinePosition.PerRetry);
        return options.TableEndpoint!.IsLoopback
            ? new TableClient(options.TableEndpoint, options.TableName, new TableSharedKeyCredential(AzuriteAccount, AzuriteKey), client)
            : new TableClient(options.TableEndpoint, options.TableName, credential, client);
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (table.Uri.IsLoopback && ledger is TableLedger own) await own.CreateIfNotExistsAsync(cancellationToken).ConfigureAwait(false);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    // The client's own 100 seconds per try would outlast a message's lock, and an ending is written without the caller's cancellation.
    private static TableClientOptions Patience() => new()
    {
        Retry = { NetworkTimeout = TimeSpan.FromSeconds(5), MaxRetries = 3, Delay = TimeSpan.FromMilliseconds(200), MaxDelay = TimeSpan.FromSeconds(2) },
    };

    private sealed class ClockReading(StoreClock clock) : HttpPipelineSynchronousPolicy
    {
        public override void OnReceivedResponse(HttpMessage message)
        {
            if (message.Response.Headers.Date is { } storeTime) clock.Observe(storeTime);
        }
    }
}
