using System.Runtime.InteropServices;

namespace ContentSync.Resync.Planning;

/// <summary>One side of a comparison: the segments that hold it, in order.</summary>
internal sealed class PlanSegments
{
    private readonly IPlanFiles _files;
    private readonly string _plan;
    private readonly IReadOnlyList<PlanSegmentHead> _heads;

    private PlanSegments(IPlanFiles files, string plan, IReadOnlyList<PlanSegmentHead> heads) => (_files, _plan, _heads) = (files, plan, heads);

    /// <summary>Whether the catalog is a JSON array.</summary>
    public bool IsArray => _heads is [.., var last] && last.End.IsArray;

    /// <summary>Size of all remarks.</summary>
    public long RemarksLength => _heads.Sum(head => (long)head.Remarks.Length);

    public static async ValueTask<PlanSegments> OpenAsync(
        IPlanFiles files, string plan, IEnumerable<string> names, CancellationToken cancellationToken)
    {
        var heads = new List<PlanSegmentHead>();
        foreach (var name in names) heads.Add(await PlanSegmentHead.ReadAsync(files, plan, name, cancellationToken).ConfigureAwait(false));
        return new PlanSegments(files, plan, heads);
    }

    /// <summary>Size of a partition's entries.</summary>
    public long Bytes(int partition) => _heads.Sum(head => (long)head.Entries(partition).Length);

    /// <summary>Reads the entries of a partition.</summary>
    /// <param name="partition">From 0.</param>
    /// <param name="buffer">Reused, and replaced by a larger one if necessary.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <returns>The buffer, and the length of the entries in it.</returns>
    public async ValueTask<(byte[] Buffer, int Length)> ReadEntriesAsync(int partition, byte[] buffer, CancellationToken cancellationToken)
    {
        var bytes = checked((int)Bytes(partition));
        if (buffer.Length < bytes) buffer = new byte[bytes + (bytes / 8)];
        var at = 0;
        foreach (var head in _heads)
        {
            await ReadAsync(head, head.Entries(partition), buffer.AsMemory(at), cancellationToken).ConfigureAwait(false);
            at += head.Entries(partition).Length;
        }

        return (buffer, at);
    }

    /// <summary>Reads where the items of a partition stand.</summary>
    /// <param name="partition">From 0.</param>
    /// <param name="entries">Its items.</param>
    /// <param name="read">Receives the places in order, with their indexes in the partition.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public async ValueTask ReadPlacesAsync(
        int partition, ReadOnlyMemory<byte> entries, PlanPlaces.PlaceReader read, CancellationToken cancellationToken)
    {
        var first = 0;
        foreach (var head in _heads)
        {
            var places = new byte[head.Places(partition).Length];
            await ReadAsync(head, head.Places(partition), places, cancellationToken).ConfigureAwait(false);
            var length = head.Entries(partition).Length;
            var offset = first;
            PlanPlaces.Read(
                places,
                MemoryMarshal.Cast<byte, PlanItem>(entries.Span.Slice(first * PlanItem.Size, length)),
                (index, line, contentId) => read(offset + index, line, contentId));
            first += length / PlanItem.Size;
        }
    }

    /// <summary>Opens the remarks of each segment that has some.</summary>
    public IEnumerable<Stream> OpenRemarks(int bufferSize) => _heads
        .Where(head => head.Remarks.Length > 0)
        .Select(head => new PlanFileStream(_files, _plan, head.Name, head.Remarks.Offset, head.Remarks.Length, bufferSize));

    private async ValueTask ReadAsync(PlanSegmentHead head, PlanSegmentPart part, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        if (part.Length == 0) return;
        var read = await _files.ReadAsync(_plan, head.Name, part.Offset, buffer[..part.Length], cancellationToken).ConfigureAwait(false);
        if (read < part.Length) throw new PlanStorageException($"The file {head.Name} of the plan is truncated.");
    }
}
