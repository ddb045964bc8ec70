using System.Globalization;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Stops a run that would take down more than anybody means to: an export that broke off or a feed that came empty looks just
/// like a catalog from which everything was removed. A pure function.
/// </summary>
public static class MassDelistGuard
{
    /// <param name="options">The shares allowed.</param>
    /// <param name="plan">What would be done.</param>
    /// <param name="itemsBefore">Items of the source's last handled snapshot; null where there is none.</param>
    /// <param name="allowedShare">A person's explicit override of both shares, 0 to 1; null for none.</param>
    /// <returns>Why the run must not go on; null where it may.</returns>
    public static GuardRefusal? Check(ResyncOptions options, PlanCounts plan, long? itemsBefore, double? allowedShare)
    {
        var delistShare = Share(plan.Delisting, plan.Listed);
        if (delistShare > Math.Max(options.MaxDelistShare, allowedShare ?? 0))
            return new GuardRefusal(delistShare, Text($"It would delist {plan.Delisting:N0} of {plan.Listed:N0} listed contents ({delistShare:P1}); {options.MaxDelistShare:P0} are allowed.", delistShare));
        var shrinkShare = itemsBefore is { } before ? Share(before - plan.Items, before) : 0;
        if (shrinkShare > Math.Max(options.MaxShrinkShare, allowedShare ?? 0))
            return new GuardRefusal(shrinkShare, Text($"The catalog shrank from {itemsBefore:N0} to {plan.Items:N0} items ({shrinkShare:P1}); {options.MaxShrinkShare:P0} are allowed.", shrinkShare));
        return null;
    }

    private static double Share(long part, long whole) => whole <= 0 ? 0 : (double)part / whole;

    private static string Text(FormattableString reason, double share) => string.Create(
        CultureInfo.InvariantCulture,
        $"{reason.ToString(CultureInfo.InvariantCulture)} Nothing was sent. If that is meant, allow a share of {Math.Ceiling(share * 100) / 100:0.00}.");
}

/// <summary>A run that the guard stopped.</summary>
/// <param name="Share">The share that an override would have to allow.</param>
/// <param name="Reason">A sentence or two for the person who decides.</param>
public sealed record GuardRefusal(double Share, string Reason);
