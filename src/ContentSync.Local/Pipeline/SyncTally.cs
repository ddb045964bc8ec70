using System.Text.Json.Serialization;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Counts what became of each catalog entry. Every entry read is counted exactly once: invalid, synchronized, unchanged,
/// superseded, rejected, dead-lettered, or pending while it is still open. Thread-safe.
/// </summary>
public sealed class SyncTally
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, OpenEntry> _open = new(StringComparer.Ordinal);
    private long _read;
    private long _invalid;
    private long _synchronized;
    private long _unchanged;
    private long _superseded;
    private long _rejected;
    private long _deadLettered;
    private long _ended;

    /// <summary>Told of every entry that did not end well.</summary>
    public event Action<SyncIssue>? Issue;

    /// <summary>The counts as they stand.</summary>
    public SyncCounts Counts
    {
        get
        {
            lock (_lock) return new SyncCounts(_read, _invalid, _synchronized, _unchanged, _superseded, _rejected, _deadLettered, _open.Count);
        }
    }

    /// <summary>Entries that have come to an end since the start; grows as long as there is progress.</summary>
    public long Ended
    {
        get
        {
            lock (_lock) return _ended;
        }
    }

    /// <summary>An entry that never reached the ledger.</summary>
    public void AddInvalid(long line, string? contentId, IReadOnlyList<ContentViolation> violations)
    {
        lock (_lock)
        {
            _read++;
            _invalid++;
            _ended++;
        }

        Issue?.Invoke(new SyncIssue(SyncIssueKind.Invalid, line, contentId, violations[0].Code, string.Join(' ', violations.Select(TextOf)), violations));
    }

    /// <summary>Entries that a plan found in step.</summary>
    public void AddUnchanged(long entries)
    {
        lock (_lock)
        {
            _read += entries;
            _unchanged += entries;
            _ended += entries;
        }
    }

    /// <summary>An entry the ledger has answered for.</summary>
    /// <returns>Whether it is to be sent.</returns>
    public bool Add(long line, ContentItem item, Acceptance acceptance)
    {
        lock (_lock)
        {
            _read++;
            switch (acceptance.Kind)
            {
                case AcceptanceKind.Accepted:
                    Supersede(item.ContentId, acceptance.Record.RequestId);
                    _open[item.ContentId] = new OpenEntry(line, acceptance.Record.RequestId);
                    return true;
                case AcceptanceKind.AlreadyPending when _open.TryAdd(item.ContentId, new OpenEntry(line, acceptance.Record.RequestId)):
                    return true;
                case AcceptanceKind.AlreadyPending or AcceptanceKind.Unchanged:
                    Supersede(item.ContentId, acceptance.Record.RequestId);
                    Complete(ref _unchanged);
                    return false;
                case AcceptanceKind.Superseded:
                    Complete(ref _superseded);
                    return false;
                case AcceptanceKind.RevisionConflict:
                    Complete(ref _invalid);
                    break;
                case AcceptanceKind.Parked when acceptance.Record.ParkReason == ParkReason.Rejected:
                    Complete(ref _rejected);
                    break;
                default:
                    Complete(ref _deadLettered);
                    break;
            }
        }

        Issue?.Invoke(IssueOf(line, acceptance));
        return false;
    }

    /// <summary>A run of the queue has ended.</summary>
    public void Add(string contentId, SyncOutcome outcome)
    {
        OpenEntry entry;
        lock (_lock)
        {
            if (outcome.Kind == SyncOutcomeKind.Pending || !_open.TryGetValue(contentId, out entry)) return;
            // The run may have been that of an earlier line; this one's is still to come.
            if (outcome.Record is { } record && record.RequestId != entry.RequestId) return;
            _open.Remove(contentId);
            switch (outcome.Kind)
            {
                case SyncOutcomeKind.Rejected:
                    Complete(ref _rejected);
                    break;
                case SyncOutcomeKind.Parked:
                    Complete(ref _deadLettered);
                    break;
                default:
                    Complete(ref _synchronized);
                    break;
            }
        }

        if (outcome.Kind is SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked)
        {
            var kind = outcome.Kind == SyncOutcomeKind.Rejected ? SyncIssueKind.Rejected : SyncIssueKind.Parked;
            Issue?.Invoke(new SyncIssue(kind, entry.Line, contentId, outcome.Code ?? "", Advice(kind, outcome.Record?.LastAttempt?.Message), []));
        }
    }

    // What an earlier line of this very catalog brought in is overtaken by a later one with another request.
    private void Supersede(string contentId, string requestId)
    {
        if (!_open.TryGetValue(contentId, out var earlier) || earlier.RequestId == requestId) return;
        _open.Remove(contentId);
        Complete(ref _superseded);
    }

    private void Complete(ref long count)
    {
        count++;
        _ended++;
    }

    private static SyncIssue IssueOf(long line, Acceptance acceptance)
    {
        var record = acceptance.Record;
        if (acceptance.Kind == AcceptanceKind.RevisionConflict)
            return new SyncIssue(SyncIssueKind.Invalid, line, record.ContentId, "revision-conflict", $"Revision {record.Revision} was accepted before with other content; raise the revision.", []);
        var kind = record.ParkReason == ParkReason.Rejected ? SyncIssueKind.Rejected : SyncIssueKind.Parked;
        return new SyncIssue(kind, line, record.ContentId, record.LastAttempt?.Code ?? "", Advice(kind, record.LastAttempt?.Message), []);
    }

    private static string Advice(SyncIssueKind kind, string? message)
    {
        var said = string.IsNullOrWhiteSpace(message) ? "no reason given" : message.Trim().TrimEnd('.');
        return kind == SyncIssueKind.Rejected
            ? $"AlipayHK says: {said}. Change the content; the same content is not sent again."
            : $"Given up on: {said}. It is sent again when it is submitted anew or replayed.";
    }

    private static string TextOf(ContentViolation violation) => violation.Pointer.Length == 0 ? violation.Message : $"{violation.Pointer}: {violation.Message}";

    private readonly record struct OpenEntry(long Line, string RequestId);
}

/// <summary>What became of the entries of a catalog; the members after Read add up to it.</summary>
public readonly record struct SyncCounts(long Read, long Invalid, long Synchronized, long Unchanged, long Superseded, long Rejected, long Parked, long Pending);

/// <summary>How an entry went wrong.</summary>
public enum SyncIssueKind
{
    Invalid,
    Rejected,
    [JsonStringEnumMemberName("deadLettered")]
    Parked,
}

/// <summary>One entry that did not end well.</summary>
/// <param name="Kind">How.</param>
/// <param name="Line">1-based line of the file, or 1-based position in the array.</param>
/// <param name="ContentId">Where it could be read.</param>
/// <param name="Code">The first violation's code, or the result code.</param>
/// <param name="Message">What is wrong and what would be right.</param>
/// <param name="Violations">All of them, where the entry is invalid.</param>
public sealed record SyncIssue(SyncIssueKind Kind, long Line, string? ContentId, string Code, string Message, IReadOnlyList<ContentViolation> Violations);
