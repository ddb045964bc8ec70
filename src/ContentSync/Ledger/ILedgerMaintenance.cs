namespace ContentSync.Ledger;

/// <summary>What a ledger does from time to time: it forgets what it need not keep any longer.</summary>
public interface ILedgerMaintenance
{
    /// <summary>Does what is due, in steps. Any number of processes may call it.</summary>
    /// <param name="budget">Time after which no further step is begun.</param>
    /// <param name="cancellationToken">Stops; the next run continues.</param>
    /// <exception cref="LedgerUnavailableException">The store cannot be used.</exception>
    Task<MaintenanceResult> RunAsync(TimeSpan budget, CancellationToken cancellationToken);
}

/// <summary>What a run of <see cref="ILedgerMaintenance"/> did.</summary>
public sealed record MaintenanceResult
{
    /// <summary>Records that were read.</summary>
    public long Scanned { get; init; }

    /// <summary>Records whose index row was missing, wrong or left over.</summary>
    public long Repaired { get; init; }

    /// <summary>Delisted items that were forgotten.</summary>
    public long Forgotten { get; init; }

    /// <summary>Records whose history was shortened.</summary>
    public long Trimmed { get; init; }

    /// <summary>Whether the time ran out before the end; the next run continues.</summary>
    public bool HasMore { get; init; }

    /// <summary>Both results together.</summary>
    public MaintenanceResult Plus(MaintenanceResult other) => new()
    {
        Scanned = Scanned + other.Scanned,
        Repaired = Repaired + other.Repaired,
        Forgotten = Forgotten + other.Forgotten,
        Trimmed = Trimmed + other.Trimmed,
        HasMore = HasMore || other.HasMore,
    };
}
