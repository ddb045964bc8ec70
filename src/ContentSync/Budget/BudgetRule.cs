namespace ContentSync.Budget;

/// <summary>
/// Decides what a process gets when it renews its lease. A pure function: the same document and request always give the same plan. The
/// README.md beside this file says why no window exceeds the budget.
/// </summary>
/// <remarks>
/// The budget is divided into whole units of one request per second, because a process at a fractional rate may send one request more in some
/// windows, and many processes would add up. A budget below one per second is one unit. The holder of all units sends at the exact rate.
/// </remarks>
public static class BudgetRule
{
    /// <summary>Number of units of a budget.</summary>
    public static int Units(double perSecond) => Math.Max(1, (int)Math.Min(int.MaxValue, perSecond));

    /// <summary>Units that bulk sends may use together. A budget of one unit is not divided: single changes and bulk sends take turns.</summary>
    public static int BulkUnits(int units, double reservedShare) => units == 1 ? 0 : Math.Max(1, (int)(units * (1 - reservedShare)));

    /// <summary>The window in which no more than the budget leaves: one second, or the time for one request of a slower budget.</summary>
    public static TimeSpan Window(double perSecond) => TimeSpan.FromSeconds(1 / Math.Min(1, perSecond));

    /// <summary>Renews a lease.</summary>
    /// <param name="state">The document as read.</param>
    /// <param name="request">What the process wants, and its times.</param>
    public static BudgetPlan Renew(SharedSendState state, BudgetRequest request)
    {
        var perSecond = Math.Min(request.Ceiling, state.Rate ?? request.Ceiling);
        var units = Units(perSecond);
        var bulkUnits = BulkUnits(units, request.ReservedShare);
        if (bulkUnits == 0) request = request with { SingleWants = request.SingleWants + request.BulkWants, BulkWants = 0 };

        var mine = state.Holders.FirstOrDefault(holder => holder.Id == request.Id) ?? new BudgetHolder(request.Id, 0, 0, 0, 0, default);
        var expired = state.Holders.Where(holder => holder.Id != request.Id && request.StoreTime >= holder.Expires + SendBudget.MaxClockDifference);
        var others = state.Holders.Where(holder => holder.Id != request.Id).Except(expired).ToList();
        var free = units - others.Sum(other => other.Charge);

        // Single changes come first: bulk sends never take the reserved share, and single changes take what bulk sends leave over.
        var bulkDemand = Math.Min(bulkUnits, Math.Min(bulkUnits, request.BulkWants) + others.Sum(other => Math.Min(bulkUnits, other.BulkWants)));
        var single = Math.Clamp(
            Share(units - bulkDemand, request.SingleWants, mine.Single, mine, [.. others.Select(other => (other.SingleWants, other.Single, other))]),
            0,
            Math.Max(0, free));
        var bulk = Math.Clamp(
            Share(bulkUnits, request.BulkWants, mine.Bulk, mine, [.. others.Select(other => (other.BulkWants, other.Bulk, other))]),
            0,
            Math.Max(0, Math.Min(free - single, bulkUnits - others.Sum(other => other.Bulk))));

        var given = expired.Sum(holder => holder.Charge) + Math.Max(0, mine.Charge - single - bulk);
        var warm = state.Warm.Where(units => request.StoreTime < units.Until).ToList();
        var unused = free - mine.Charge - warm.Sum(units => units.Units) - expired.Sum(holder => holder.Charge);
        if (given > 0) warm.Add(new WarmUnits(given, request.Stamp + Window(perSecond) + SendBudget.MaxClockDifference));
        var takenWarm = Math.Max(0, single + bulk - mine.Charge - Math.Max(0, unused));
        var next = mine with
        {
            Single = single,
            Bulk = bulk,
            SingleWants = request.SingleWants,
            BulkWants = request.BulkWants,
            Expires = request.Expires,
            Waiting = request.Waiting,
            Vaults = request.Vaults,
        };
        return new BudgetPlan(
            state with
            {
                Holders = next.SingleWants + next.BulkWants == 0 ? others : [.. others, next],
                Warm = Without(warm, takenWarm),
            },
            single,
            bulk,
            perSecond,
            units - others.Sum(other => other.Charge) - single - bulk,
            IsWarm: takenWarm > 0);
    }

