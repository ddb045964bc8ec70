using Azure.Core.Pipeline;
using Azure.Data.Tables;
using ContentSync.SimulatedStorage;

namespace ContentSync.Tests.Ledger;

/// <summary>Clients of one simulated table service.</summary>
internal sealed class SimulatedTableStorage
{
    private int _tables;

    public SimulatedTableStorage(TimeProvider? time = null)
    {
        Service = new SimulatedTableService(time ?? TimeProvider.System);
        Counter = new TransportCounter(Service);
    }

    public SimulatedTableService Service { get; }

    /// <summary>Counts what all clients send.</summary>
    public TransportCounter Counter { get; }

    /// <summary>Returns a client of a table that does not exist yet.</summary>
    public TableClient Table(HttpPipelinePolicy? policy = null) => Client($"t{Interlocked.Increment(ref _tables)}", policy);

    /// <summary>Returns another client of a table.</summary>
    public TableClient Client(string table, HttpPipelinePolicy? policy = null)
    {
        var options = new TableClientOptions { Transport = new HttpClientTransport(Counter) };
        options.Retry.Delay = TimeSpan.FromMilliseconds(1);
        options.Retry.MaxDelay = TimeSpan.FromMilliseconds(5);
        if (policy is not null) options.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
        var credential = new TableSharedKeyCredential("simulated", Convert.ToBase64String(new byte[32]));
        return new TableClient(new Uri("https://simulated.table.core.windows.net"), table, credential, options);
    }
}
