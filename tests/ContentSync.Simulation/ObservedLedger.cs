using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>
/// A real ledger, as a process calls it. Tells the checker what was submitted and what the ledger decided, and checks that it knows every
/// item that the store held when it was asked.
/// </summary>
internal sealed class ObservedLedger(ISyncLedger ledger, World world, SimulatedProcess process, AsyncLocal<LedgerCall?> calls) : ISyncLedger
{
    /// <summary>The real one.</summary>
    public ISyncLedger Ledger => ledger;

    public async ValueTask<IReadOnlyList<Acceptance>> AcceptAsync(IReadOnlyList<Submission> submissions, CancellationToken cancellationToken)
    {
        var call = calls.Value = new LedgerCall(submissions);
        var acceptances = await ledger.AcceptAsync(submissions, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < acceptances.Count; i++)
        {
            call.Accepted(i, acceptances[i], world);
            world.Invariants.Accepted(submissions[i].Item, acceptances[i]);
            world.Trace.Write(process.Name, $"{submissions[i].Item.ContentId} r{submissions[i].Version} is {acceptances[i].Kind}");
        }

        return acceptances;
    }

    public async ValueTask<LeaseResult> LeaseAsync(string contentId, TimeSpan duration, CancellationToken cancellationToken)
    {
        process.LaneRate.Begins(contentId);
        var isKnown = IsKnown(contentId);
        var result = await ledger.LeaseAsync(contentId, duration, cancellationToken).ConfigureAwait(false);
        if (result.Status == LeaseStatus.NotFound) CheckUnknown(contentId, isKnown);
        return result;
    }

    public async ValueTask<LeaseResult> LeaseAsync(SyncRecord accepted, TimeSpan duration, CancellationToken cancellationToken)
    {
        process.LaneRate.Begins(accepted.ContentId);
        var result = await ledger.LeaseAsync(accepted, duration, cancellationToken).ConfigureAwait(false);
        if (result.Status == LeaseStatus.NotFound) CheckUnknown(accepted.ContentId, isKnown: true);
        return result;
    }

    public ValueTask<RecordResult> RecordAsync(SyncRecord leased, AttemptOutcome outcome, CancellationToken cancellationToken) =>
        ledger.RecordAsync(leased, outcome, cancellationToken);

    public ValueTask<SyncRecord?> ReplayAsync(string contentId, TimeSpan delay, CancellationToken cancellationToken) =>
        ledger.ReplayAsync(contentId, delay, cancellationToken);

    public ValueTask<SyncRecord?> ResendAsync(string contentId, CancellationToken cancellationToken) =>
        ledger.ResendAsync(contentId, cancellationToken);

    public async ValueTask<SyncRecord?> RefuseAsync(
        string contentId, ChangeVersion version, string code, string message, CancellationToken cancellationToken)
    {
        var isKnown = IsKnown(contentId);
        var call = calls.Value = new LedgerCall(contentId, version);
        var record = await ledger.RefuseAsync(contentId, version, code, message, cancellationToken).ConfigureAwait(false);
        if (record is null) CheckUnknown(contentId, isKnown);
        else call.Refused(record, world);
        return record;
    }

    public async ValueTask<SyncRecord?> FindAsync(string contentId, CancellationToken cancellationToken)
    {
        var isKnown = IsKnown(contentId);
        var record = await ledger.FindAsync(contentId, cancellationToken).ConfigureAwait(false);
        if (record is null) CheckUnknown(contentId, isKnown);
        return record;
    }

    public IAsyncEnumerable<SyncRecord> ListAsync(SyncRecordFilter filter, CancellationToken cancellationToken) =>
        ledger.ListAsync(filter, cancellationToken);

    public IAsyncEnumerable<ListedItem> ListItemsAsync(SyncRecordFilter filter, CancellationToken cancellationToken) =>
        ledger.ListItemsAsync(filter, cancellationToken);

    public ValueTask<ItemPage> PageAsync(SyncRecordFilter filter, string? after, int size, CancellationToken cancellationToken) =>
        ledger.PageAsync(filter, after, size, cancellationToken);

