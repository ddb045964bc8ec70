namespace ContentSync.Synchronization.Messages;

/// <summary>One of the app's two queues.</summary>
public enum DeadLetterQueue
{
    /// <summary>The queue of items and of references to items.</summary>
    Content,

    /// <summary>The queue of a resync's packs and steps, with a session for each lane.</summary>
    Resync,
}

/// <summary>What to do with a dead-lettered message.</summary>
public enum DeadLetterAction
{
    /// <summary>
    /// Send a copy to the queue, then remove the message. In this order, a crash between the two sends it twice instead of losing it.
    /// </summary>
    Resubmit,

    /// <summary>Remove the message.</summary>
    Discard,
}

/// <summary>
/// The dead-letter queues of the app's queues. A message stays there until a person resubmits or discards it; the broker never expires it.
/// </summary>
public interface IDeadLetters
{
    /// <summary>Shows messages in the order of their numbers, and neither locks nor removes them.</summary>
    /// <param name="queue">Whose dead-letter queue.</param>
    /// <param name="from">The lowest number; 0 for all messages.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="QueueUnavailableException">The queue cannot be read.</exception>
    IAsyncEnumerable<DeadLetter> PeekAsync(DeadLetterQueue queue, long from, CancellationToken cancellationToken);

    /// <summary>
    /// Resubmits or discards messages. One that another caller holds, or that lies too far behind others, may be left: call again.
    /// </summary>
    /// <param name="queue">Whose dead-letter queue.</param>
    /// <param name="numbers">The numbers of the messages.</param>
    /// <param name="action">What to do with them.</param>
    /// <param name="cancellationToken">Stops after a message. What was done stays done.</param>
    /// <returns>How many messages were removed from the dead-letter queue.</returns>
    /// <exception cref="QueueUnavailableException">The queue cannot be read or written. What was done stays done.</exception>
    ValueTask<int> SettleAsync(
        DeadLetterQueue queue, IReadOnlySet<long> numbers, DeadLetterAction action, CancellationToken cancellationToken);
}
