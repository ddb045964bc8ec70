using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace ContentSync.Resync.Planning;

/// <summary>Joins what was found about the partitions into the file of the plan. In memory is one bit per item, and one buffer per file.</summary>
internal sealed class PlanAssembly(PlanSegments catalog, IReadOnlyList<ComparedFile> compared, PlanCatalogEnd end, PlanScope scope)
{
    private const int BufferSize = 16 * 1024;

    private readonly PlanSummary _summary = new()
    {
        Counts = CountsOf(compared) with { Items = end.Items, Invalid = end.Invalid, Unidentified = end.Unidentified },
        ProvedCompleteness = end.IsProven,
    };

    /// <summary>The bytes of the file; see <see cref="CatalogPlan"/>.</summary>
    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ContentAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var selected = await SelectedAsync(cancellationToken).ConfigureAwait(false);
        yield return CatalogPlan.Head(selected.Length, compared.Sum(file => file.NamedLength));
        yield return MemoryMarshal.AsBytes(selected.AsSpan()).ToArray();
        var buffer = new byte[BufferSize];
        foreach (var file in compared)
        {
            var named = file.OpenNamed(BufferSize);
            await using (named.ConfigureAwait(false))
            {
                while (await named.ReadAsync(buffer, cancellationToken).ConfigureAwait(false) is > 0 and var read)
                    yield return buffer.AsMemory(0, read);
            }
        }

        yield return CatalogPlan.Number(compared.Sum(file => file.RemarksLength) + catalog.RemarksLength);
        await foreach (var remark in RemarksAsync(cancellationToken).ConfigureAwait(false))
        {
            _summary.Add(remark);
            yield return remark.ToBytes();
        }

        yield return JsonSerializer.SerializeToUtf8Bytes(_summary, PlanJson.Default.PlanSummary);
    }

    private static PlanCounts CountsOf(IEnumerable<ComparedFile> compared) =>
        compared.Aggregate(new PlanCounts(), (sum, file) => sum + file.Counts);

    private async ValueTask<ulong[]> SelectedAsync(CancellationToken cancellationToken)
    {
        var selected = new ulong[(end.Items + 63) / 64];
        foreach (var file in compared) await file.ReadSelectedAsync(Select, cancellationToken).ConfigureAwait(false);
        if (scope == PlanScope.Mirror) return selected;

        // The reader of the plan reports the invalid items.
        foreach (var remarks in catalog.OpenRemarks(BufferSize))
        {
            await using (remarks.ConfigureAwait(false))
            {
                while (await PlanRemark.ReadAsync(remarks, cancellationToken).ConfigureAwait(false) is { } remark) Select(remark.Ordinal);
            }
        }

        return selected;

        void Select(long ordinal) => selected[ordinal / 64] |= 1UL << (int)(ordinal % 64);
    }

    /// <summary>All remarks in the order of the catalog; each file is in this order already.</summary>
    private async IAsyncEnumerable<PlanRemark> RemarksAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var next = new PriorityQueue<(PlanRemark Remark, Stream Source), long>();
        foreach (var source in compared.Select(file => file.OpenRemarks(BufferSize)).Concat(catalog.OpenRemarks(BufferSize)))
            await EnqueueNextAsync(source).ConfigureAwait(false);
        while (next.TryDequeue(out var first, out _))
        {
            yield return first.Remark;
            await EnqueueNextAsync(first.Source).ConfigureAwait(false);
        }

        async ValueTask EnqueueNextAsync(Stream source)
        {
            if (await PlanRemark.ReadAsync(source, cancellationToken).ConfigureAwait(false) is { } remark)
                next.Enqueue((remark, source), remark.Ordinal);
            else
                await source.DisposeAsync().ConfigureAwait(false);
        }
    }
}
