namespace ContentSync.Synchronization.Messages;

/// <summary>A received message, independent of the queue's own types.</summary>
/// <param name="MessageId">Set by the sender; empty if it set none.</param>
/// <param name="Body">Null if the body is not plain bytes (an AMQP value or sequence).</param>
/// <param name="ContentType">Media type; null or empty if the sender set none.</param>
/// <param name="Properties">Application properties.</param>
/// <param name="EnqueuedAt">When the broker received it.</param>
public sealed record QueueMessage(
    string MessageId,
    ReadOnlyMemory<byte>? Body,
    string? ContentType,
    IReadOnlyDictionary<string, object> Properties,
    DateTimeOffset EnqueuedAt);
