using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using ContentSync.Diagnostics;

namespace ContentSync.Resync.Planning;

/// <summary>The differences between a catalog and the ledger: which of the catalog's lines to send, and which items to send beside them.</summary>
/// <remarks>
/// Its file: the numbers of 64-bit words and of bytes of the next two parts; one bit per item of the catalog; the contentIds beside them; the
/// length of the remarks, the remarks, and a summary as JSON. Earlier versions end after the contentIds.
/// </remarks>
public sealed class CatalogPlan : IAsyncDisposable
{
    private const int HeadSize = 2 * sizeof(long);

    private readonly ulong[] _selected;
    private readonly GrowingBytes _named = new();
    private readonly Func<CancellationToken, ValueTask<Stream>>? _open;
    private readonly Func<ValueTask>? _release;
    private PlanSummary _summary = new();

    private CatalogPlan(long items) => _selected = new ulong[(items + 63) / 64];

    private CatalogPlan(ulong[] selected, Func<CancellationToken, ValueTask<Stream>> open, Func<ValueTask>? release) =>
        (_selected, _open, _release) = (selected, open, release);

    public PlanCounts Counts => _summary.Counts;

    /// <summary>Whether the catalog declared how much it holds, and held it.</summary>
    public bool ProvedCompleteness => _summary.ProvedCompleteness;

    /// <summary>The first invalid items, at most 100; see <see cref="ReadIssuesAsync"/>.</summary>
    public IReadOnlyList<ResyncIssue> Issues => _summary.Issues;

    /// <summary>The first items that the catalog holds more than once, at most 20; see <see cref="ReadDuplicatesAsync"/>.</summary>
    public IReadOnlyList<ResyncDuplicate> Duplicates => _summary.Duplicates;

    /// <summary>The first contentIds whose version in the ledger is newer than the catalog's, at most 20; see <see cref="ReadNewerAsync"/>.</summary>
    public IReadOnlyList<string> Newer => _summary.Newer;

    /// <summary>The first contentIds that are parked with the catalog's version, at most 20; see <see cref="ReadParkedAsync"/>.</summary>
    public IReadOnlyList<string> Parked => _summary.Parked;

    /// <summary>How many lines of the catalog to send.</summary>
    public long Selected { get; private set; }

    /// <summary>Whether to send the item with this ordinal in the catalog, from 0.</summary>
    public bool IsSelected(long ordinal) => ordinal / 64 < _selected.Length && (_selected[ordinal / 64] & (1UL << (int)(ordinal % 64))) != 0;

