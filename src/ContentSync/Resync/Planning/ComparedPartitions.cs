using System.Buffers.Binary;
using System.Text.Json;

namespace ContentSync.Resync.Planning;

/// <summary>The outcome of comparing one partition.</summary>
internal sealed class ComparedPartition
{
    /// <summary>Items of the catalog.</summary>
    public long Items { get; init; }

    public long Repeated { get; set; }

    public long New { get; set; }

    public long Unknown { get; set; }

    public long Changed { get; set; }

    public long Newer { get; set; }

    public long Unchanged { get; set; }

    public long Parked { get; set; }

    public long Pending { get; set; }

    public long Vanished { get; private set; }

    public long Withheld { get; set; }

    public long Absent { get; set; }

    public long AbsentNewer { get; set; }

    public long Listed { get; set; }

    public long Delisting { get; set; }

    public long DuplicatesSame { get; set; }

    public long DuplicatesDiffering { get; set; }

    public long SelectedCount { get; private set; }

    /// <summary>The distances between the selected ordinals.</summary>
    public GrowingBytes Selected { get; } = new();

    /// <summary>The contentIds to delist, each after its length in two bytes.</summary>
    public GrowingBytes Named { get; } = new();

    public List<PlanRemark> Remarks { get; } = [];

    public PlanCounts Counts() => new()
    {
        Repeated = Repeated,
        New = New,
        Unknown = Unknown,
        Changed = Changed,
        Newer = Newer,
        Unchanged = Unchanged,
        Parked = Parked,
        Pending = Pending,
        Vanished = Vanished,
        Withheld = Withheld,
        Absent = Absent,
        AbsentNewer = AbsentNewer,
        Listed = Listed,
        Delisting = Delisting,
        DuplicatesSame = DuplicatesSame,
        DuplicatesDiffering = DuplicatesDiffering,
    };

    public void Select(long distance)
    {
        SelectedCount++;
        PlanNumber.Append(Selected, distance);
    }

    public void Delist(ReadOnlySpan<byte> contentId, bool isWithheld)
    {
        if (isWithheld)
        {
            Withheld++;
            return;
        }

        Vanished++;
        Delisting++;
        Span<byte> length = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)contentId.Length);
        Named.Append(length);
        Named.Append(contentId);
    }
}

/// <summary>The outcomes of consecutive partitions, written together: a plan continues after the last file of them.</summary>
/// <param name="from">The first partition.</param>
internal sealed class ComparedPartitions(int from)
{
    private const string Prefix = "compared-";

    // A file of this size, or after this many items, limits what a kill costs and what is in memory.
    private const int MaxBytes = 8 * 1024 * 1024;
    private const long MaxItems = 1_000_000;

    private readonly GrowingBytes _selected = new();
    private readonly GrowingBytes _named = new();
    private readonly List<PlanRemark> _remarks = [];
    private PlanCounts _counts = new();
    private int _partitions;
    private long _items;
    private long _remarkBytes;

    /// <summary>The partition after the last one.</summary>
    public int To => from + _partitions;

    /// <summary>Whether it should be written before more is added.</summary>
    public bool IsFull => _items >= MaxItems || _selected.Written.Length + _named.Written.Length + _remarkBytes >= MaxBytes;

    /// <summary>The name of its file.</summary>
    public string Name => $"{Prefix}{from:d3}-{To:d3}";

    public void Add(ComparedPartition partition)
    {
        _partitions++;
        _items += partition.Items + partition.Listed;
        _counts += partition.Counts();
        PlanNumber.Append(_selected, partition.SelectedCount);
        _selected.Append(partition.Selected.Written.Span);
        _named.Append(partition.Named.Written.Span);
        _remarks.AddRange(partition.Remarks);
        _remarkBytes += partition.Remarks.Sum(remark => (long)remark.Size);
    }

