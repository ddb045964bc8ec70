using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class MemoryLedgerTests() : SyncLedgerContract(seed: 1)
{
    private protected override ValueTask<ISyncLedger> OpenAsync(TimeProvider time) => new(new MemoryLedger(time));

    private protected override ILedgerMaintenance Maintenance(ISyncLedger ledger, TimeProvider time, RetentionOptions retention) =>
        new MemoryLedgerMaintenance((MemoryLedger)ledger, retention, time);
}
