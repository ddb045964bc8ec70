using System.Text;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Simulation;

/// <summary>A change as the ledger judged it.</summary>
/// <param name="Submission">The change, with its time of receipt.</param>
/// <param name="Now">Time of the store at which it was judged.</param>
/// <param name="Kind">The ledger's decision; null while the checker does not know it.</param>
/// <param name="IsFromCaller">Received over HTTP, so that the ledger set its time of receipt.</param>
internal sealed record Change(Submission Submission, DateTimeOffset Now, AcceptanceKind? Kind, bool IsFromCaller)
{
    /// <summary>Receives what held before the change, if its kind becomes known later.</summary>
    public Action<VersionFacts>? Seen { get; init; }
}

/// <summary>What held for a change before it was applied.</summary>
/// <param name="Wins">It is the newest version.</param>
/// <param name="IsRepeat">It repeats the current version.</param>
/// <param name="HasContent">It has the content of the current version.</param>
/// <param name="Current">Describes the current version.</param>
/// <param name="IsDelisted">The current version delists the item by its id, and a correction may follow with the same version.</param>
internal sealed record VersionFacts(bool Wins, bool IsRepeat, bool HasContent, string Current, bool IsDelisted);

/// <summary>
/// Decides for every change, independently of the library, whether it is the newest version of its item, and what AlipayHK must hold
/// because of that. It keeps all changes in the order in which the store applied them, and derives everything from that list.
/// </summary>
internal sealed class VersionChecker(World world)
{
    private readonly Dictionary<string, ItemVersions> _items = new(StringComparer.Ordinal);
    private readonly HashSet<(string ContentId, DateTimeOffset At)> _receipts = [];
    private readonly Dictionary<DateTimeOffset, ExportedCatalog> _catalogs = [];
    private readonly Dictionary<(string ContentId, VersionOrder Order), ItemVersions> _byOrder = [];

    /// <summary>The broker received an item, which keeps this time from then on.</summary>
    public void Enqueued(string contentId, DateTimeOffset at) => _receipts.Add((contentId, at));

    /// <summary>A catalog was written; its lines, and the items that vanished from it, changed at the time that it is as of.</summary>
    public void Exported(ExportedCatalog catalog) => _catalogs.Add(catalog.File.AsOf, catalog);

    /// <summary>Whether a change is newer than what a record, which was read earlier, had seen.</summary>
    public bool IsNewer(string contentId, VersionOrder read, ChangeVersion version, DateTimeOffset now) =>
        (_byOrder.GetValueOrDefault((contentId, read)) ?? Of(contentId)).IsNewer(version, now);

    /// <summary>Whether a number or a time must still be remembered.</summary>
    public bool IsUnseen(string contentId, ChangeVersion version, DateTimeOffset now) => Of(contentId).IsUnseen(version, now);

    /// <summary>The store applied changes of one item in one write.</summary>
    public void Applied(IReadOnlyList<Change> changes, SyncRecord written)
    {
        var item = Of(written.ContentId);
        foreach (var change in changes)
        {
            CheckReceipt(change);
            var facts = FactsOf(change, item);
            if (change.Seen is { } seen) seen(facts);
            else CheckKind(change, facts);
            CheckLine(change);
            item.Apply(change);
        }

        if (!item.Holds(written)) Report(Invariant.NewestVersionWins, $"{written.ContentId} has r{written.Version} with other content than {item}");
    }

    /// <summary>The ledger did not write anything for a change.</summary>
    public void Ignored(Change change, SyncRecord stored)
    {
        CheckReceipt(change);
        var item = Of(stored.ContentId);
        item.Arrive(change);
        CheckLine(change);
        if (world.Store.Find(stored.ContentId)?.Record.ETag != stored.ETag)
        {
            world.Invariants.Refusals.Judged(change);
            return;
        }

        CheckKind(change, FactsOf(change, item));
        var isRaised = !change.Submission.OverridesNewer && item.IsUnseen(change.Submission.Version, change.Now);
        if (item.Wins(change) || isRaised)
            Report(Invariant.NewestVersionWins, $"{stored.ContentId} r{change.Submission.Version} was forgotten: {item}");
    }

    /// <summary>A version that is not valid was reported to the ledger.</summary>
    public void Refused(ChangeVersion version, DateTimeOffset now, SyncRecord stored, SyncRecord? next)
    {
        if (world.Store.Find(stored.ContentId)?.Record.ETag != stored.ETag) return;
        var item = Of(stored.ContentId);
        var isNewer = item.IsNewer(version, now);
        if (next is not null && !isNewer) Report(Invariant.StaleIsVisible, $"{stored.ContentId} is stale because of r{version}, which is not newer");
        if (next is null && isNewer && !stored.IsStale) Report(Invariant.StaleIsVisible, $"{stored.ContentId} is not stale after r{version}");
    }

