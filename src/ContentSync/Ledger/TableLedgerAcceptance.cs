namespace ContentSync.Ledger;

/// <summary>The submissions of one call that have the same content id, in their order. They become one write.</summary>
internal sealed class TableLedgerAcceptance
{
    private readonly int[] _positions;

    /// <param name="key">Where the content is.</param>
    /// <param name="writeId">This change's own.</param>
    /// <param name="submissions">With their positions in the call.</param>
    /// <param name="time">Read each time the rules are applied.</param>
    public TableLedgerAcceptance(TableLedgerKey key, string writeId, IEnumerable<(int Position, Submission Submission)> submissions, TimeProvider time)
    {
        var own = submissions.ToArray();
        _positions = Array.ConvertAll(own, s => s.Position);
        var once = Array.ConvertAll(own, s => new CachedSubmission(s.Submission));
        Change = new TableLedgerChange<Acceptance[]>(key, writeId, stored => Fold(stored, once, time.GetUtcNow()));
    }

    public TableLedgerChange<Acceptance[]> Change { get; }

    /// <summary>Puts the answers where the caller looks for them. What a later submission of the same call replaced was never stored.</summary>
    public void Complete(Acceptance[] answers)
    {
        var own = Change.Result;
        var last = own[^1].Record;
        for (var i = 0; i < own.Length; i++)
        {
            answers[_positions[i]] = ReferenceEquals(own[i].Record, last) ? own[i] with { Record = Change.Record! } : own[i];
        }
    }

    private static (SyncRecord? Next, Acceptance[] Result) Fold(SyncRecord? stored, CachedSubmission[] submissions, DateTimeOffset now)
    {
        var current = stored;
        var acceptances = new Acceptance[submissions.Length];
        for (var i = 0; i < submissions.Length; i++)
        {
            var (next, acceptance) = SyncTransitions.Accept(current, submissions[i].For(current), now);
            acceptances[i] = acceptance;
            current = next ?? current;
        }

        return (ReferenceEquals(current, stored) ? null : current, acceptances);
    }

    /// <summary>A conflict applies the rules again; the request stays the one that was fixed first.</summary>
    private sealed class CachedSubmission(Submission submission)
    {
        private PreparedRequest? _prepared;

        /// <summary>
        /// Where the record has come to this very revision by another request, this submission may have been in it for a moment, by
        /// a write whose answer was lost, and its request may have been sent. Sent again after the other one, it must have an id of its own.
        /// </summary>
        public Submission For(SyncRecord? stored)
        {
            if (stored?.Revision.CompareTo(submission.Revision) == 0 && stored.RequestId != _prepared?.RequestId) _prepared = null;
            return submission with { Prepare = item => _prepared ??= submission.Prepare(item) };
        }
    }
}
