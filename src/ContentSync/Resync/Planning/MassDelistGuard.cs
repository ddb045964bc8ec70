using System.Globalization;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Stops a run that would delist more than anyone intended: a truncated export or an empty feed looks like a catalog from which
/// everything was removed. A pure function.
/// </summary>
public static class MassDelistGuard
{
    /// <param name="options">The allowed shares.</param>
    /// <param name="plan">What the run would do.</param>
    /// <param name="itemsBefore">Items of the largest catalog of this source that was sent lately; null if there is none.</param>
    /// <param name="listedBefore">The largest number of items that were listed lately; 0 if unknown.</param>
    /// <param name="allowedShare">An operator's override of both shares, 0 to 1; null for none.</param>
    /// <returns>Why the run must not continue; null if it may.</returns>
    public static GuardRefusal? Check(ResyncOptions options, PlanCounts plan, long? itemsBefore, long listedBefore, double? allowedShare)
    {
        var listed = Math.Max(plan.Listed, listedBefore);
        var gone = listed - plan.Listed + plan.Delisting;
        var delistShare = plan.Delisting > 0 ? Share(gone, listed) : 0;
        if (delistShare > Math.Max(options.MaxDelistShare, allowedShare ?? 0))
        {
            var limit = string.Create(CultureInfo.InvariantCulture, $"({delistShare:P1}); {options.MaxDelistShare:P0} are allowed.");
            var delisting = Wording.Count(plan.Delisting, "item");
            return listed == plan.Listed
                ? Refuse(delistShare, $"It would delist {plan.Delisting:N0} of {listed:N0} listed items {limit}")
                : Refuse(
                    delistShare,
                    $"It would delist {delisting}, and then {gone:N0} of {listed:N0} listed lately would be gone {limit}");
        }

        var shrinkShare = itemsBefore is { } before ? Share(before - plan.Items, before) : 0;
        if (shrinkShare > Math.Max(options.MaxShrinkShare, allowedShare ?? 0))
        {
            return Refuse(
                shrinkShare,
                $"The catalog shrank from {itemsBefore:N0} to {plan.Items:N0} items ({shrinkShare:P1}); {options.MaxShrinkShare:P0} are allowed.");
        }

        return null;
    }

    private static double Share(long part, long whole) => whole <= 0 ? 0 : (double)part / whole;

    private static GuardRefusal Refuse(double share, FormattableString reason)
    {
        var advice = string.Create(CultureInfo.InvariantCulture, $"If this is intended, allow a share of {Math.Ceiling(share * 100) / 100:0.00}.");
        return new GuardRefusal(share, $"{reason.ToString(CultureInfo.InvariantCulture)} Nothing was sent. {advice}");
    }
}

/// <summary>Why the guard stopped a run.</summary>
/// <param name="Share">The share that an override has to allow.</param>
/// <param name="Reason">One or two sentences for the operator.</param>
public sealed record GuardRefusal(double Share, string Reason);
