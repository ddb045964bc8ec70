using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Http;

/// <summary>
/// Takes items of one request into the ledger, many at a time, and then wakes the queue for those that are to be sent. Keeps what became
/// of each; an unsound item costs nothing but its own place.
/// </summary>
internal sealed class BatchIntake(ContentSynchronizer synchronizer, ISyncQueue queue, TimeProvider time)
{
    // A ledger waits once for its disk for each.
    private const int ChunkSize = 1_024;

    private const int WakeSize = 256;

    // Keeps the answer to a large batch of rubbish in proportion.
    private const int MostItemsWithAllErrors = 1_000;

    private readonly List<BatchItemResult> _results = [];
    private List<(int Index, ContentItem Item)> _sound = new(ChunkSize);
    private List<(int Index, ContentItem Item)> _onItsWay = new(ChunkSize);
    private Task<IReadOnlyList<Acceptance>>? _accepting;
    private readonly List<SyncMessage> _wakes = [];
    private int _invalid;

    /// <summary>Items so far.</summary>
    public int Count => _results.Count;

    /// <summary>What became of each so far, in their order.</summary>
    public BatchResult Result => BatchResult.Of(_results);

    /// <summary>Adds one item. When a chunk is full it is accepted while the next one is being read, never two at a time: their order counts.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger took none or some of the chunk before; nothing is on its way any more.</exception>
    public ValueTask AddAsync(ContentReadResult read, CancellationToken cancellationToken)
    {
        if (read.Item is { } item)
        {
            _sound.Add((_results.Count, item));
            _results.Add(new BatchItemResult(_results.Count, item.ContentId, BatchItemResult.NotAccepted, null));
        }
        else
        {
            var errors = read.Violations.Take(_invalid++ < MostItemsWithAllErrors ? int.MaxValue : 1);
            _results.Add(new BatchItemResult(_results.Count, read.ContentId, BatchItemResult.Invalid, [.. errors.Select(ProblemError.Of)]));
        }

        return _sound.Count < ChunkSize ? ValueTask.CompletedTask : SynchronizeAsync(cancellationToken);
    }

    /// <summary>Accepts what is left, and waits for what is on its way.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger took none or some of it.</exception>
    public async ValueTask AcceptAsync(CancellationToken cancellationToken)
    {
        await SynchronizeAsync(cancellationToken).ConfigureAwait(false);
        await CompleteRunAsync().ConfigureAwait(false);
    }

    private async ValueTask SynchronizeAsync(CancellationToken cancellationToken)
    {
        await CompleteRunAsync().ConfigureAwait(false);
        (_sound, _onItsWay) = (_onItsWay, _sound);
        if (_onItsWay.Count > 0) _accepting = synchronizer.AcceptAsync(_onItsWay.ConvertAll(entry => entry.Item), time.GetUtcNow(), cancellationToken).AsTask();
    }

    // Notes what became of the chunk on its way. By the reader of the batch, who adds to the same list.
    private async ValueTask CompleteRunAsync()
    {
        if (_accepting is not { } accepting) return;
        _accepting = null;
        var acceptances = await accepting.ConfigureAwait(false);
        for (var i = 0; i < _onItsWay.Count; i++)
        {
            var (kind, record) = acceptances[i];
            var index = _onItsWay[i].Index;
            _results[index] = _results[index] with { Outcome = BatchItemResult.OutcomeOf(kind) };
            if (kind == AcceptanceKind.Accepted) _wakes.Add(new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero));
        }

        _onItsWay.Clear();
    }

    /// <summary>
    /// Wakes the queue for what was accepted. Last of all, so that taking in does not compete with sending; what is not woken because
    /// the caller has gone, the sweep finds.
    /// </summary>
    public async ValueTask EnqueueAsync(CancellationToken cancellationToken)
    {
        foreach (var chunk in _wakes.Chunk(WakeSize)) await queue.TryEnqueueAsync(chunk, cancellationToken).ConfigureAwait(false);
        _wakes.Clear();
    }
}

/// <summary>Answer to a batch.</summary>
/// <param name="Counts">Items by outcome.</param>
/// <param name="Items">In the order of the batch.</param>
public sealed record BatchResult(IReadOnlyDictionary<string, int> Counts, IReadOnlyList<BatchItemResult> Items)
{
    /// <summary>True where the whole message was taken in before; absent otherwise.</summary>
    public bool? Duplicate { get; init; }

    /// <summary>True where something is on its way to AlipayHK.</summary>
    internal bool HasWork => Counts.ContainsKey(BatchItemResult.Accepted) || Counts.ContainsKey(BatchItemResult.AlreadyPending);

    internal static BatchResult Of(IReadOnlyList<BatchItemResult> items) =>
        new(items.CountBy(item => item.Outcome).ToDictionary(StringComparer.Ordinal), items);
}

/// <summary>What became of one item of a batch.</summary>
/// <param name="Index">Its place in the batch, from 0.</param>
/// <param name="ContentId">Where one could be read.</param>
/// <param name="Outcome">accepted, alreadyPending, unchanged, superseded, revisionConflict, parked or invalid; notAccepted where the ledger could not be reached.</param>
/// <param name="Errors">Set where it is invalid. After 1,000 invalid items only the first error of each.</param>
public sealed record BatchItemResult(int Index, string? ContentId, string Outcome, IReadOnlyList<ProblemError>? Errors)
{
    internal const string Accepted = "accepted";
    internal const string AlreadyPending = "alreadyPending";
    internal const string Invalid = "invalid";
    internal const string NotAccepted = "notAccepted";

    internal static string OutcomeOf(AcceptanceKind kind) => EnumText.Of(kind);
}
