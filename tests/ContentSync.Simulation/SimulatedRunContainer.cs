using System.Net;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Resync.Planning;
using ContentSync.SimulatedStorage;

namespace ContentSync.Simulation;

/// <summary>The container behind the real store of runs and plans. After each write it shows what was written to the checker.</summary>
internal sealed class SimulatedRunContainer : IDisposable
{
    private const int PageSize = 2;

    private readonly World _world;
    private readonly SimulatedBlobContainer _container;
    private string _sender = "";

    public SimulatedRunContainer(World world)
    {
        _world = world;
        _container = new SimulatedBlobContainer(new TrueTime(world)) { PageSize = PageSize, Written = Observe };
    }

    /// <summary>The store as a process opens it.</summary>
    public BlobResyncStore Open(SimulatedProcess process, StoreClock clock)
    {
        var connection = new StorageConnection(
            process, _world, StorageConnection.BlobTimeout, (request, body) => Next(process.Name, request, body));

        // The retries of the client would wait in real time.
        var options = new BlobClientOptions { Transport = new HttpClientTransport(new HttpClient(connection) { Timeout = Timeout.InfiniteTimeSpan }) };
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.AddPolicy(new StoreClockPolicy(clock), HttpPipelinePosition.PerRetry);

        // Nobody checks the signature of a request, so none is computed.
        return new BlobResyncStore(new BlobContainerClient(new Uri("https://simulated.blob.core.windows.net/resync?sig=simulated"), options));
    }

    public void Dispose() => _container.Dispose();

    private StorageAttempt Next(string sender, HttpRequestMessage request, byte[] body)
    {
        var fault = StorageFaults.NextTable(_world);
        var (behavior, isLate) = StorageFaults.Next(_world, StorageConnection.BlobTimeout);
        return new StorageAttempt(Serve, behavior, isLate);

        HttpResponseMessage Serve()
        {
            switch (fault)
            {
                case TableFault.TableMissing:
                    return SimulatedBlobContainer.Missing();
                case TableFault.Busy:
                    return SimulatedBlobContainer.Error(HttpStatusCode.ServiceUnavailable, "ServerBusy");
                case TableFault.BusyWithEffect:
                    ServeOnce();
                    return SimulatedBlobContainer.Error(HttpStatusCode.InternalServerError, "OperationTimedOut");
                case TableFault.RepeatedAtOnce:
                    ServeOnce();
                    return ServeOnce();
                case TableFault.RepeatedLater:
                    _world.Time.After(_world.ShortDelay(), () => ServeOnce());
                    return ServeOnce();
                default:
                    return ServeOnce();
            }
        }

        HttpResponseMessage ServeOnce()
        {
            _sender = sender;
            return _container.Serve(request, body);
        }
    }

    private void Observe(string name, byte[] content, string etag)
    {
        if (name.StartsWith("plans/", StringComparison.Ordinal))
        {
            var plan = Direct.Get(CatalogPlan.LoadAsync(new MemoryStream(content), CancellationToken.None));
            var named = Direct.Get(plan.NamedAsync(CancellationToken.None).ToListAsync(CancellationToken.None).AsTask());
            _world.Invariants.Resyncs.PlanSaved(name["plans/".Length..], named);
            return;
        }

        var written = JsonSerializer.Deserialize(content, ResyncStoreJson.Default.ResyncHistory)! with { Version = etag };
        _world.Resyncs.Put(written);
        _world.Resyncs.Trace(_sender, written);
        _world.Invariants.Resyncs.Written(_sender, written);
    }
}
