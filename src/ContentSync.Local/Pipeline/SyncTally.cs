using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Counts the outcomes of the catalog's entries. Every entry read counts exactly once: as invalid, synchronized, unchanged, superseded,
/// rejected or parked, and as pending until it has an outcome. Thread-safe.
/// </summary>
public sealed class SyncTally
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, OpenEntry> _open = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _delistings = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _failedAttempts = new(StringComparer.Ordinal);
    private long _read;
    private long _invalid;
    private long _synchronized;
    private long _unchanged;
    private long _superseded;
    private long _rejected;
    private long _exhausted;
    private long _finished;
    private long _duplicatesDiffering;
    private long _repetitions;

    /// <summary>Raised for every entry that fails.</summary>
    public event Action<SyncIssue>? Issue;

    public SyncCounts Counts
    {
        get
        {
            lock (_lock) return new SyncCounts(_read, _invalid, _synchronized, _unchanged, _superseded, _rejected, _exhausted, _open.Count);
        }
    }

    /// <summary>Attempts that failed, by code; codes beyond the first hundred count as one.</summary>
    public IReadOnlyDictionary<string, long> FailedAttempts
    {
        get
        {
            lock (_lock) return new Dictionary<string, long>(_failedAttempts, StringComparer.Ordinal);
        }
    }

    /// <summary>Entries that have an outcome; grows as long as there is progress.</summary>
    public long Finished
    {
        get
        {
            lock (_lock) return _finished;
        }
    }

    /// <summary>Entries without an outcome, and items that are being delisted because their entry is not valid.</summary>
    public long Open
    {
        get
        {
            lock (_lock) return _open.Count + _delistings.Count;
        }
    }

    /// <summary>Adds an item that is delisted because its entry, which is counted as invalid, is not valid.</summary>
    public void AddDelisting(SyncRecord record)
    {
        lock (_lock) _delistings[record.ContentId] = record.RequestId;
    }

    /// <summary>Reports items that stand in the catalog more than once; all lines but one are counted as superseded.</summary>
    public void AddDuplicate(ResyncDuplicate duplicate)
    {
        if (duplicate.Differs) Interlocked.Increment(ref _duplicatesDiffering);
        Interlocked.Add(ref _repetitions, duplicate.Places.Count - 1);
        Issue?.Invoke(IssueOf(duplicate));
    }

    /// <summary>Number of items that stand in the catalog more than once with different contents.</summary>
    public long DuplicatesDiffering => Interlocked.Read(ref _duplicatesDiffering);

    /// <summary>Number of lines that do not count, because another line holds the same item; they are superseded.</summary>
    public long Repetitions => Interlocked.Read(ref _repetitions);

    /// <summary>Adds an entry that was not accepted.</summary>
    public void AddInvalid(long line, string? contentId, IReadOnlyList<ContentViolation> violations)
    {
        lock (_lock)
        {
            _read++;
            _invalid++;
            _finished++;
        }

        Issue?.Invoke(IssueOf(line, contentId, violations));
    }

    /// <summary>Adds entries that a plan decided without reading them again.</summary>
    /// <param name="unchanged">Those in sync.</param>
    /// <param name="superseded">Further lines of an item that has a newer line.</param>
    public void AddUnread(long unchanged, long superseded)
    {
        lock (_lock)
        {
            _read += unchanged + superseded;
            _unchanged += unchanged;
            _superseded += superseded;
            _finished += unchanged + superseded;
        }
    }

    /// <summary>Adds an entry that was submitted to the ledger.</summary>
    /// <returns>Whether the item must be sent.</returns>
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
                case AcceptanceKind.AlreadyPending or AcceptanceKind.Unchanged or AcceptanceKind.DelistedUnknown:
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
                    Complete(ref _exhausted);
                    break;
            }
        }

        Issue?.Invoke(IssueOf(line, acceptance));
        return false;
    }

    /// <summary>Records the outcome of an attempt.</summary>
    public void Add(string contentId, SyncOutcome outcome)
    {
        OpenEntry entry;
        lock (_lock)
        {
            CountFailure(outcome);
            if (outcome.Kind == SyncOutcomeKind.Pending) return;
            if (_delistings.TryGetValue(contentId, out var delisting) && (outcome.Record is not { } ended || ended.RequestId == delisting))
            {
                _delistings.Remove(contentId);
                _finished++;
            }

            if (!_open.TryGetValue(contentId, out entry)) return;
            // The attempt may belong to an earlier line with the same contentId; the outcome of this line follows.
            if (outcome.Record is { } record && record.RequestId != entry.RequestId) return;
            _open.Remove(contentId);
            switch (outcome.Kind)
            {
                case SyncOutcomeKind.Rejected:
                    Complete(ref _rejected);
                    break;
                case SyncOutcomeKind.Parked:
                    Complete(ref _exhausted);
                    break;
                default:
                    Complete(ref _synchronized);
                    break;
            }
        }

        if (outcome.Kind is SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked)
        {
            var kind = outcome.Kind == SyncOutcomeKind.Rejected ? SyncIssueKind.Rejected : SyncIssueKind.Exhausted;
            var advice = Advice(kind, outcome.Record?.LastAttempt?.Message);
            Issue?.Invoke(new SyncIssue(kind, entry.Line, contentId, outcome.Code ?? "", advice, []));
        }
    }

    private void CountFailure(SyncOutcome outcome)
    {
        var isFailure = outcome is { Kind: SyncOutcomeKind.Rejected or SyncOutcomeKind.Parked }
            or { Kind: SyncOutcomeKind.Pending, Cause: PendingCause.Retry };
        if (!isFailure || outcome.Code is not { } code) return;

        // Bounded, because AlipayHK chooses the codes.
        if (_failedAttempts.Count >= LedgerCounts.MaxNames && !_failedAttempts.ContainsKey(code)) code = LedgerCounts.Other;
        _failedAttempts[code] = _failedAttempts.GetValueOrDefault(code) + 1;
    }

    // A later line of the same catalog, with another request, supersedes the earlier one.
    private void Supersede(string contentId, string requestId)
    {
        if (!_open.TryGetValue(contentId, out var earlier) || earlier.RequestId == requestId) return;
        _open.Remove(contentId);
        Complete(ref _superseded);
    }

    private void Complete(ref long count)
    {
        count++;
        _finished++;
    }

    internal static SyncIssue IssueOf(ResyncDuplicate duplicate)
    {
        var differs = duplicate.Differs ? "with different contents" : "with the same content";
        var places = $"{string.Join(", ", duplicate.Places.SkipLast(1))} and {duplicate.Places[^1]}";
        var message = $"It stands at {places} {differs}; {duplicate.Kept} counts.";
        return new SyncIssue(SyncIssueKind.Duplicate, 0, duplicate.ContentId, duplicate.Differs ? "differs" : "same", message, []);
    }

    internal static SyncIssue IssueOf(long line, string? contentId, IReadOnlyList<ContentViolation> violations) => new(
        SyncIssueKind.Invalid, line, contentId, violations[0].Code, string.Join(' ', violations.Select(TextOf)), violations);

    private static SyncIssue IssueOf(long line, Acceptance acceptance)
    {
        var record = acceptance.Record;
        if (acceptance.Kind == AcceptanceKind.RevisionConflict)
        {
            var message = $"Revision {record.Version} was already accepted with different content; raise the revision.";
            return new SyncIssue(SyncIssueKind.Invalid, line, record.ContentId, "revision-conflict", message, []);
        }

        var kind = record.ParkReason == ParkReason.Rejected ? SyncIssueKind.Rejected : SyncIssueKind.Exhausted;
        return new SyncIssue(kind, line, record.ContentId, record.LastAttempt?.Code ?? "", Advice(kind, record.LastAttempt?.Message), []);
    }

    private static string Advice(SyncIssueKind kind, string? message)
    {
        var reason = string.IsNullOrWhiteSpace(message) ? "no reason given" : message.Trim().TrimEnd('.');
        return kind == SyncIssueKind.Rejected
            ? $"AlipayHK refused it: {reason}. Change the item; the same content is not sent again."
            : $"All attempts failed, most recently: {reason}. Replay the item, or submit it with a newer revision.";
    }

    private static string TextOf(ContentViolation violation) =>
        violation.Pointer.Length == 0 ? violation.Message : $"{violation.Pointer}: {violation.Message}";

    private readonly record struct OpenEntry(long Line, string RequestId);
}

