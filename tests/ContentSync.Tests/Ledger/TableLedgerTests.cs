using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Runs the contract tests on Azurite, each in its own table.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class TableLedgerTests(AzuriteStorage azurite) : SyncLedgerContract(seed: 3)
{
    private protected override async ValueTask<ISyncLedger> OpenAsync(TimeProvider time)
    {
        var ledger = new TableLedger(azurite.Table(), new RealWaits(time));
        await ledger.CreateIfNotExistsAsync(default);
        return ledger;
    }
}