    /// <summary>
    /// Water filling: each process gets what it wants up to one level, and what whole units leave over goes to those that have it already. If
    /// there are more processes than units, a holder gives its unit up as soon as another has none.
    /// </summary>
    private static int Share(
        int limit, int wants, int held, BudgetHolder mine, IReadOnlyList<(int Wants, int Held, BudgetHolder Holder)> others)
    {
        if (wants == 0 || limit <= 0) return 0;
        var level = Level(limit, [wants, .. others.Select(other => other.Wants)]);
        if (wants <= level) return wants;
        var rest = limit - Math.Min(wants, level) - others.Sum(other => Math.Min(other.Wants, level));
        var above = others.Where(other => other.Wants > level).ToList();
        if (level == 0)
        {
            if (mine.Charge == 0) return 1;
            if (held > 0 && above.Exists(other => other.Holder.Charge == 0)) return 0;
        }

        var before = above.Count(other => other.Held > held || (other.Held == held && string.CompareOrdinal(other.Holder.Id, mine.Id) < 0));
        return level + (before < rest ? 1 : 0);
    }

    /// <summary>Who takes warm units holds them, so they are free no more. Those that rest longest stay.</summary>
    private static List<WarmUnits> Without(List<WarmUnits> warm, int taken)
    {
        var left = new List<WarmUnits>(warm.Count);
        foreach (var units in warm.OrderBy(units => units.Until))
        {
            if (units.Units > taken) left.Add(units with { Units = units.Units - taken });
            taken = Math.Max(0, taken - units.Units);
        }

        return left;
    }

    /// <summary>The highest level to which all wants can be met.</summary>
    private static int Level(int limit, int[] wants)
    {
        Array.Sort(wants);
        var left = limit;
        for (var i = 0; i < wants.Length; i++)
        {
            var level = left / (wants.Length - i);
            if (wants[i] > level) return level;
            left -= wants[i];
        }

        return int.MaxValue;
    }
}

/// <param name="Id">The process.</param>
/// <param name="Ceiling">The configured budget of all processes together: requests per second.</param>
/// <param name="ReservedShare">The share that bulk sends leave to single changes, 0 to less than 1.</param>
/// <param name="SingleWants">Units for single changes.</param>
/// <param name="BulkWants">Units for bulk sends; both 0 to give the lease back.</param>
/// <param name="StoreTime">The store's time of the read: what may be too early, but never too late.</param>
/// <param name="Stamp">The store's time now: what may be too late, but never too early.</param>
/// <param name="Expires">The new end of the lease.</param>
/// <param name="Waiting">The process's callers that wait for their turn; for display.</param>
/// <param name="Vaults">The vaults as the process finds them; for display.</param>
public sealed record BudgetRequest(
    string Id,
    double Ceiling,
    double ReservedShare,
    int SingleWants,
    int BulkWants,
    DateTimeOffset StoreTime,
    DateTimeOffset Stamp,
    DateTimeOffset Expires,
    int Waiting = 0,
    IReadOnlyList<VaultUse>? Vaults = null);

/// <param name="State">The document to write.</param>
/// <param name="Single">The process's units for single changes.</param>
/// <param name="Bulk">Its units for bulk sends.</param>
/// <param name="PerSecond">The budget in force.</param>
/// <param name="Free">Units that no process has.</param>
/// <param name="IsWarm">Some units were in use lately: use more than before only one window after the write is confirmed.</param>
public sealed record BudgetPlan(SharedSendState State, int Single, int Bulk, double PerSecond, int Free, bool IsWarm);
