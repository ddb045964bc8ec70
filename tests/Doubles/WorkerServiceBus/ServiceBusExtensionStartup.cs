using Grpc.Net.Client;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Core;
using Microsoft.Azure.ServiceBus.Grpc;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

[assembly: WorkerExtensionStartup(typeof(ServiceBusExtensionStartup))]

namespace Microsoft.Azure.Functions.Worker;

/// <summary>
/// 5.24.0: <c>public sealed class ServiceBusExtensionStartup : WorkerExtensionStartup</c>. The real class gets the worker's channel to the host
/// from Microsoft.Azure.Functions.Worker.Extensions.Rpc, which those feeds lack too; this double opens its own channel to the same address.
/// </summary>
public sealed class ServiceBusExtensionStartup : WorkerExtensionStartup
{
    /// <summary>5.24.0: <c>override void Configure(IFunctionsWorkerApplicationBuilder applicationBuilder)</c></summary>
    public override void Configure(IFunctionsWorkerApplicationBuilder applicationBuilder) => applicationBuilder.Services.AddSingleton(
        services => new Settlement.SettlementClient(
            GrpcChannel.ForAddress(services.GetRequiredService<IConfiguration>()["Functions:Worker:HostEndpoint"]!)));
}