    /// <summary>The bytes of the file.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ContentAsync()
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var counts = JsonSerializer.SerializeToUtf8Bytes(_counts, PlanJson.Default.PlanCounts);
        var head = new byte[ComparedFile.HeadSize];
        BinaryPrimitives.WriteInt64LittleEndian(head, counts.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(sizeof(long)), _selected.Written.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(2 * sizeof(long)), _named.Written.Length);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(3 * sizeof(long)), _remarkBytes);
        yield return head;
        yield return counts;
        yield return _selected.Written;
        yield return _named.Written;
        foreach (var remark in _remarks.OrderBy(remark => remark.Ordinal)) yield return remark.ToBytes();
    }

    /// <summary>
    /// The files that together hold the outcomes of the partitions from 0 on. Two processes that continued the same plan may have written
    /// overlapping ones.
    /// </summary>
    /// <returns>Their names, and the partition after the last one.</returns>
    public static (IReadOnlyList<string> Names, int To) Chain(IEnumerable<string> names)
    {
        var files = names
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => (Name: name, From: Number(name[Prefix.Length..][..3]), To: Number(name[^3..])))
            .ToLookup(file => file.From);
        var chain = new List<string>();
        var at = 0;
        while (files[at].OrderByDescending(file => file.To).FirstOrDefault() is { Name: { } name, To: var to })
        {
            chain.Add(name);
            at = to;
        }

        return (chain, at);
    }

    private static int Number(string digits) => int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>A file that <see cref="ComparedPartitions"/> wrote.</summary>
internal sealed class ComparedFile
{
    public const int HeadSize = 4 * sizeof(long);

    private readonly IPlanFiles _files;
    private readonly string _plan;
    private readonly string _name;
    private readonly long _start;
    private readonly long _selectedLength;

    private ComparedFile(IPlanFiles files, string plan, string name, byte[] head)
    {
        (_files, _plan, _name) = (files, plan, name);
        _start = HeadSize + BinaryPrimitives.ReadInt64LittleEndian(head);
        _selectedLength = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(sizeof(long)));
        NamedLength = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(2 * sizeof(long)));
        RemarksLength = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(3 * sizeof(long)));
    }

    public PlanCounts Counts { get; private init; } = new();

    public long NamedLength { get; }

    public long RemarksLength { get; }

    public static async ValueTask<ComparedFile> ReadAsync(IPlanFiles files, string plan, string name, CancellationToken cancellationToken)
    {
        var head = new byte[HeadSize];
        if (await files.ReadAsync(plan, name, 0, head, cancellationToken).ConfigureAwait(false) < HeadSize)
            throw new PlanStorageException($"The file {name} of the plan is truncated.");
        var counts = new byte[BinaryPrimitives.ReadInt64LittleEndian(head)];
        await files.ReadAsync(plan, name, HeadSize, counts, cancellationToken).ConfigureAwait(false);
        return new ComparedFile(files, plan, name, head) { Counts = JsonSerializer.Deserialize(counts, PlanJson.Default.PlanCounts)! };
    }

    /// <summary>Calls <paramref name="select"/> for each selected ordinal.</summary>
    public async ValueTask ReadSelectedAsync(Action<long> select, CancellationToken cancellationToken)
    {
        // At most MaxBytes and one partition, which is a few bytes per item.
        var bytes = new byte[_selectedLength];
        await _files.ReadAsync(_plan, _name, _start, bytes, cancellationToken).ConfigureAwait(false);
        Decode(bytes, select);
    }

    public Stream OpenNamed(int bufferSize) => new PlanFileStream(_files, _plan, _name, _start + _selectedLength, NamedLength, bufferSize);

    public Stream OpenRemarks(int bufferSize) =>
        new PlanFileStream(_files, _plan, _name, _start + _selectedLength + NamedLength, RemarksLength, bufferSize);

    private static void Decode(ReadOnlySpan<byte> bytes, Action<long> select)
    {
        while (!bytes.IsEmpty)
        {
            var count = PlanNumber.Read(ref bytes);
            var ordinal = 0L;
            for (; count > 0; count--)
            {
                ordinal += PlanNumber.Read(ref bytes);
                select(ordinal);
            }
        }
    }
}
