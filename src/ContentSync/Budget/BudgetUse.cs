namespace ContentSync.Budget;

/// <summary>The states of a vault, as texts.</summary>
public static class VaultStates
{
    /// <summary>It signs at its full rate.</summary>
    public const string Ok = "ok";

    /// <summary>It throttled calls lately, so its rate is lowered.</summary>
    public const string Throttled = "throttled";

    /// <summary>None of its keys works.</summary>
    public const string Down = "down";

    /// <summary>The state as one process found it.</summary>
    public static string State(this VaultUse vault) => vault.PerSecond <= 0 ? Down : vault.IsThrottled ? Throttled : Ok;
}

/// <summary>How much of the budget is in use, by all processes together.</summary>
/// <param name="Processes">Processes that hold a part of it, or want one.</param>
/// <param name="Leased">Units that they hold.</param>
/// <param name="Wanted">Units that they could use.</param>
/// <param name="Waiting">Callers that waited for their turn when each process renewed its lease, at most about ten seconds ago.</param>
public readonly record struct BudgetUse(int Processes, int Leased, int Wanted, int Waiting)
{
    /// <summary>Adds up the leases that have not expired.</summary>
    /// <param name="state">The document.</param>
    /// <param name="storeTime">The store's time.</param>
    public static BudgetUse Of(SharedSendState state, DateTimeOffset storeTime)
    {
        var holders = state.Holders.Where(holder => storeTime < holder.Expires).ToList();
        return new BudgetUse(
            holders.Count,
            holders.Sum(holder => holder.Charge),
            holders.Sum(holder => holder.SingleWants + holder.BulkWants),
            holders.Sum(holder => holder.Waiting));
    }
}