    /// <summary>A record was written, for whatever reason.</summary>
    public void Written(SyncRecord? old, SyncRecord next)
    {
        var item = Of(next.ContentId);
        if (world.Plan.Bulk is not null && !_byOrder.ContainsKey((next.ContentId, next.Order))) _byOrder.Add((next.ContentId, next.Order), item.Copy());
        if (next.Version != item.Current) Report(Invariant.NewestVersionWins, $"{next.ContentId} has r{next.Version} instead of {item}");
        if (next.IsTombstone != item.IsTombstone) Report(Invariant.NewestVersionWins, $"{next.ContentId} is {next.State}, but: {item}");
        var isRolledBack = next.Order.RollbackAt != old?.Order.RollbackAt;

        // The clock of the local host may have been ahead, which its ledger repairs.
        if (next.Order.ChangedAt < old?.Order.ChangedAt && !isRolledBack && !world.Plan.IsLocal)
            Report(Invariant.NewestVersionWins, $"{next.ContentId} r{next.Version} changed at {next.Order.ChangedAt:O}, before {old.Order.ChangedAt:O}");
        if (old is { Refused: { } refused } && next.Refused is null && !isRolledBack && !item.Covers(refused.Version))
            Report(Invariant.StaleIsVisible, $"{next.ContentId} is no longer stale, but r{refused.Version} is newer than {item}");
        if (next.Refused is { } still && next.Refused == old?.Refused && old.Version != next.Version && item.Covers(still.Version))
            Report(Invariant.StaleIsVisible, $"{next.ContentId} is still stale, but r{still.Version} is covered by {item}");
        item.WasWritten();
    }

    /// <summary>Whether the ledger has judged a change that must not be lost.</summary>
    public bool HasArrived(ContentItem item) => Of(item.ContentId).HasArrived(item);

    /// <summary>Whether a caller, not a catalog, delisted the item.</summary>
    public bool IsDelistedByCaller(string contentId) => Of(contentId).IsDelistedById;

    /// <summary>The ledger decided on a change.</summary>
    public void CheckKind(Change change, VersionFacts facts)
    {
        world.Invariants.Refusals.Judged(change);
        if (FaultOf(change, facts) is not { } fault) return;
        var submission = change.Submission;
        Report(Invariant.NewestVersionWins, $"{submission.Item.ContentId} r{submission.Version} is {change.Kind}, but is {fault} {facts.Current}");
    }

    /// <summary>What contradicts the decision on a change; null if nothing does.</summary>
    public static string? FaultOf(Change change, VersionFacts facts)
    {
        var isSuperseded = change.Kind is AcceptanceKind.Superseded or AcceptanceKind.RevisionConflict;
        if (isSuperseded && facts.Wins) return "newer than";
        if (!isSuperseded && !facts.Wins && !facts.IsRepeat) return "older than";
        if (!isSuperseded && !facts.Wins && facts is { HasContent: false, IsDelisted: false } && !change.Submission.Item.IsDelistingById)
            return "other content for";
        return isSuperseded && facts.IsRepeat && facts.HasContent ? "a repeat of" : null;
    }

    private void CheckReceipt(Change change)
    {
        var (item, version) = (change.Submission.Item, change.Submission.Version);
        if (change.IsFromCaller || change.Submission.OverridesNewer) return;
        if (!_receipts.Contains((item.ContentId, version.FirstReceivedAt)) && !_catalogs.ContainsKey(version.FirstReceivedAt))
            Report(Invariant.FirstReceiptIsKept, $"{item.ContentId} r{version} claims to be received first at {version.FirstReceivedAt:O}");
    }

    private void CheckLine(Change change)
    {
        var (item, version) = (change.Submission.Item, change.Submission.Version);
        if (change.IsFromCaller || !_catalogs.TryGetValue(version.FirstReceivedAt, out var catalog) || catalog.Submits(item)) return;
        Report(Invariant.OneLineCounts, $"{item.ContentId} r{version} is submitted, but another line counts, or the item has not vanished");
    }

    private static VersionFacts FactsOf(Change change, ItemVersions item) => new(
        item.Wins(change),
        item.IsRepeat(change.Submission.Version),
        item.HasContent(change.Submission.Item),
        item.ToString(),
        item.IsDelistedById);

    private ItemVersions Of(string contentId)
    {
        if (!_items.TryGetValue(contentId, out var item)) _items.Add(contentId, item = new ItemVersions());
        return item;
    }

    private void Report(Invariant invariant, string text) => world.Invariants.Report(invariant, text);