/// <summary>Outcomes of a catalog's entries; the members after Read add up to Read.</summary>
public readonly record struct SyncCounts(
    long Read, long Invalid, long Synchronized, long Unchanged, long Superseded, long Rejected, long Exhausted, long Pending);

/// <summary>Why an entry failed.</summary>
public enum SyncIssueKind
{
    Invalid,
    Rejected,

    /// <summary>Parked because its attempts or its time are used up.</summary>
    Exhausted,

    /// <summary>Accepted and not acknowledged yet.</summary>
    Pending,

    /// <summary>The ledger holds a newer version.</summary>
    Newer,

    /// <summary>The catalog holds the item more than once.</summary>
    Duplicate,
}

/// <summary>An entry that failed.</summary>
/// <param name="Kind">Why it failed.</param>
/// <param name="Line">1-based line of the file, or 1-based position in the array; 0 when it is not known.</param>
/// <param name="ContentId">Null when the entry has no readable contentId.</param>
/// <param name="Code">The first violation's code, or the result code.</param>
/// <param name="Message">What is wrong and how to fix it.</param>
/// <param name="Violations">All violations of an invalid entry; empty for the other kinds.</param>
public sealed record SyncIssue(
    SyncIssueKind Kind, long Line, string? ContentId, string Code, string Message, IReadOnlyList<ContentViolation> Violations);
