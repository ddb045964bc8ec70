using Azure.Core.Amqp;
using Azure.Messaging.ServiceBus;
using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.Functions.Worker.Core;
using Microsoft.Azure.Functions.Worker.Extensions.Abstractions;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>
/// 5.24.0: <c>[SupportsDeferredBinding] [SupportedTargetType(typeof(ServiceBusReceivedMessage))]
/// [SupportedTargetType(typeof(ServiceBusReceivedMessage[]))]
/// internal class ServiceBusReceivedMessageConverter : IInputConverter</c>. The host sends the 16 bytes of the lock token followed by the AMQP
/// message.
/// </summary>
[SupportsDeferredBinding]
[SupportedTargetType(typeof(ServiceBusReceivedMessage))]
[SupportedTargetType(typeof(ServiceBusReceivedMessage[]))]
internal sealed class ServiceBusReceivedMessageConverter : IInputConverter
{
    private const int LockTokenBytes = 16;

    /// <summary>5.24.0: <c>ValueTask&lt;ConversionResult&gt; ConvertAsync(ConverterContext context)</c></summary>
    public ValueTask<ConversionResult> ConvertAsync(ConverterContext context) => ValueTask.FromResult(context.Source switch
    {
        ModelBindingData one => ConversionResult.Success(Message(one)),
        CollectionModelBindingData many => ConversionResult.Success(many.ModelBindingData.Select(Message).ToArray()),
        _ => ConversionResult.Unhandled(),
    });

    private static ServiceBusReceivedMessage Message(ModelBindingData data)
    {
        var bytes = data.Content.ToMemory();
        return ServiceBusReceivedMessage.FromAmqpMessage(
            AmqpAnnotatedMessage.FromBytes(BinaryData.FromBytes(bytes[LockTokenBytes..])), BinaryData.FromBytes(bytes[..LockTokenBytes]));
    }
}
