namespace ContentSync.Ledger;

/// <summary>Takes records that another ledger exported.</summary>
public interface ILedgerImport
{
    /// <summary>
    /// Takes the records by the rules of <see cref="SyncTransitions.Import"/>. Taking the same ones again changes nothing.
    /// </summary>
    /// <param name="records">Each contentId once.</param>
    /// <param name="cancellationToken">Ends the wait; some of the records may have been taken.</param>
    /// <exception cref="LedgerUnavailableException">The write failed; importing the records again is safe.</exception>
    /// <exception cref="BodyTooLargeException">A body does not fit; other records may have been taken.</exception>
    /// <exception cref="ArgumentException">A contentId does not fit into a key; nothing was taken.</exception>
    ValueTask<ImportCounts> ImportAsync(IReadOnlyList<SyncRecord> records, CancellationToken cancellationToken);

    /// <summary>Raises the horizon (<see cref="RetentionRules"/>) to that of the exported ledger, unless this one's is later.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be reached.</exception>
    ValueTask RaiseHorizonAsync(DateTimeOffset horizon, CancellationToken cancellationToken);
}

/// <summary>What an import did.</summary>
/// <param name="Imported">Records taken, in place of an older version or as new ones.</param>
/// <param name="Kept">Records left out, because the ledger holds the same version or a newer one.</param>
public readonly record struct ImportCounts(long Imported, long Kept)
{
    /// <summary>Both together.</summary>
    public ImportCounts Plus(ImportCounts other) => new(Imported + other.Imported, Kept + other.Kept);
}
