using Azure.Messaging.ServiceBus;
using Google.Protobuf;
using Microsoft.Azure.Amqp;
using Microsoft.Azure.Amqp.Encoding;
using Microsoft.Azure.Functions.Worker.Converters;
using Microsoft.Azure.ServiceBus.Grpc;

namespace Microsoft.Azure.Functions.Worker;

/// <summary>
/// 5.24.0: <c>[InputConverter(typeof(ServiceBusMessageActionsConverter))] public class ServiceBusMessageActions</c>. Each settlement is a call to
/// the host over gRPC. When cancelled, it throws <c>RpcException</c> with status Cancelled, not OperationCanceledException, as the real class does.
/// </summary>
[InputConverter(typeof(ServiceBusMessageActionsConverter))]
public class ServiceBusMessageActions
{
    private readonly Settlement.SettlementClient _host;

    internal ServiceBusMessageActions(Settlement.SettlementClient host) => _host = host;

    /// <summary>5.24.0: <c>protected ServiceBusMessageActions()</c>, for fakes that override what they need.</summary>
    protected ServiceBusMessageActions() => _host = null!;

    /// <summary>
    /// 5.24.0: <c>virtual Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default)</c>
    /// </summary>
    public virtual async Task CompleteMessageAsync(ServiceBusReceivedMessage message, CancellationToken cancellationToken = default) =>
        await _host.CompleteAsync(new CompleteRequest { Locktoken = message.LockToken }, cancellationToken: cancellationToken);

    /// <summary>
    /// 5.24.0: <c>virtual Task AbandonMessageAsync(ServiceBusReceivedMessage message, IDictionary&lt;string, object&gt;? propertiesToModify =
    /// default, CancellationToken cancellationToken = default)</c>
    /// </summary>
    public virtual async Task AbandonMessageAsync(
        ServiceBusReceivedMessage message,
        IDictionary<string, object>? propertiesToModify = default,
        CancellationToken cancellationToken = default) =>
        await _host.AbandonAsync(
            new AbandonRequest { Locktoken = message.LockToken, PropertiesToModify = Encode(propertiesToModify) },
            cancellationToken: cancellationToken);

    /// <summary>
    /// 5.24.0: <c>virtual Task DeadLetterMessageAsync(ServiceBusReceivedMessage message, Dictionary&lt;string, object&gt;? propertiesToModify =
    /// default, string? deadLetterReason = default, string? deadLetterErrorDescription = default, CancellationToken cancellationToken = default)</c>
    /// </summary>
    public virtual async Task DeadLetterMessageAsync(
        ServiceBusReceivedMessage message,
        Dictionary<string, object>? propertiesToModify = default,
        string? deadLetterReason = default,
        string? deadLetterErrorDescription = default,
        CancellationToken cancellationToken = default) =>
        await _host.DeadletterAsync(
            new DeadletterRequest
            {
                Locktoken = message.LockToken,
                PropertiesToModify = Encode(propertiesToModify),
                DeadletterReason = deadLetterReason,
                DeadletterErrorDescription = deadLetterErrorDescription,
            },
            cancellationToken: cancellationToken);

    // AMQP supports the value types that the host sets: strings and numbers.
    private static ByteString Encode(IDictionary<string, object>? properties)
    {
        if (properties is null) return ByteString.Empty;
        var map = new AmqpMap();
        foreach (var (name, value) in properties) map[new MapKey(name)] = value;
        using var buffer = new ByteBuffer(256, autoGrow: true);
        AmqpCodec.EncodeMap(map, buffer);
        return ByteString.CopyFrom(buffer.Buffer, 0, buffer.Length);
    }
}
