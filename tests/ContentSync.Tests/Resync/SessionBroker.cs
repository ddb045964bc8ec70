using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Synchronization.Messages;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Resync;

/// <summary>
/// A queue with sessions as a broker keeps it: drops a repeated id, delivers a message when it is due, and again until it is settled. Given a
/// <paramref name="random"/>, it repeats messages that were settled and brings them in another order.
/// </summary>
internal sealed class SessionBroker(FakeTimeProvider time, Random? random = null) : IResyncQueue
{
    private readonly List<(OutgoingMessage Message, DateTimeOffset Due)> _waiting = [];
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>Everything that was taken, repeated ids left out.</summary>
    public List<OutgoingMessage> Taken { get; } = [];

    public int Waiting => _waiting.Count;

    public int WaitingPacks => _waiting.Count(waiting => waiting.Message.Properties["schema"] is ResyncMessages.PackSchema);

    public ValueTask EnqueueAsync(IReadOnlyList<OutgoingMessage> messages, CancellationToken cancellationToken)
    {
        foreach (var message in messages)
        {
            if (!_known.Add(message.MessageId)) continue;
            Assert.NotNull(message.SessionId);
            Taken.Add(message);
            _waiting.Add((message, time.GetUtcNow() + message.Delay));
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>The next message that is due; where none is, the clock goes on until one is.</summary>
    /// <returns>Null where nothing waits.</returns>
    public QueueMessage? Next()
    {
        if (_waiting.Count == 0) return null;
        var soonest = _waiting.Min(waiting => waiting.Due);
        if (soonest > time.GetUtcNow()) time.SetUtcNow(soonest);
        var due = _waiting.Where(waiting => waiting.Due <= time.GetUtcNow()).ToArray();
        var (message, at) = due[random?.Next(due.Length) ?? 0];
        return new QueueMessage(message.MessageId, message.Body, message.ContentType, message.Properties, at);
    }

    /// <summary>Settles as the app says; the message may come again all the same.</summary>
    public async ValueTask SettleAsync(QueueMessage message, MessageSettlement settlement)
    {
        if (settlement is MessageSettlement.SendThenComplete next) await EnqueueAsync([.. next.Messages.Where(one => one.SessionId is not null)], default);
        Assert.IsNotType<MessageSettlement.DeadLetter>(settlement);
        if (random?.Next(4) == 0) return;
        _waiting.RemoveAll(waiting => waiting.Message.MessageId == message.MessageId);
    }

    /// <summary>Loses what waits and matches.</summary>
    public void Lose(Func<OutgoingMessage, bool> which) => _waiting.RemoveAll(waiting => which(waiting.Message));
}
