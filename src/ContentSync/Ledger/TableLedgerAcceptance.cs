using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>The submissions of one call that have the same contentId, in their order. They become one write.</summary>
internal sealed class TableLedgerAcceptance
{
    private readonly int[] _positions;

    /// <param name="key">Key of the item's entity.</param>
    /// <param name="writeId">Unique id of this write.</param>
    /// <param name="submissions">The submissions with their positions in the call.</param>
    /// <param name="time">Clock of due times; read each time the rules are applied.</param>
    /// <param name="horizon">The ledger's horizon.</param>
    public TableLedgerAcceptance(
        TableLedgerKey key,
        string writeId,
        IEnumerable<(int Position, Submission Submission)> submissions,
        TimeProvider time,
        DateTimeOffset? horizon)
    {
        var own = submissions.ToArray();
        _positions = Array.ConvertAll(own, s => s.Position);
        var cached = Array.ConvertAll(own, s => new CachedSubmission(s.Submission));
        Change = new TableLedgerChange<Acceptance[]>(key, writeId, stored => Fold(stored, cached, time.GetUtcNow(), horizon));
    }

    public TableLedgerChange<Acceptance[]> Change { get; }

    /// <summary>
    /// Puts each result at its submission's position. Only the last record was stored; a later submission of the same call replaced
    /// the others.
    /// </summary>
    public void Complete(Acceptance[] results)
    {
        var own = Change.Result;
        var last = own[^1].Record;
        for (var i = 0; i < own.Length; i++)
        {
            results[_positions[i]] = ReferenceEquals(own[i].Record, last) && Change.Record is { } stored ? own[i] with { Record = stored } : own[i];
        }
    }

    private static (SyncRecord? Next, Acceptance[] Result) Fold(
        SyncRecord? stored, CachedSubmission[] submissions, DateTimeOffset now, DateTimeOffset? horizon)
    {
        var current = stored;
        var acceptances = new Acceptance[submissions.Length];
        for (var i = 0; i < submissions.Length; i++)
        {
            var (next, acceptance) = SyncTransitions.Accept(current, submissions[i].For(current, now), now, horizon);
            acceptances[i] = acceptance;
            current = next ?? current;
        }

        return (ReferenceEquals(current, stored) ? null : current, acceptances);
    }

    /// <summary>Keeps the prepared request, because a conflict applies the rules again.</summary>
    private sealed class CachedSubmission(Submission submission)
    {
        private (ContentHash Hash, PreparedRequest Request)? _prepared;
        private DateTimeOffset? _acceptedAt;

        /// <summary>
        /// If the stored record has the same version but another request, our first write may have succeeded although its response was
        /// lost, and its request may have been sent before the other one replaced it. A request sent after the other one needs a new id.
        /// </summary>
        public Submission For(SyncRecord? stored, DateTimeOffset now)
        {
            _acceptedAt ??= now;
            if (stored?.Version.IsRepeatOf(submission.Version) == true && stored.RequestId != _prepared?.Request.RequestId) _prepared = null;
            return submission.AcceptedAt(_acceptedAt.Value) with { Prepare = Prepare };
        }

        // A delisting by id has the content of the record, which may be another one after a conflict.
        private PreparedRequest Prepare(ContentItem item)
        {
            if (_prepared is not { } known || known.Hash != item.Hash) _prepared = known = (item.Hash, submission.Prepare(item));
            return known.Request;
        }
    }
}
