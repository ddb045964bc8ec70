using ContentSync.Ledger;
using ContentSync.Resync.Lanes;
using ContentSync.SimulatedStorage;

namespace ContentSync.Simulation;

/// <summary>The table behind the real store of the lanes' progress.</summary>
internal sealed class SimulatedLaneTable : IDisposable
{
    private const string Name = "lanes";

    private readonly World _world;
    private readonly SimulatedTableService _service;

    public SimulatedLaneTable(World world)
    {
        _world = world;
        _service = new SimulatedTableService(new TrueTime(world)) { ShortPages = new Random((int)(world.Plan.Seed % int.MaxValue)) };
        var client = SimulatedTable.Client(new DirectConnection((request, body) => _service.Serve(request, body, TableFault.None)), Name);
        Direct.Get(new TableLaneProgressStore(client).CreateIfNotExistsAsync(CancellationToken.None));
    }

    /// <summary>The store as a process opens it.</summary>
    public TableLaneProgressStore Open(SimulatedProcess process, StoreClock clock)
    {
        var connection = new StorageConnection(process, _world, StorageConnection.TableTimeout, (request, body) =>
        {
            var fault = StorageFaults.NextTable(_world);
            var (behavior, isLate) = StorageFaults.Next(_world, StorageConnection.TableTimeout);
            return new StorageAttempt(() => _service.Serve(request, body, fault), behavior, isLate);
        });
        return new TableLaneProgressStore(SimulatedTable.Client(connection, Name, clock));
    }

    public void Dispose() => _service.Dispose();
}
