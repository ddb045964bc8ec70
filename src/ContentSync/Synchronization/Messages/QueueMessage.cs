namespace ContentSync.Synchronization.Messages;

/// <summary>A message as a queue delivered it, without the queue's own types.</summary>
/// <param name="MessageId">As its sender set it; empty where it set none.</param>
/// <param name="Body">Null where the body is not plain bytes (an AMQP value or sequence).</param>
/// <param name="ContentType">Media type; null or empty where the sender named none.</param>
/// <param name="Properties">Application properties.</param>
/// <param name="EnqueuedAt">When the broker received it.</param>
public sealed record QueueMessage(
    string MessageId,
    ReadOnlyMemory<byte>? Body,
    string? ContentType,
    IReadOnlyDictionary<string, object> Properties,
    DateTimeOffset EnqueuedAt);
