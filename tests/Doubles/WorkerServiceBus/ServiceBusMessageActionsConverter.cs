using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.ServiceBus.Grpc;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>5.24.0: <c>internal class ServiceBusMessageActionsConverter : IInputConverter</c></summary>
internal sealed class ServiceBusMessageActionsConverter(Settlement.SettlementClient host) : IInputConverter
{
    /// <summary>5.24.0: <c>ValueTask&lt;ConversionResult&gt; ConvertAsync(ConverterContext context)</c></summary>
    public ValueTask<ConversionResult> ConvertAsync(ConverterContext context) =>
        ValueTask.FromResult(ConversionResult.Success(new ServiceBusMessageActions(host)));
}
