using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Resync.Lanes;

/// <summary>
/// A queue with sessions that behaves like a broker: drops a message with a repeated id, and delivers a message when it is due, again and
/// again until it is settled. With a <paramref name="random"/>, it repeats settled messages and changes their order.
/// </summary>
internal sealed class SessionBroker(FakeTimeProvider time, Random? random = null) : IResyncQueue
{
    private readonly List<(OutgoingMessage Message, DateTimeOffset Due)> _waiting = [];
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>Every accepted message; without those with a repeated id.</summary>
    public List<OutgoingMessage> Accepted { get; } = [];

    public int Waiting => _waiting.Count;

    public int WaitingPacks => _waiting.Count(waiting => waiting.Message.Properties["schema"] is ResyncMessages.PackSchema);

    public ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        foreach (var message in messages)
        {
            if (!_known.Add(message.MessageId)) continue;
            Assert.NotNull(message.SessionId);
            Accepted.Add(message);
            _waiting.Add((message, time.GetUtcNow() + message.Delay));
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The next message that is due; if none is, advances the clock until one is.</summary>
    /// <returns>Null if no message waits.</returns>
    public QueueMessage? Next()
    {
        if (_waiting.Count == 0) return null;
        var soonest = _waiting.Min(waiting => waiting.Due);
        if (soonest > time.GetUtcNow()) time.SetUtcNow(soonest);
        var due = _waiting.Where(waiting => waiting.Due <= time.GetUtcNow()).ToArray();
        var (message, at) = due[random?.Next(due.Length) ?? 0];
        return new QueueMessage(message.MessageId, message.Body, message.ContentType, message.Properties, at);
    }

    /// <summary>Settles the message as the app decided; it may be delivered again all the same.</summary>
    public async ValueTask SettleAsync(QueueMessage message, MessageSettlement settlement)
    {
        if (settlement is MessageSettlement.SendThenComplete next)
            await EnqueueAsync([.. next.Messages.Where(one => one.SessionId is not null)], default);
        Assert.IsNotType<MessageSettlement.DeadLetter>(settlement);
        if (random?.Next(4) == 0) return;
        _waiting.RemoveAll(waiting => waiting.Message.MessageId == message.MessageId);
    }

    /// <summary>Loses the waiting messages that match.</summary>
    public void Lose(Func<OutgoingMessage, bool> isLost) => _waiting.RemoveAll(waiting => isLost(waiting.Message));
}
