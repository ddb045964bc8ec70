// Stands for Azure.Messaging.ServiceBus 7.20.1, as far as the host uses it. Signatures are the real ones.
using Azure.Core;

namespace Azure.Messaging.ServiceBus;

/// <summary><c>public class ServiceBusClient : IAsyncDisposable</c>. The real one connects with the first message, not when it is made.</summary>
public class ServiceBusClient : IAsyncDisposable
{
    protected ServiceBusClient()
    {
    }

    /// <summary><c>ServiceBusClient(string fullyQualifiedNamespace, TokenCredential credential)</c></summary>
    public ServiceBusClient(string fullyQualifiedNamespace, TokenCredential credential)
    {
        ArgumentNullException.ThrowIfNull(credential);
        FullyQualifiedNamespace = fullyQualifiedNamespace;
    }

    /// <summary><c>ServiceBusClient(string connectionString)</c></summary>
    public ServiceBusClient(string connectionString) => FullyQualifiedNamespace = connectionString.Split(';')[0].Replace("Endpoint=sb://", "", StringComparison.Ordinal).TrimEnd('/');

    /// <summary><c>virtual string FullyQualifiedNamespace { get; }</c></summary>
    public virtual string FullyQualifiedNamespace { get; } = "";

    /// <summary><c>virtual ServiceBusSender CreateSender(string queueOrTopicName)</c></summary>
    public virtual ServiceBusSender CreateSender(string queueOrTopicName) => throw NoService.Here();

    /// <summary><c>virtual ValueTask DisposeAsync()</c></summary>
    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary><c>public class ServiceBusSender : IAsyncDisposable</c></summary>
public class ServiceBusSender
{
    protected ServiceBusSender()
    {
    }

    /// <summary><c>virtual Task SendMessagesAsync(IEnumerable&lt;ServiceBusMessage&gt; messages, CancellationToken cancellationToken = default)</c></summary>
    public virtual Task SendMessagesAsync(IEnumerable<ServiceBusMessage> messages, CancellationToken cancellationToken = default) => throw NoService.Here();
}

/// <summary><c>public class ServiceBusMessage</c></summary>
/// <remarks>Real constructor: <c>ServiceBusMessage(ReadOnlyMemory&lt;byte&gt; body)</c>.</remarks>
public class ServiceBusMessage(ReadOnlyMemory<byte> body)
{
    private string? _messageId;

    /// <summary><c>BinaryData Body { get; set; }</c></summary>
    public BinaryData Body { get; set; } = new(body);

    /// <summary><c>string MessageId { get; set; }</c>. The real setter, too, throws for an empty id and one of more than 128 characters.</summary>
    public string? MessageId
    {
        get => _messageId;
        set
        {
            if (string.IsNullOrEmpty(value) || value.Length > 128) throw new ArgumentException("A MessageId has 1 to 128 characters.", nameof(value));
            _messageId = value;
        }
    }

    /// <summary><c>string SessionId { get; set; }</c></summary>
    public string? SessionId { get; set; }

    /// <summary><c>string ContentType { get; set; }</c></summary>
    public string? ContentType { get; set; }

    /// <summary><c>string CorrelationId { get; set; }</c></summary>
    public string? CorrelationId { get; set; }

    /// <summary><c>DateTimeOffset ScheduledEnqueueTime { get; set; }</c>; default sends at once.</summary>
    public DateTimeOffset ScheduledEnqueueTime { get; set; }

    /// <summary><c>IDictionary&lt;string, object&gt; ApplicationProperties { get; }</c></summary>
    public IDictionary<string, object> ApplicationProperties { get; } = new Dictionary<string, object>();
}

/// <summary><c>public class ServiceBusReceivedMessage</c>. Only <see cref="ServiceBusModelFactory"/> makes one.</summary>
public class ServiceBusReceivedMessage
{
    private readonly BinaryData? _body;

    internal ServiceBusReceivedMessage(BinaryData? body) => _body = body;

    /// <summary><c>BinaryData Body { get; }</c>. The real getter, too, throws NotSupportedException where the sender used an AMQP value or sequence; here null stands for such a body.</summary>
    public BinaryData Body => _body ?? throw new NotSupportedException("The body is not of the AMQP data kind.");

    /// <summary><c>string MessageId { get; }</c></summary>
    public string MessageId { get; internal init; } = "";

    /// <summary><c>string SessionId { get; }</c></summary>
    public string? SessionId { get; internal init; }

    /// <summary><c>string ContentType { get; }</c></summary>
    public string? ContentType { get; internal init; }

    /// <summary><c>IReadOnlyDictionary&lt;string, object&gt; ApplicationProperties { get; }</c></summary>
    public IReadOnlyDictionary<string, object> ApplicationProperties { get; internal init; } = new Dictionary<string, object>();

    /// <summary><c>DateTimeOffset EnqueuedTime { get; }</c></summary>
    public DateTimeOffset EnqueuedTime { get; internal init; }
}

/// <summary><c>public static class ServiceBusModelFactory</c></summary>
public static class ServiceBusModelFactory
{
    /// <summary><c>static ServiceBusReceivedMessage ServiceBusReceivedMessage(BinaryData body = default, string messageId = default, ..., string sessionId = default, ..., string contentType = default, ..., IDictionary&lt;string, object&gt; properties = default, ..., DateTimeOffset enqueuedTime = default, ...)</c>; call it with named arguments, the real one has more between.</summary>
    public static ServiceBusReceivedMessage ServiceBusReceivedMessage(
        BinaryData? body = default,
        string? messageId = default,
        string? sessionId = default,
        string? contentType = default,
        IDictionary<string, object>? properties = default,
        DateTimeOffset enqueuedTime = default) => new(body)
        {
            MessageId = messageId ?? "",
            SessionId = sessionId,
            ContentType = contentType,
            ApplicationProperties = new Dictionary<string, object>(properties ?? new Dictionary<string, object>()),
            EnqueuedTime = enqueuedTime,
        };
}

/// <summary><c>public class ServiceBusException : Exception</c></summary>
/// <remarks>Real constructor: <c>ServiceBusException(string message, ServiceBusFailureReason reason, string entityPath = default, Exception innerException = default)</c>.</remarks>
public class ServiceBusException(string message, ServiceBusFailureReason reason, string? entityPath = default, Exception? innerException = default) : Exception(message, innerException)
{
    /// <summary><c>ServiceBusFailureReason Reason { get; }</c></summary>
    public ServiceBusFailureReason Reason { get; } = reason;

    /// <summary><c>string EntityPath { get; }</c></summary>
    public string? EntityPath { get; } = entityPath;
}

/// <summary><c>public enum ServiceBusFailureReason</c>, the members that tests use.</summary>
public enum ServiceBusFailureReason
{
    GeneralError = 0,
    ServiceBusy = 7,
}