    /// <summary>
    /// The contentIds of items to send that are not lines of the catalog: items that the catalog no longer holds or, if the ledger is the
    /// source, items to send again.
    /// </summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public async IAsyncEnumerable<string> NamedAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var plan = await OpenReadAsync(cancellationToken).ConfigureAwait(false);
        await using (plan.ConfigureAwait(false))
        {
            var parts = await PartsAsync(plan, cancellationToken).ConfigureAwait(false);
            plan.Position = parts.NamedAt;
            var length = new byte[sizeof(ushort)];
            for (var left = parts.NamedLength; left > 0;)
            {
                await plan.ReadExactlyAsync(length, cancellationToken).ConfigureAwait(false);
                var contentId = new byte[BinaryPrimitives.ReadUInt16LittleEndian(length)];
                await plan.ReadExactlyAsync(contentId, cancellationToken).ConfigureAwait(false);
                yield return Encoding.UTF8.GetString(contentId);
                left -= length.Length + contentId.Length;
            }
        }
    }

    /// <summary>Every invalid item, in the order of the catalog.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public IAsyncEnumerable<ResyncIssue> ReadIssuesAsync(CancellationToken cancellationToken) =>
        RemarksAsync(PlanRemarkKind.Issue, cancellationToken).Select(remark => remark.Issue());

    /// <summary>Every item that the catalog holds more than once, in the order of their first places.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public IAsyncEnumerable<ResyncDuplicate> ReadDuplicatesAsync(CancellationToken cancellationToken) =>
        RemarksAsync(PlanRemarkKind.Duplicate, cancellationToken).Select(remark => remark.Duplicate());

    /// <summary>The contentId of every item whose version in the ledger is newer than the catalog's, in the order of the catalog.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public IAsyncEnumerable<string> ReadNewerAsync(CancellationToken cancellationToken) =>
        RemarksAsync(PlanRemarkKind.Newer, cancellationToken).Select(remark => remark.ContentId());

    /// <summary>The contentId of every item that is parked with the catalog's version, in the order of the catalog.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public IAsyncEnumerable<string> ReadParkedAsync(CancellationToken cancellationToken) =>
        RemarksAsync(PlanRemarkKind.Parked, cancellationToken).Select(remark => remark.ContentId());

    /// <summary>Every item that is absent from the catalog and not delisted yet; see <see cref="GracePeriod"/>.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public IAsyncEnumerable<AbsentItem> ReadAbsentAsync(CancellationToken cancellationToken) =>
        RemarksAsync(PlanRemarkKind.Absent, cancellationToken).Select(remark => remark.Absent());

    /// <summary>Opens the bytes of the plan; a store that keeps them opens the plan again with <see cref="OpenAsync"/>.</summary>
    /// <exception cref="IOException">The plan cannot be read.</exception>
    public async ValueTask<Stream> OpenReadAsync(CancellationToken cancellationToken)
    {
        if (_open is not null) return await _open(cancellationToken).ConfigureAwait(false);
        var stream = new MemoryStream();
        stream.Write(Head(_selected.Length, _named.Written.Length));
        stream.Write(MemoryMarshal.AsBytes(_selected.AsSpan()));
        stream.Write(_named.Written.Span);
        stream.Write(Number(0));
        stream.Write(JsonSerializer.SerializeToUtf8Bytes(_summary, PlanJson.Default.PlanSummary));
        stream.Position = 0;
        return stream;
    }

    /// <summary>Writes the plan.</summary>
    /// <exception cref="IOException">The plan cannot be read, or the destination cannot be written.</exception>
    public async Task SaveAsync(Stream destination, CancellationToken cancellationToken)
    {
        var plan = await OpenReadAsync(cancellationToken).ConfigureAwait(false);
        await using (plan.ConfigureAwait(false)) await plan.CopyToAsync(destination, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads what <see cref="SaveAsync"/> wrote into memory.</summary>
    /// <exception cref="IOException">A newer version of this program wrote the plan.</exception>
    /// <exception cref="EndOfStreamException">The plan is truncated.</exception>
    public static async Task<CatalogPlan> LoadAsync(Stream source, CancellationToken cancellationToken)
    {
        using var copy = new MemoryStream();
        await source.CopyToAsync(copy, cancellationToken).ConfigureAwait(false);
        var bytes = copy.ToArray();
        return await OpenAsync(_ => ValueTask.FromResult<Stream>(new MemoryStream(bytes)), null, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Opens a stored plan. Only the bits of the selected items are in memory: 12 MiB for 100 million items.</summary>
    /// <param name="open">Opens its bytes from the start, as a seekable stream; called once for each reading.</param>
    /// <param name="release">Called when the plan is disposed of; null for nothing.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="IOException">The plan cannot be read, or a newer version of this program wrote it.</exception>
    /// <exception cref="EndOfStreamException">The plan is truncated.</exception>
    public static async Task<CatalogPlan> OpenAsync(
        Func<CancellationToken, ValueTask<Stream>> open, Func<ValueTask>? release, CancellationToken cancellationToken)
    {
        var plan = await open(cancellationToken).ConfigureAwait(false);
        await using (plan.ConfigureAwait(false))
        {
            var parts = await PartsAsync(plan, cancellationToken).ConfigureAwait(false);
            var bits = new byte[parts.NamedAt - HeadSize];
            await plan.ReadExactlyAsync(bits, cancellationToken).ConfigureAwait(false);
            if (plan.Length < parts.NamedAt + parts.NamedLength) throw new EndOfStreamException("The stored plan is truncated.");
            var opened = new CatalogPlan(MemoryMarshal.Cast<byte, ulong>(bits).ToArray(), open, release);
            opened.Seal(await SummaryAsync(plan, parts, cancellationToken).ConfigureAwait(false));
            return opened;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _release?.Invoke() ?? ValueTask.CompletedTask;

    internal static CatalogPlan Create(long items) => new(items);

    internal void Select(long ordinal) => _selected[ordinal / 64] |= 1UL << (int)(ordinal % 64);

    internal void AddNamed(ReadOnlySpan<byte> contentId)
    {
        Span<byte> length = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16LittleEndian(length, (ushort)contentId.Length);
        _named.Append(length);
        _named.Append(contentId);
    }

    internal void Seal(PlanSummary summary)
    {
        _summary = summary;
        Selected = _selected.Sum(bits => (long)BitOperations.PopCount(bits));
    }

    /// <summary>The start of a plan's file.</summary>
    internal static byte[] Head(long words, long namedLength) => [.. Number(words), .. Number(namedLength)];

    internal static byte[] Number(long number)
    {
        var bytes = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return bytes;
    }

    private async IAsyncEnumerable<PlanRemark> RemarksAsync(PlanRemarkKind kind, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var plan = await OpenReadAsync(cancellationToken).ConfigureAwait(false);
        await using (plan.ConfigureAwait(false))
        {
            var parts = await PartsAsync(plan, cancellationToken).ConfigureAwait(false);
            for (var left = await SeekRemarksAsync(plan, parts, cancellationToken).ConfigureAwait(false); left > 0;)
            {
                var remark = await PlanRemark.ReadAsync(plan, cancellationToken).ConfigureAwait(false)
                    ?? throw new EndOfStreamException("The stored plan is truncated.");
                left -= remark.Size;
                if (remark.Kind == kind) yield return remark;
            }
        }
    }

    private static async ValueTask<PlanParts> PartsAsync(Stream plan, CancellationToken cancellationToken)
    {
        var head = new byte[HeadSize];
        await plan.ReadExactlyAsync(head, cancellationToken).ConfigureAwait(false);
        var words = BinaryPrimitives.ReadInt64LittleEndian(head);

        // Later formats start with their version as a negative number, which no number of words is.
        if (words < 0) throw new IOException(StoredFormat.Fault("The stored plan", (int)Math.Max(-words, StoredFormat.Current + 1)));
        return new PlanParts(HeadSize + (words * sizeof(ulong)), BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(sizeof(long))));
    }

    /// <returns>The length of the remarks, which start at the new position of the stream; 0 for a plan of an earlier version.</returns>
    private static async ValueTask<long> SeekRemarksAsync(Stream plan, PlanParts parts, CancellationToken cancellationToken)
    {
        plan.Position = parts.NamedAt + parts.NamedLength;
        if (plan.Position >= plan.Length) return 0;
        var length = new byte[sizeof(long)];
        await plan.ReadExactlyAsync(length, cancellationToken).ConfigureAwait(false);
        return BinaryPrimitives.ReadInt64LittleEndian(length);
    }

    private static async ValueTask<PlanSummary> SummaryAsync(Stream plan, PlanParts parts, CancellationToken cancellationToken)
    {
        var remarksLength = await SeekRemarksAsync(plan, parts, cancellationToken).ConfigureAwait(false);
        plan.Position += remarksLength;
        if (plan.Position >= plan.Length) return new PlanSummary();
        var json = new byte[plan.Length - plan.Position];
        await plan.ReadExactlyAsync(json, cancellationToken).ConfigureAwait(false);
        return JsonSerializer.Deserialize(json, PlanJson.Default.PlanSummary)!;
    }

    private readonly record struct PlanParts(long NamedAt, long NamedLength);
}

/// <summary>
/// The size of a plan. New, Unknown, Changed, Newer and Unchanged count items; Repeated counts the further lines with a contentId that the catalog
/// holds already. Together with Invalid, and with the items in Withheld that the catalog holds, they add up to Items.
/// </summary>
public sealed record PlanCounts
{
    /// <summary>Lines or elements of the catalog, or items of the ledger.</summary>
    public long Items { get; init; }

    /// <summary>Invalid items; neither sent nor delisted.</summary>
    public long Invalid { get; init; }

    /// <summary>Invalid items whose contentId cannot be read. If there is one, nothing is delisted: any listed item may be the one.</summary>
    public long Unidentified { get; init; }

    /// <summary>Further lines with a contentId that an earlier line has.</summary>
    public long Repeated { get; init; }

    /// <summary>Items that stand in the catalog more than once, always with the same content.</summary>
    public long DuplicatesSame { get; init; }

    /// <summary>Items that stand in the catalog more than once, with different contents.</summary>
    public long DuplicatesDiffering { get; init; }

    /// <summary>Items that the ledger does not hold; to be sent.</summary>
    public long New { get; init; }

    /// <summary>Items that the catalog delists by id alone and the ledger does not hold; recorded, and nothing is sent.</summary>
    public long Unknown { get; init; }

    /// <summary>Items whose version in the ledger differs, or was parked after its last attempt; to be sent.</summary>
    public long Changed { get; init; }

    /// <summary>Items whose version in the ledger is newer than the catalog's; not sent.</summary>
    public long Newer { get; init; }

    /// <summary>Items whose version the ledger already holds; not sent.</summary>
    public long Unchanged { get; init; }

    /// <summary>Unchanged items that are parked because AlipayHK rejected them: not in sync.</summary>
    public long Parked { get; init; }

    /// <summary>Unchanged items that AlipayHK has not acknowledged yet: not in sync.</summary>
    public long Pending { get; init; }

    /// <summary>Items listed in the ledger and absent from the catalog; sent with contentStatus 0.</summary>
    public long Vanished { get; init; }

    /// <summary>
    /// Items that are not delisted although absent from the catalog, because an item of the catalog could not be identified; and, if more
    /// than a tenth of the items of a mapped catalog are invalid, also those that the catalog itself delists.
    /// </summary>
    public long Withheld { get; init; }

    /// <summary>Items absent from the catalog that stay listed for now; see <see cref="GracePeriod"/>.</summary>
    public long Absent { get; init; }

    /// <summary>Items absent from the catalog that stay listed because they were accepted after the catalog's as-of time.</summary>
    public long AbsentNewer { get; init; }

    /// <summary>Items that are listed in the ledger.</summary>
    public long Listed { get; init; }

    /// <summary>Listed items that would be delisted: those absent from the catalog, and those that the catalog itself delists.</summary>
    public long Delisting { get; init; }

    public static PlanCounts operator +(PlanCounts a, PlanCounts b) => new()
    {
        Items = a.Items + b.Items,
        Invalid = a.Invalid + b.Invalid,
        Unidentified = a.Unidentified + b.Unidentified,
        Repeated = a.Repeated + b.Repeated,
        DuplicatesSame = a.DuplicatesSame + b.DuplicatesSame,
        DuplicatesDiffering = a.DuplicatesDiffering + b.DuplicatesDiffering,
        New = a.New + b.New,
        Unknown = a.Unknown + b.Unknown,
        Changed = a.Changed + b.Changed,
        Newer = a.Newer + b.Newer,
        Unchanged = a.Unchanged + b.Unchanged,
        Parked = a.Parked + b.Parked,
        Pending = a.Pending + b.Pending,
        Vanished = a.Vanished + b.Vanished,
        Withheld = a.Withheld + b.Withheld,
        Absent = a.Absent + b.Absent,
        AbsentNewer = a.AbsentNewer + b.AbsentNewer,
        Listed = a.Listed + b.Listed,
        Delisting = a.Delisting + b.Delisting,
    };
}
