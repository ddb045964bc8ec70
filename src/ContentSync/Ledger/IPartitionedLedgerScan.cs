namespace ContentSync.Ledger;

/// <summary>A ledger whose records are stored in partitions that can be scanned one by one.</summary>
public interface IPartitionedLedgerScan : ILedgerScan
{
    /// <summary>The number of partitions.</summary>
    const int Partitions = 256;

    /// <summary>The partition that holds an item, from 0.</summary>
    byte PartitionOf(ReadOnlySpan<char> contentId);

    /// <summary>Streams every item of a partition once, in no particular order; see <see cref="ILedgerScan.ReadAsync"/>.</summary>
    /// <exception cref="LedgerUnavailableException">The store cannot be read.</exception>
    IAsyncEnumerable<ScannedItem> ReadPartitionAsync(int partition, CancellationToken cancellationToken);
}
