namespace ContentSync.Resync.Planning;

/// <summary>What a plan does with an item: the rules by which the run is accepted into the ledger.</summary>
/// <param name="scope">Whether items absent from the catalog are delisted.</param>
/// <param name="overridesNewer">The catalog wins, whatever is newer.</param>
/// <param name="writtenAt">When the catalog's items without a version of their own count as changed.</param>
/// <param name="withholdsDelistings">An item of the catalog could not be identified: any listed item may be the one.</param>
internal sealed class PlanRules(PlanScope scope, bool overridesNewer, DateTimeOffset writtenAt, bool withholdsDelistings)
{
    public bool WithholdsDelistings { get; } = withholdsDelistings;

    /// <summary>Whether a later place of the catalog replaces an earlier one with the same contentId.</summary>
    public bool Replaces(PlanState later, PlanState earlier) => later.RevisionAt(writtenAt).CompareTo(earlier.RevisionAt(writtenAt)) >= 0;

    /// <summary>Whether the ledger accepts a version of the catalog.</summary>
    public bool Wins(PlanState item, PlanState known) =>
        overridesNewer || item.RevisionAt(writtenAt).CompareTo(known.RevisionAt(writtenAt)) > 0;

    /// <summary>Whether an item that the catalog does not hold is delisted.</summary>
    public bool Delists(LedgerPlanItem item) =>
        scope == PlanScope.Mirror
        && (item.Flags & LedgerItemFlags.Listed) != 0
        && (overridesNewer || (item.Flags & LedgerItemFlags.Newer) == 0);

    /// <summary>Whether nothing is to be sent for an item whose content is the catalog's.</summary>
    public bool IsSettled(LedgerItemFlags flags) =>
        scope == PlanScope.Additions ? (flags & LedgerItemFlags.Acknowledged) != 0 : (flags & LedgerItemFlags.Parked) == 0;
}
