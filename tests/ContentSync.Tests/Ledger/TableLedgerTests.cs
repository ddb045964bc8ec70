using Azure.Core.Pipeline;
using Azure.Data.Tables;
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

    private protected override ILedgerMaintenance Maintenance(ISyncLedger ledger, TimeProvider time, RetentionOptions retention) =>
        new TableLedgerMaintenance((TableLedger)ledger, time, retention);
}

/// <summary>Runs the contract tests on the simulated table service, with pages that end anywhere.</summary>
public sealed class SimulatedTableLedgerTests() : SyncLedgerContract(seed: 4)
{
    private readonly SimulatedTableStorage _storage = new();

    private protected override async ValueTask<ISyncLedger> OpenAsync(TimeProvider time)
    {
        _storage.Service.ShortPages = new Random(1);
        var ledger = new TableLedger(_storage.Table(), new RealWaits(time));
        await ledger.CreateIfNotExistsAsync(default);
        return ledger;
    }

    private protected override ILedgerMaintenance Maintenance(ISyncLedger ledger, TimeProvider time, RetentionOptions retention) =>
        new TableLedgerMaintenance((TableLedger)ledger, time, retention);
}

/// <summary>Runs the concurrency tests on Azurite.</summary>
[Collection(AzuriteTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class TableLedgerConcurrencyTests(AzuriteStorage azurite) : TableLedgerConcurrencyContract
{
    private protected override TableClient Table(HttpPipelinePolicy? policy) => azurite.Table(policy);
}

/// <summary>Runs the concurrency tests on the simulated table service.</summary>
public sealed class SimulatedTableLedgerConcurrencyTests : TableLedgerConcurrencyContract
{
    private readonly SimulatedTableStorage _storage = new();

    private protected override TableClient Table(HttpPipelinePolicy? policy) => _storage.Table(policy);
}