    private sealed class ItemVersions
    {
        private static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(5);
        private const int MaxAheadTimes = 8;

        private readonly List<long> _numbers;
        private readonly List<DateTimeOffset> _givenTimes;
        private readonly List<DateTimeOffset> _aheadTimes;
        private readonly List<DateTimeOffset> _winnersChangedAt;
        private readonly HashSet<(long? Number, DateTimeOffset? Given, ContentHash Hash)> _arrived = [];

        // Those that one write accepted one after another; only the last of them is current.
        private readonly List<(ChangeVersion Version, bool IsDelistingById)> _accepted = [];
        private DateTimeOffset? _rollback;
        private ContentItem? _item;
        private string? _contentInfo;

        // A given time may stay ahead, because it may be ahead of a receipt that is itself ahead.
        private bool _isRepaired;

        public ItemVersions() => (_numbers, _givenTimes, _aheadTimes, _winnersChangedAt) = ([], [], [], []);

        private ItemVersions(ItemVersions other)
        {
            (_numbers, _givenTimes) = ([.. other._numbers], [.. other._givenTimes]);
            (_aheadTimes, _winnersChangedAt) = ([.. other._aheadTimes], [.. other._winnersChangedAt]);
            (_rollback, _item, _contentInfo, Current) = (other._rollback, other._item, other._contentInfo, other.Current);
        }

        public ChangeVersion Current { get; private set; }

        public bool IsTombstone => _item is { IsDelistingById: true } && _contentInfo is null;

        public bool IsDelistedById => _item is { IsDelistingById: true };

        /// <summary>The state of now, without the changes that arrived.</summary>
        public ItemVersions Copy() => new(this);

        public bool HasArrived(ContentItem item) => _arrived.Contains((item.Number, item.OccurredAt, item.Hash));

        public void Arrive(Change change)
        {
            var item = change.Submission.Item;
            _arrived.Add((item.Number, item.OccurredAt, item.Hash));
        }

        public void Apply(Change change)
        {
            Arrive(change);
            var (submission, now) = (change.Submission, change.Now);
            Repair(now);
            var wins = Wins(change);
            var (time, isAhead) = ChangedAt(submission.Version, now);
            if (submission.OverridesNewer)
            {
                if (!wins) return;
                _rollback = now > submission.OverrideDeclaredAt ? now : submission.OverrideDeclaredAt;
                if (_givenTimes.Count > 0) Replace(_givenTimes, Earlier(_givenTimes.Max(), now));
                Replace(_winnersChangedAt, now);
                if (isAhead) KeepAhead(submission.Version.GivenTime ?? submission.Version.FirstReceivedAt);
                if (submission.Version.Number is { } catalogs)
                {
                    _numbers.Clear();
                    _numbers.Add(catalogs);
                }

                Take(submission);
                return;
            }

            if (IsBeforeRollback(submission.Version, time)) return;
            if (submission.Version.Number is { } number) _numbers.Add(number);
            if (submission.Version.GivenTime is { } given && !_aheadTimes.Contains(given)) _givenTimes.Add(time);
            if (isAhead) KeepAhead(submission.Version.GivenTime ?? submission.Version.FirstReceivedAt);
            if (!wins) return;
            _winnersChangedAt.Add(time);
            Take(submission);
        }

        public bool Wins(Change change)
        {
            if (_item is null) return true;
            if (AsOf(change.Now) is var repaired && repaired != this) return repaired.Wins(change);
            if (change.Submission.OverrideDeclaredAt is { } declaredAt) return !(_rollback >= declaredAt);
            return IsNewer(change.Submission.Version, change.Now);
        }

        public bool IsNewer(ChangeVersion version, DateTimeOffset now)
        {
            if (AsOf(now) is var repaired && repaired != this) return repaired.IsNewer(version, now);
            var (time, _) = ChangedAt(version, now);
            if (IsBeforeRollback(version, time)) return false;
            var isLater = _winnersChangedAt.All(winner => winner < time);
            if (version.Number is { } number) return _numbers.All(seen => seen < number) && (Current.Number is not null || isLater);
            if (version.GivenTime is not { } given) return isLater && !_aheadTimes.Contains(version.FirstReceivedAt);
            return _givenTimes.All(seen => seen < time) && !_aheadTimes.Contains(given) && (Current.GivenTime is not null || isLater);
        }

        /// <summary>Whether a change must be remembered, even if it does not win.</summary>
        public bool IsUnseen(ChangeVersion version, DateTimeOffset now)
        {
            if (AsOf(now) is var repaired && repaired != this) return repaired.IsUnseen(version, now);
            var (time, _) = ChangedAt(version, now);
            if (IsBeforeRollback(version, time)) return false;
            return version.Number is { } number ? _numbers.All(seen => seen < number)
                : version.GivenTime is { } given && _givenTimes.All(seen => seen < time) && !_aheadTimes.Contains(given);
        }

