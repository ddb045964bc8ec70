using System.Buffers.Binary;
using System.Globalization;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Entries of up to <see cref="MaxItems"/> items, by partition, in memory until they are written as one file. Reusable; not thread-safe.
/// Its content does not depend on how often a plan was interrupted.
/// </summary>
internal sealed class PlanSegment
{
    /// <summary>About 24 MiB of entries, whatever the size of the catalog.</summary>
    public const int MaxItems = 512 * 1024;

    private readonly GrowingBytes[] _entries = Parts();
    private readonly GrowingBytes[] _places = Parts();
    private readonly GrowingBytes _remarks = new();

    /// <summary>Number of items; a segment that has reached <see cref="MaxItems"/> should be written.</summary>
    public int Items { get; private set; }

    /// <summary>Number of invalid items; some of them are among <see cref="Items"/>, so that they are not delisted.</summary>
    public int Invalid { get; private set; }

    /// <summary>Number of invalid items whose contentId cannot be read.</summary>
    public int Unidentified { get; private set; }

    /// <summary>The name of a segment's file.</summary>
    public static string Name(string prefix, int number) => string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number:d5}");

    /// <summary>The names of the first segments.</summary>
    public static IEnumerable<string> Names(string prefix, int count) => Enumerable.Range(0, count).Select(number => Name(prefix, number));

    /// <param name="partition">From 0.</param>
    /// <param name="entry">The item.</param>
    /// <param name="place">Where it stands; empty for an item of the ledger.</param>
    public void Add(int partition, ReadOnlySpan<byte> entry, ReadOnlySpan<byte> place)
    {
        _entries[partition].Append(entry);
        _places[partition].Append(place);
        Items++;
    }

    /// <summary>Adds what is wrong with an item.</summary>
    public void AddInvalid(PlanRemark remark, bool isUnidentified)
    {
        _remarks.Append(remark.ToBytes());
        Invalid++;
        if (isUnidentified) Unidentified++;
    }

    public void Clear()
    {
        foreach (var part in _entries) part.Clear();
        foreach (var part in _places) part.Clear();
        _remarks.Clear();
        (Items, Invalid, Unidentified) = (0, 0, 0);
    }

    /// <summary>The bytes of the file.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ContentAsync(PlanSegmentEnd end)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        var head = new byte[PlanSegmentHead.Size];
        PlanSegmentHead.Write(head, this, end);
        yield return head;
        foreach (var part in _entries) yield return part.Written;
        foreach (var part in _places) yield return part.Written;
        yield return _remarks.Written;
    }

    /// <summary>The lengths of the parts, in the order of the file.</summary>
    public IEnumerable<int> Lengths() => _entries.Concat(_places).Append(_remarks).Select(part => part.Written.Length);

    private static GrowingBytes[] Parts() => [.. Enumerable.Range(0, PlanPartitioning.Partitions).Select(_ => new GrowingBytes())];
}

/// <summary>Where the reading of a catalog stands at the end of a segment.</summary>
/// <param name="NextOrdinal">The ordinal of the next item, from 0: the number of items so far.</param>
/// <param name="Line">The line of the last item.</param>
/// <param name="IsArray">The catalog is a JSON array.</param>
/// <param name="EndsInsideItem">The last item is not complete JSON; if nothing follows it, the catalog is truncated.</param>
internal readonly record struct PlanSegmentEnd(long NextOrdinal, long Line, bool IsArray, bool EndsInsideItem);

/// <summary>The start of a segment's file: where the parts are.</summary>
internal sealed class PlanSegmentHead
{
    public const int Size = (Numbers * sizeof(long)) + (Parts * sizeof(int));

    private const int Numbers = 5;
    private const int Parts = (PlanPartitioning.Partitions * 2) + 1;

    private readonly PlanSegmentPart[] _parts = new PlanSegmentPart[Parts];

    private PlanSegmentHead(string name) => Name = name;

    /// <summary>The name of the file.</summary>
    public string Name { get; }

    public PlanSegmentEnd End { get; private init; }

    public long Invalid { get; private init; }

    public long Unidentified { get; private init; }

    public PlanSegmentPart Remarks => _parts[^1];

    public PlanSegmentPart Entries(int partition) => _parts[partition];

    public PlanSegmentPart Places(int partition) => _parts[PlanPartitioning.Partitions + partition];

    public static void Write(Span<byte> head, PlanSegment segment, PlanSegmentEnd end)
    {
        long[] numbers = [end.NextOrdinal, end.Line, (end.IsArray ? 1 : 0) | (end.EndsInsideItem ? 2 : 0), segment.Invalid, segment.Unidentified];
        foreach (var number in numbers)
        {
            BinaryPrimitives.WriteInt64LittleEndian(head, number);
            head = head[sizeof(long)..];
        }

        foreach (var length in segment.Lengths())
        {
            BinaryPrimitives.WriteInt32LittleEndian(head, length);
            head = head[sizeof(int)..];
        }
    }

    public static async ValueTask<PlanSegmentHead> ReadAsync(IPlanFiles files, string plan, string name, CancellationToken cancellationToken)
    {
        var bytes = new byte[Size];
        if (await files.ReadAsync(plan, name, 0, bytes, cancellationToken).ConfigureAwait(false) < Size)
            throw new PlanStorageException($"The file {name} of the plan is truncated.");
        var numbers = Enumerable.Range(0, Numbers).Select(i => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(i * sizeof(long)))).ToArray();
        var head = new PlanSegmentHead(name)
        {
            End = new PlanSegmentEnd(numbers[0], numbers[1], (numbers[2] & 1) != 0, (numbers[2] & 2) != 0),
            Invalid = numbers[3],
            Unidentified = numbers[4],
        };
        long offset = Size;
        for (var i = 0; i < Parts; i++)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan((Numbers * sizeof(long)) + (i * sizeof(int))));
            head._parts[i] = new PlanSegmentPart(offset, length);
            offset += length;
        }

        return head;
    }
}

/// <summary>A part of a segment's file.</summary>
internal readonly record struct PlanSegmentPart(long Offset, int Length);

/// <summary>Bytes that are appended to; clearing them keeps the memory.</summary>
internal sealed class GrowingBytes
{
    private byte[] _bytes = [];
    private int _length;

    public ReadOnlyMemory<byte> Written => _bytes.AsMemory(0, _length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > _bytes.Length - _length) Array.Resize(ref _bytes, Math.Max(_length + bytes.Length, Math.Max(256, _bytes.Length * 2)));
        bytes.CopyTo(_bytes.AsSpan(_length));
        _length += bytes.Length;
    }

    public void Clear() => _length = 0;
}