    public ValueTask<LedgerCounts> CountAsync(CancellationToken cancellationToken) => ledger.CountAsync(cancellationToken);

    public ValueTask<DateTimeOffset?> HorizonAsync(CancellationToken cancellationToken) => ledger.HorizonAsync(cancellationToken);

    private bool IsKnown(string contentId) => world.Store.Find(contentId) is not null;

    private void CheckUnknown(string contentId, bool isKnown)
    {
        if (isKnown) world.Invariants.Report(Invariant.NoItemLost, $"the ledger says that it does not hold {contentId}");
    }
}

/// <summary>A call that submits or refuses versions, and what is known of the ledger's decisions about them.</summary>
internal sealed class LedgerCall
{
    private readonly IReadOnlyList<Submission> _submissions;
    private readonly (string ContentId, ChangeVersion Version)? _refused;
    private readonly Dictionary<string, (DateTimeOffset First, DateTimeOffset Last)> _judged = new(StringComparer.Ordinal);
    private readonly Dictionary<int, VersionFacts> _written = [];
    private readonly HashSet<string> _judgedAgain = new(StringComparer.Ordinal);
    private bool _isRefusalWritten;

    public LedgerCall(IReadOnlyList<Submission> submissions) => _submissions = submissions;

    public LedgerCall(string contentId, ChangeVersion refused)
    {
        _submissions = [];
        _refused = (contentId, refused);
    }

    /// <summary>The ledger applies the rules to an item's versions, not necessarily for the first time.</summary>
    public void Judged(string contentId, DateTimeOffset now)
    {
        _judged[contentId] = (_judged.TryGetValue(contentId, out var known) ? known.First : now, now);
        if (_written.Keys.Any(position => _submissions[position].Item.ContentId == contentId)) _judgedAgain.Add(contentId);
    }

    /// <summary>The changes that a write of a record applies.</summary>
    public IReadOnlyList<Change> ChangesOf(string contentId, SyncRecord written, World world)
    {
        if (_refused is { } refused)
        {
            var (first, last) = _judged[contentId];
            world.Invariants.Versions.Refused(refused.Version.AcceptedAt(first), last, world.Store.Find(contentId)!.Record, written);
            _isRefusalWritten = true;
            return [];
        }

        var changes = new List<Change>();
        for (var i = 0; i < _submissions.Count; i++)
        {
            if (_submissions[i].Item.ContentId != contentId) continue;
            var (change, position) = (ChangeOf(i, null), i);
            changes.Add(change with { Seen = facts => _written[position] = facts });
        }

        return changes;
    }

    /// <summary>The ledger returned its decision on a submission.</summary>
    public void Accepted(int position, Acceptance acceptance, World world)
    {
        var change = ChangeOf(position, acceptance.Kind);
        if (!_written.TryGetValue(position, out var facts))
        {
            world.Invariants.Versions.Ignored(change, acceptance.Record);
            return;
        }

        // The response to the write was lost. Others may have written since, so that the ledger judged the item's new state.
        if (_judgedAgain.Contains(acceptance.Record.ContentId) && VersionChecker.FaultOf(change, facts) is not null)
            world.Invariants.Versions.Ignored(change, acceptance.Record);
        else
            world.Invariants.Versions.CheckKind(change, facts);
    }

    /// <summary>The ledger returned the record after a refusal.</summary>
    public void Refused(SyncRecord record, World world)
    {
        if (_isRefusalWritten) return;
        var (first, last) = _judged[record.ContentId];
        world.Invariants.Versions.Refused(_refused!.Value.Version.AcceptedAt(first), last, record, null);
    }

    private Change ChangeOf(int position, AcceptanceKind? kind)
    {
        var submission = _submissions[position];
        var (first, last) = _judged[submission.Item.ContentId];
        return new Change(submission.AcceptedAt(first), last, kind, submission.Version.FirstReceivedAt.Year == 1);
    }
}
