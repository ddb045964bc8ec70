using ContentSync.Budget;
using ContentSync.Ledger;
using ContentSync.SimulatedStorage;

namespace ContentSync.Simulation;

/// <summary>The table behind the real store of the shared document. After each write it shows the document to the checker.</summary>
internal sealed class SimulatedSendTable : IDisposable
{
    private const string Name = "lanes";

    private readonly World _world;
    private readonly SimulatedTableService _service;
    private readonly TableSendStateStore _view;
    private string _sender = "";

    public SimulatedSendTable(World world)
    {
        _world = world;
        _service = new SimulatedTableService(new FrontEnds(world)) { Committed = (_, _) => Observe() };
        var connection = new DirectConnection((request, body) => _service.Serve(request, body, TableFault.None));
        _view = new TableSendStateStore(SimulatedTable.Client(connection, Name), new TrueTime(world));
        Direct.Get(_view.CreateIfNotExistsAsync(CancellationToken.None));
    }

    /// <summary>The store as a process opens it.</summary>
    public TableSendStateStore Open(SimulatedProcess process, StoreClock clock)
    {
        var connection = new StorageConnection(process, _world, StorageConnection.TableTimeout, (request, body) =>
        {
            var (behavior, isLate) = SendStoreFaults.Next(_world, StorageConnection.TableTimeout, StorageFaults.Unreachable);
            return new StorageAttempt(Serve, behavior, isLate);

            HttpResponseMessage Serve()
            {
                _sender = process.Name;
                return _service.Serve(request, body, TableFault.None);
            }
        });
        return new TableSendStateStore(SimulatedTable.Client(connection, Name, clock), clock);
    }

    public void Dispose() => _service.Dispose();

    private void Observe() => _world.SendState.Written(Direct.Get(_view.ReadAsync(CancellationToken.None).AsTask()).State, _sender);

    /// <summary>Each response comes from another front end, with a clock of its own.</summary>
    private sealed class FrontEnds(World world) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => world.SendState.Now;
    }
}
