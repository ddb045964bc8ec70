using ContentSync.Ledger;
using ContentSync.Sqlite;
using ContentSync.Tests.Ledger;

namespace ContentSync.Tests.Sqlite;

public sealed class SqliteLedgerContractTests() : SyncLedgerContract(seed: 2), IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private SqliteLedger? _ledger;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_ledger is not null) await _ledger.DisposeAsync();
    }

    public void Dispose() => _folder.Dispose();

    private protected override async ValueTask<ISyncLedger> OpenAsync(TimeProvider time) =>
        _ledger = await SqliteLedger.OpenAsync(Options, time, default);

    private SqliteLedgerOptions Options => new(_folder.File("ledger.db")) { Durability = LedgerDurability.ProcessEnd };

    private protected override ILedgerMaintenance Maintenance(ISyncLedger ledger, TimeProvider time, RetentionOptions retention) =>
        new SqliteLedgerMaintenance((SqliteLedger)ledger, Options, retention, time);
}
