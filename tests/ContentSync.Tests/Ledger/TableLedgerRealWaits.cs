namespace ContentSync.Tests.Ledger;

/// <summary>Tells another provider's time, but waits in real time: the service the waits are for is real.</summary>
internal sealed class TableLedgerRealWaits(TimeProvider now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now.GetUtcNow();
}