        public bool IsRepeat(ChangeVersion version) => _item is not null && AreSame(version, Current);

        /// <summary>Whether a version that this write accepted, or else the current one, is at least as new as a refused one.</summary>
        public bool Covers(ChangeVersion refused) => _accepted.Count == 0
            ? Covers(Current, IsDelistedById, refused)
            : _accepted.Exists(accepted => Covers(accepted.Version, accepted.IsDelistingById, refused));

        /// <summary>What is accepted from now on belongs to another write.</summary>
        public void WasWritten() => _accepted.Clear();

        public bool HasContent(ContentItem item) => _item is not null && item.Hash == _item.Hash;

        /// <summary>Whether a record has the content of the current version.</summary>
        public bool Holds(SyncRecord record)
        {
            if (record.ContentStatus != _item!.ContentStatus) return false;
            if (record.Body.IsEmpty) return _contentInfo is null;
            using var body = JsonDocument.Parse(record.Body);
            return body.RootElement.GetProperty("contentInfo").GetString() == _contentInfo
                && body.RootElement.GetProperty("contentStatus").GetInt32() == (int)_item.ContentStatus;
        }

        public override string ToString() => $"r{Current} {_item?.ContentStatus} {_contentInfo}";

        private void Take(Submission submission)
        {
            Current = submission.Version;
            _item = submission.Item;
            _accepted.Add((submission.Version, submission.Item.IsDelistingById));
            if (!submission.Item.IsDelistingById) _contentInfo = Encoding.UTF8.GetString(submission.Item.ContentInfo.Span);
        }

        private void KeepAhead(DateTimeOffset time)
        {
            if (_aheadTimes.Contains(time)) return;
            _aheadTimes.Add(time);
            if (_aheadTimes.Count > MaxAheadTimes) _aheadTimes.RemoveAt(0);
        }

        // The clock of a ledger in a file is that of its machine. If it went back, times that are ahead of it now were never true.
        private ItemVersions AsOf(DateTimeOffset now)
        {
            if (!IsAhead(now)) return this;
            var repaired = Copy();
            repaired.Repair(now);
            repaired._isRepaired = true;
            return repaired;
        }

        private bool IsAhead(DateTimeOffset now) =>
            !_isRepaired && _item is not null && (_rollback > now + MaxAhead || _givenTimes.Exists(time => time > now + MaxAhead)
                || _winnersChangedAt.Exists(time => time > now + MaxAhead));

        private void Repair(DateTimeOffset now)
        {
            if (!IsAhead(now)) return;
            var limit = now + MaxAhead;
            var changedAt = _winnersChangedAt.Max();
            if (changedAt > limit) changedAt = Current.FirstReceivedAt > limit ? DateTimeOffset.UnixEpoch : ChangedAt(Current, now).At;
            Replace(_winnersChangedAt, changedAt);
            if (_givenTimes.Exists(time => time > limit)) Replace(_givenTimes, changedAt);
            if (_rollback > limit) _rollback = changedAt;
        }

        private static void Replace(List<DateTimeOffset> times, DateTimeOffset only)
        {
            times.Clear();
            times.Add(only);
        }

        private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

        private bool IsBeforeRollback(ChangeVersion version, DateTimeOffset time) =>
            _rollback is { } rollback && (version.FirstReceivedAt <= rollback || time <= rollback);

        private static bool AreSame(ChangeVersion one, ChangeVersion other) => one.Number == other.Number
            && (one.Number is not null || (one.GivenTime ?? one.FirstReceivedAt) == (other.GivenTime ?? other.FirstReceivedAt));

        private static bool Covers(ChangeVersion accepted, bool isDelistingById, ChangeVersion refused)
        {
            if (isDelistingById && AreSame(refused, accepted)) return false;
            return refused.Number is { } number && accepted.Number is { } newest
                ? newest >= number
                : ChangedAt(accepted, accepted.FirstReceivedAt).At >= ChangedAt(refused, refused.FirstReceivedAt).At;
        }

        private static (DateTimeOffset At, bool IsAhead) ChangedAt(ChangeVersion version, DateTimeOffset now)
        {
            var received = version.FirstReceivedAt <= now + MaxAhead ? version.FirstReceivedAt : now;
            if (version.GivenTime is not { } given) return (received, received != version.FirstReceivedAt);
            return given <= received + MaxAhead ? (given, false) : (received, true);
        }
    }
}
