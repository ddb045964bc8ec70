using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization.Messages;

namespace ContentSync.Simulation;

/// <summary>Checks that whoever sent an item that is not accepted finds it among the dead letters: each for itself, whatever it came with.</summary>
internal sealed class RefusalChecker(World world, ContentReader reader)
{
    private readonly HashSet<string> _invalid = new(StringComparer.Ordinal);
    private readonly HashSet<(string ContentId, long? Number, DateTimeOffset? Time, ContentHash Hash)> _conflicts = [];
    private readonly HashSet<(string ContentId, long? Number, DateTimeOffset? Time, ContentHash Hash)> _reported = [];

    /// <summary>The broker received an item that is not valid.</summary>
    public void Produced(SubmittedItem item) => _invalid.Add(item.Mark);

    /// <summary>The ledger decided on a change that came through the queue.</summary>
    public void Judged(Change change)
    {
        if (change.IsFromCaller || change.Kind is not { } kind || world.Plan.Bulk is not null) return;
        var key = KeyOf(change.Submission.Item);

        // If a message comes again, the broker drops what was split off from it before.
        if (kind != AcceptanceKind.RevisionConflict) _conflicts.Remove(key);
        else if (!_reported.Contains(key)) _conflicts.Add(key);

        // A process that was frozen may still find a conflict with what it had read before the newer version came.
        if (kind == AcceptanceKind.Superseded) _reported.Add(key);
    }

    /// <summary>Whether the message holds one item that is not valid, or one version with other content.</summary>
    public bool IsExpected(OutgoingMessage message)
    {
        var text = Encoding.UTF8.GetString(message.Body.Span);
        if (text.StartsWith('[')) return false;
        if (_invalid.RemoveWhere(mark => text.Contains(mark, StringComparison.Ordinal)) > 0) return true;
        if (text.Contains(SubmittedItem.MarkPrefix, StringComparison.Ordinal)) return true;
        if (reader.Read(message.Body.Span).Item is not { } item) return false;
        _conflicts.Remove(KeyOf(item));
        _reported.Add(KeyOf(item));
        return true;
    }

    public void CheckEnd()
    {
        foreach (var mark in _invalid) world.Invariants.Report(Invariant.NoItemLost, $"{mark} is neither accepted nor dead-lettered");
        foreach (var (contentId, number, time, _) in _conflicts)
            world.Invariants.Report(Invariant.NoItemLost, $"{contentId} r{number} {time} has two contents, and nobody sees it");
    }

    private static (string ContentId, long? Number, DateTimeOffset? Time, ContentHash Hash) KeyOf(ContentItem item) =>
        (item.ContentId, item.Number, item.OccurredAt, item.Hash);
}
