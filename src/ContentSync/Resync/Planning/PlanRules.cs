using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>What a plan does with an item: the rules by which the ledger will decide about it.</summary>
/// <param name="request">Whether items absent from the catalog are delisted, and when.</param>
/// <param name="snapshot">When the catalog's items without a version of their own changed, and whether they win over newer ones.</param>
/// <param name="now">Time of the store, for times that are ahead of it.</param>
/// <param name="catalog">What reading the catalog to its end found.</param>
internal sealed class PlanRules(PlanRequest request, ICatalogSnapshot snapshot, DateTimeOffset now, PlanCatalogEnd catalog)
{
    /// <summary>Share of a mapped catalog's items that may be invalid before nothing is delisted.</summary>
    private const double MaxInvalidShare = 0.1;

    /// <summary>
    /// Nothing is delisted, not even what the catalog itself delists: so many records cannot be mapped that the mapping does not fit the feed.
    /// </summary>
    public bool DelistsNothing { get; } =
        request.Scope == PlanScope.Mirror && snapshot.MappingDigest is not null && catalog.Invalid > catalog.Items * MaxInvalidShare;

    /// <summary>Absent items stay listed. An item of the catalog that could not be identified may be any listed item.</summary>
    public bool WithholdsDelistings => DelistsNothing || catalog.Unidentified > 0;

    /// <summary>Whether a later place of the catalog replaces an earlier one with the same contentId.</summary>
    public bool Replaces(PlanState later, PlanState earlier)
    {
        var (next, known) = (later.VersionAsOf(snapshot.AsOf), earlier.VersionAsOf(snapshot.AsOf));
        return next.Kind == VersionKind.Number && known.Kind == VersionKind.Number
            ? next.Number >= known.Number
            : VersionOrder.Timed(next, now).ChangedAt >= VersionOrder.Timed(known, now).ChangedAt;
    }

    /// <summary>Whether a listed item whose version in the catalog is not valid is delisted for that.</summary>
    public bool DelistsRefused => request is { Scope: PlanScope.Mirror, DelistsRefused: true };

    /// <summary>Whether the ledger will accept a version of the catalog.</summary>
    public bool Wins(PlanState item, VersionOrder known) =>
        snapshot.OverridesNewer || known.Judge(item.VersionAsOf(snapshot.AsOf), null, now).Verdict == VersionVerdict.Newer;

    /// <summary>
    /// Whether the ledger must learn the version of an item whose content it has: a late update from in between must not win. The same holds
    /// for a rollback.
    /// </summary>
    public bool Teaches(PlanState item, LedgerPlanItem ledgerItem)
    {
        if (snapshot.OverridesNewer) return true;
        if (!item.HasVersion) return false;
        var (version, known) = (item.VersionAsOf(snapshot.AsOf), ledgerItem.Order);
        return version.Number > (known.HighestNumber ?? -1) || version.GivenTime > (known.LatestGivenTime ?? DateTimeOffset.MinValue);
    }

    /// <summary>Whether items that the catalog does not hold are delisted, unless they are newer than it.</summary>
    public bool DelistsAbsent => request.Scope == PlanScope.Mirror;

    /// <summary>Whether an item that the catalog does not hold is delisted.</summary>
    public bool Delists(LedgerPlanItem item) =>
        DelistsAbsent
        && (item.Flags & LedgerItemFlags.Listed) != 0
        && (snapshot.OverridesNewer
            || (item.AcceptedAt <= snapshot.AsOf
                && item.Order.Judge(new ChangeVersion(null, null, snapshot.AsOf), null, now).Verdict == VersionVerdict.Newer));

    /// <summary>How long an item that <see cref="Delists"/> has been absent, if it is not to be delisted yet; null if it is.</summary>
    public AbsentItem? Waiting(LedgerPlanItem item) => request.Grace.Waiting(item.Key, item.ContentId, now);

    /// <summary>
    /// Whether nothing is to be sent for an item whose content is the catalog's. An item that is out of attempts is sent again only with a
    /// newer version.
    /// </summary>
    public bool IsSettled(PlanState item, LedgerPlanItem ledgerItem) => request.Scope == PlanScope.Additions
        ? (ledgerItem.Flags & (LedgerItemFlags.Acknowledged | LedgerItemFlags.Tombstone)) != 0
        : (ledgerItem.Flags & LedgerItemFlags.Parked) == 0 || !Wins(item, ledgerItem.Order);
}
