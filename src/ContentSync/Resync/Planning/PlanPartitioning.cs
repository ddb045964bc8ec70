using System.Text;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>Assigns each contentId to the partition in which catalog and ledger are compared.</summary>
/// <param name="ledger">Decides, if its own partitions can be read one by one.</param>
internal sealed class PlanPartitioning(ILedgerScan ledger)
{
    /// <summary>With 100 million items, a partition of the catalog is about 15 MiB.</summary>
    public const int Partitions = IPartitionedLedgerScan.Partitions;

    private const int ShortId = 256;

    private readonly IPartitionedLedgerScan? _partitioned = ledger as IPartitionedLedgerScan;

    public byte Of(PlanKey key, ReadOnlySpan<byte> contentId)
    {
        if (_partitioned is null) return (byte)(key.Mixed % Partitions);
        Span<char> units = stackalloc char[ShortId];
        if (contentId.Length > ShortId) return _partitioned.PartitionOf(Encoding.UTF8.GetString(contentId));
        return _partitioned.PartitionOf(units[..Encoding.UTF8.GetChars(contentId, units)]);
    }

    public byte Of(PlanKey key, string contentId) => _partitioned is null ? (byte)(key.Mixed % Partitions) : _partitioned.PartitionOf(contentId);
}
