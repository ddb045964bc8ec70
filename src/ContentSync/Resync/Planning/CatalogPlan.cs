using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Diagnostics;

namespace ContentSync.Resync.Planning;

/// <summary>The differences between a catalog and the ledger: which of the catalog's lines to send, and which items to send beside them.</summary>
public sealed class CatalogPlan : IDisposable
{
    private readonly ulong[] _selected;
    private readonly MemoryStream _named = new();

    private CatalogPlan(long items) => _selected = new ulong[(items + 63) / 64];

    public PlanCounts Counts { get; private set; } = new();

    /// <summary>The first of the invalid items.</summary>
    public IReadOnlyList<CatalogEntry> Issues { get; private set; } = [];

    /// <summary>How many lines of the catalog to send.</summary>
    public long Selected { get; private set; }

    /// <summary>Whether to send the item with this ordinal in the catalog, from 0.</summary>
    public bool IsSelected(long ordinal) => ordinal / 64 < _selected.Length && (_selected[ordinal / 64] & (1UL << (int)(ordinal % 64))) != 0;

    /// <summary>
    /// The contentIds of items to send that are not lines of the catalog: items that the catalog no longer holds or, if the ledger is the
    /// source, items to send again.
    /// </summary>
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

    /// <summary>Writes what a run needs of the plan; counts and issues are not included.</summary>
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
    /// <exception cref="IOException">A newer version of this program wrote the plan.</exception>
    /// <exception cref="EndOfStreamException">The plan is truncated.</exception>
    public static async Task<CatalogPlan> LoadAsync(Stream source, CancellationToken cancellationToken)
    {
        var head = new byte[2 * sizeof(long)];
        await source.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        var words = BinaryPrimitives.ReadInt64LittleEndian(head);

        // Later formats start with their version as a negative number, which no number of words is.
        if (words < 0) throw new IOException(StoredFormat.Fault("The stored plan", (int)Math.Max(-words, StoredFormat.Current + 1)));
        var plan = new CatalogPlan(words * 64);
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
/// The size of a plan. New, Changed and Unchanged count items; Repeated counts the further lines with a contentId that the catalog holds
/// already. Together with Invalid they add up to Items.
/// </summary>
public sealed record PlanCounts
{
    /// <summary>Lines or elements of the catalog.</summary>
    public long Items { get; init; }

    /// <summary>Invalid items; neither sent nor delisted.</summary>
    public long Invalid { get; init; }

    /// <summary>Further lines with a contentId that an earlier line has.</summary>
    public long Repeated { get; init; }

    /// <summary>Items that the ledger does not hold.</summary>
    public long New { get; init; }

    /// <summary>Items whose version in the ledger differs, or was parked after its last attempt.</summary>
    public long Changed { get; init; }

    /// <summary>Items whose version the ledger already holds; not sent.</summary>
    public long Unchanged { get; init; }

    /// <summary>Items listed in the ledger and absent from the catalog; sent with contentStatus 0.</summary>
    public long Vanished { get; init; }

    /// <summary>Items that are listed in the ledger.</summary>
    public long Listed { get; init; }

    /// <summary>Listed items that would be delisted: those absent from the catalog, and those that the catalog itself delists.</summary>
    public long Delisting { get; init; }

    /// <summary>Items that are not delisted because more than a tenth of a mapped catalog is invalid.</summary>
    public long Withheld { get; init; }
}
