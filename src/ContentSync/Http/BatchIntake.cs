using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Http;

/// <summary>
/// Accepts the items of one request into the ledger, a chunk at a time, then enqueues those that are to be sent. Keeps the outcome of
/// each item; an invalid item does not affect the others.
/// </summary>
internal sealed class BatchIntake(ContentSynchronizer synchronizer, RefusedVersions refusedVersions, ISyncQueue queue)
{
    // The ledger flushes to disk once per chunk.
    private const int ChunkSize = 1_024;

    private const int EnqueueSize = 256;

    // Bounds the response to a large batch of invalid items.
    private const int MaxItemsWithAllErrors = 1_000;

    private readonly List<BatchItemResult> _results = [];
    private List<(int Index, ContentItem Item)> _next = new(ChunkSize);
    private List<(int Index, ContentItem Item)> _current = new(ChunkSize);
    private Task<IReadOnlyList<Acceptance>>? _accepting;
    private readonly List<SyncMessage> _messages = [];
    private readonly SimilarContentIds _ids = new();
    private readonly List<(ContentReadResult Read, DateTimeOffset FirstReceivedAt)> _refused = [];
    private int _invalid;

    /// <summary>When the items first reached us: their acceptance, or the first delivery of a message that is retried.</summary>
    public DateTimeOffset ReceivedAt { get; init; } = ChangeVersion.OnAcceptance;

    /// <summary>Items added so far.</summary>
    public int Count => _results.Count;

    /// <summary>The outcome of each item added so far, in order.</summary>
    public BatchResult Result => BatchResult.Of(_results);

    /// <summary>
    /// Adds one item. A full chunk is accepted while the next one is being read, but never two chunks at a time: the order of items matters.
    /// </summary>
    /// <exception cref="LedgerUnavailableException">The ledger accepted none or only some of the previous chunk; no call is in flight.</exception>
    public ValueTask AddAsync(ContentReadResult read, CancellationToken cancellationToken)
    {
        read = _ids.Examine(read);
        if (read.Item is { } item)
        {
            _next.Add((_results.Count, item));
            _results.Add(new BatchItemResult(_results.Count, item.ContentId, BatchItemResult.NotAccepted, null)
            {
                Warnings = read.Warnings.Count == 0 ? null : [.. read.Warnings.Select(ProblemError.Of)],
            });
        }
        else
        {
            _refused.Add((read, ReceivedAt.AddTicks(_results.Count)));
            var errors = read.Violations.Take(_invalid++ < MaxItemsWithAllErrors ? int.MaxValue : 1);
            _results.Add(new BatchItemResult(_results.Count, read.ContentId, BatchItemResult.Invalid, [.. errors.Select(ProblemError.Of)]));
        }

        return _next.Count < ChunkSize ? ValueTask.CompletedTask : StartChunkAsync(cancellationToken);
    }

    /// <summary>Accepts the remaining items, waits for the chunk in flight, and records the refused items.</summary>
    /// <exception cref="LedgerUnavailableException">The ledger accepted or recorded none or only some of them.</exception>
    public async ValueTask AcceptAsync(CancellationToken cancellationToken)
    {
        await StartChunkAsync(cancellationToken).ConfigureAwait(false);
        await CompleteChunkAsync().ConfigureAwait(false);
        var delisted = await refusedVersions.RecordAsync(_refused, cancellationToken).ConfigureAwait(false);
        _messages.AddRange(delisted.Select(record => new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero)));
        _refused.Clear();
    }

    private async ValueTask StartChunkAsync(CancellationToken cancellationToken)
    {
        await CompleteChunkAsync().ConfigureAwait(false);
        (_next, _current) = (_current, _next);
        if (_current.Count == 0) return;
        // In steps of 100 ns, so that of two items for the same contentId the last one wins.
        var submissions = _current.ConvertAll(entry => synchronizer.Submit(entry.Item, ReceivedAt.AddTicks(entry.Index)));
        _accepting = synchronizer.AcceptAsync(submissions, cancellationToken).AsTask();
    }

    // Runs on the thread that reads the batch, because both write to the list of results.
    private async ValueTask CompleteChunkAsync()
    {
        if (_accepting is not { } accepting) return;
        _accepting = null;
        var acceptances = await accepting.ConfigureAwait(false);
        for (var i = 0; i < _current.Count; i++)
        {
            var (kind, record) = acceptances[i];
            var index = _current[i].Index;
            _results[index] = _results[index] with { Outcome = BatchItemResult.OutcomeOf(kind) };
            if (kind == AcceptanceKind.Accepted) _messages.Add(new SyncMessage(record.ContentId, record.RequestId, record.Hop, TimeSpan.Zero));
        }

        _current.Clear();
    }

    /// <summary>
    /// Enqueues the accepted items. Called last, so that accepting does not compete with sending. If the caller disconnects first, the
    /// sweep enqueues them.
    /// </summary>
    public async ValueTask EnqueueAsync(CancellationToken cancellationToken)
    {
        foreach (var chunk in _messages.Chunk(EnqueueSize)) await queue.TryEnqueueAsync(chunk, cancellationToken).ConfigureAwait(false);
        _messages.Clear();
    }
}

/// <summary>What happened to the items of a batch.</summary>
/// <param name="Counts">Items by outcome.</param>
/// <param name="Items">In the order of the batch.</param>
public sealed record BatchResult(IReadOnlyDictionary<string, int> Counts, IReadOnlyList<BatchItemResult> Items)
{
    /// <summary>Webhooks only: true if the whole message was already accepted; absent otherwise.</summary>
    public bool? Duplicate { get; init; }

    /// <summary>True if at least one item is to be sent to AlipayHK.</summary>
    internal bool HasWork => Counts.ContainsKey(BatchItemResult.Accepted) || Counts.ContainsKey(BatchItemResult.AlreadyPending);

    internal static BatchResult Of(IReadOnlyList<BatchItemResult> items) =>
        new(items.CountBy(item => item.Outcome).ToDictionary(StringComparer.Ordinal), items);
}

/// <summary>The outcome of one item of a batch.</summary>
/// <remarks>Problem details carry it too, whose serializer would write null members.</remarks>
/// <param name="Index">Its index in the batch, from 0.</param>
/// <param name="ContentId">Absent if it could not be read.</param>
/// <param name="Outcome">What happened to the item; notAccepted if the ledger was unavailable.</param>
/// <param name="Errors">Set if the item is invalid. From the 1,001st invalid item on, only the first error of each.</param>
public sealed record BatchItemResult(
    int Index,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ContentId,
    [property: EnumDataType(typeof(AcceptanceKind)), AllowedValues(BatchItemResult.Invalid, BatchItemResult.NotAccepted)] string Outcome,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<ProblemError>? Errors)
{
    /// <summary>What is probably a mistake in a valid item; absent if there is nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ProblemError>? Warnings { get; init; }

    internal const string Accepted = "accepted";
    internal const string AlreadyPending = "alreadyPending";
    internal const string Invalid = "invalid";
    internal const string NotAccepted = "notAccepted";

    internal static string OutcomeOf(AcceptanceKind kind) => EnumText.Of(kind);
}
