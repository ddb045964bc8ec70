using System.Runtime.CompilerServices;
using ContentSync.Synchronization;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Tests.Http;

/// <summary>Dead-letter queues in memory.</summary>
internal sealed class MemoryDeadLetters : IDeadLetters
{
    private readonly Dictionary<DeadLetterQueue, SortedDictionary<long, DeadLetter>> _queues = new()
    {
        [DeadLetterQueue.Content] = [],
        [DeadLetterQueue.Resync] = [],
    };

    public List<(DeadLetterQueue Queue, long Number, DeadLetterAction Action)> Settled { get; } = [];

    /// <summary>Messages that another caller holds.</summary>
    public HashSet<long> Held { get; } = [];

    public bool IsUnavailable { get; set; }

    /// <summary>Adds a message of an item.</summary>
    public void Add(DeadLetterQueue queue, long number, string reason, string contentId, string? code = null, byte[]? body = null)
    {
        var properties = new Dictionary<string, object> { ["contentId"] = contentId, ["shop"] = 7 };
        if (code is not null) properties["resultCode"] = code;
        var message = new QueueMessage(
            $"message-{number}",
            body ?? "{\"name\":\"奶茶\"}"u8.ToArray(),
            "application/json",
            properties,
            new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
        _queues[queue][number] = new DeadLetter(number, message, null, reason, $"{contentId} is wrong.", 1);
    }

    public async IAsyncEnumerable<DeadLetter> PeekAsync(
        DeadLetterQueue queue, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.Yield();
        if (IsUnavailable) throw new QueueUnavailableException("Not there.");
        foreach (var (number, letter) in _queues[queue].ToArray())
        {
            if (number >= from) yield return letter;
        }
    }

    public ValueTask<int> SettleAsync(
        DeadLetterQueue queue, IReadOnlySet<long> numbers, DeadLetterAction action, CancellationToken cancellationToken)
    {
        if (IsUnavailable) throw new QueueUnavailableException("Not there.");
        var done = 0;
        foreach (var number in numbers.Except(Held).Order())
        {
            if (!_queues[queue].Remove(number)) continue;
            Settled.Add((queue, number, action));
            done++;
        }

        return ValueTask.FromResult(done);
    }
}
