using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using ContentSync.Catalog;

namespace ContentSync.Resync.Planning;

/// <summary>What differs between a catalog and the ledger: which of its lines are to be sent, and which contents beside them.</summary>
public sealed class CatalogPlan : IDisposable
{
    private readonly ulong[] _selected;
    private readonly MemoryStream _named = new();

    private CatalogPlan(long items) => _selected = new ulong[(items + 63) / 64];

    public PlanCounts Counts { get; private set; } = new();

    /// <summary>The first of the items that are unsound.</summary>
    public IReadOnlyList<CatalogEntry> Issues { get; private set; } = [];

    /// <summary>Lines of the catalog that are to be sent.</summary>
    public long Selected { get; private set; }

    /// <summary>Whether the item at this place of the catalog, from 0, is to be sent.</summary>
    public bool IsSelected(long ordinal) => ordinal / 64 < _selected.Length && (_selected[ordinal / 64] & (1UL << (int)(ordinal % 64))) != 0;

    /// <summary>Contents that it names by their ids, beside the lines: those that the catalog no longer holds; or, where the ledger is the source, those to be sent again.</summary>
    public IEnumerable<string> Named()
    {
        var at = 0;
        var bytes = _named.GetBuffer().AsMemory(0, (int)_named.Length);
        while (at < bytes.Length)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[at..]);
            yield return Encoding.UTF8.GetString(bytes.Span.Slice(at + sizeof(ushort), length));
            at += sizeof(ushort) + length;
        }
    }

    /// <summary>Writes what a run needs of it; the issues are not part of that.</summary>
    public async Task SaveAsync(Stream destination, CancellationToken cancellationToken)
    {
        var head = new byte[2 * sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(head, _selected.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(sizeof(long)), _named.Length);
        await destination.WriteAsync(head, cancellationToken).ConfigureAwait(false);
        await destination.WriteAsync(MemoryMarshal.AsBytes(_selected.AsSpan()).ToArray(), cancellationToken).ConfigureAwait(false);
        await destination.WriteAsync(_named.GetBuffer().AsMemory(0, (int)_named.Length), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads what <see cref="SaveAsync"/> wrote.</summary>
    /// <exception cref="EndOfStreamException">It is not whole.</exception>
    public static async Task<CatalogPlan> LoadAsync(Stream source, CancellationToken cancellationToken)
    {
        var head = new byte[2 * sizeof(long)];
        await source.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        var plan = new CatalogPlan(BinaryPrimitives.ReadInt64LittleEndian(head) * 64);
        var selected = new byte[plan._selected.Length * sizeof(ulong)];
        var named = new byte[BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(sizeof(long)))];
        await source.ReadExactlyAsync(selected, cancellationToken).ConfigureAwait(false);
        await source.ReadExactlyAsync(named, cancellationToken).ConfigureAwait(false);
        selected.CopyTo(MemoryMarshal.AsBytes(plan._selected.AsSpan()));
        plan._named.Write(named);
        plan.Seal(new PlanCounts(), []);
        return plan;
    }

    public void Dispose() => _named.Dispose();

    internal static CatalogPlan Create(long items) => new(items);

    internal void Select(long ordinal) => _selected[ordinal / 64] |= 1UL << (int)(ordinal % 64);

    internal void AddNamed(ReadOnlySpan<byte> contentId)
    {
        Span<byte> length = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)contentId.Length);
        _named.Write(length);
        _named.Write(contentId);
    }

    internal void Seal(PlanCounts counts, IReadOnlyList<CatalogEntry> issues)
    {
        Counts = counts;
        Issues = issues;
        Selected = _selected.Sum(bits => (long)BitOperations.PopCount(bits));
    }
}

/// <summary>
/// A plan in figures. New, Changed and Unchanged count contents, Repeated the further lines that a content has in the catalog;
/// with Invalid they add up to Items.
/// </summary>
public sealed record PlanCounts
{
    /// <summary>Lines or elements of the catalog.</summary>
    public long Items { get; init; }

    /// <summary>Unsound items; left alone.</summary>
    public long Invalid { get; init; }

    /// <summary>Further lines of a content that the catalog holds already.</summary>
    public long Repeated { get; init; }

    /// <summary>The ledger does not hold it.</summary>
    public long New { get; init; }

    /// <summary>The ledger holds something else, or gave this very content up after every retry.</summary>
    public long Changed { get; init; }

    /// <summary>The ledger holds this very content; nothing is done.</summary>
    public long Unchanged { get; init; }

    /// <summary>Listed in the ledger and no longer in the catalog; to be sent with contentStatus 0.</summary>
    public long Vanished { get; init; }

    /// <summary>Contents that the ledger holds as listed.</summary>
    public long Listed { get; init; }

    /// <summary>Contents that are listed and would be delisted: the vanished, and those that the catalog delists itself.</summary>
    public long Delisting { get; init; }
}
