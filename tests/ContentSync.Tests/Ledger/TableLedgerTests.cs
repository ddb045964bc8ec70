using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>The contract on Azurite, each test in a table of its own.</summary>
[Collection(AzuriteTests.Name)]
public sealed class TableLedgerTests(AzuriteStorage azurite) : SyncLedgerContract(seed: 3)
{
    private protected override async ValueTask<ISyncLedger> OpenAsync(TimeProvider time)
    {
        var ledger = new TableLedger(azurite.Table(), new TableLedgerRealWaits(time));
        await ledger.CreateIfNotExistsAsync(default);
        return ledger;
    }
}
