using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ContentSync.Resync.Planning;

/// <summary>Something that a plan reports about an item of the catalog.</summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Ordinal">The item's position in the catalog, from 0; remarks are read in this order.</param>
/// <param name="Json">A <see cref="ResyncIssue"/>, a <see cref="ResyncDuplicate"/>, or a contentId.</param>
internal readonly record struct PlanRemark(PlanRemarkKind Kind, long Ordinal, byte[] Json)
{
    private const int Head = sizeof(int) + 1 + sizeof(long);

    public int Size => Head + Json.Length;

    public static PlanRemark Of(long ordinal, ResyncIssue issue) =>
        new(PlanRemarkKind.Issue, ordinal, JsonSerializer.SerializeToUtf8Bytes(issue, PlanJson.Default.ResyncIssue));

    public static PlanRemark Of(long ordinal, ResyncDuplicate duplicate) =>
        new(PlanRemarkKind.Duplicate, ordinal, JsonSerializer.SerializeToUtf8Bytes(duplicate, PlanJson.Default.ResyncDuplicate));

    public static PlanRemark Of(long ordinal, PlanRemarkKind kind, string contentId) =>
        new(kind, ordinal, JsonSerializer.SerializeToUtf8Bytes(contentId, PlanJson.Default.String));

    public ResyncIssue Issue() => JsonSerializer.Deserialize(Json, PlanJson.Default.ResyncIssue)!;

    public ResyncDuplicate Duplicate() => JsonSerializer.Deserialize(Json, PlanJson.Default.ResyncDuplicate)!;

    public string ContentId() => JsonSerializer.Deserialize(Json, PlanJson.Default.String)!;

    public byte[] ToBytes()
    {
        var bytes = new byte[Size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Json.Length);
        bytes[sizeof(int)] = (byte)Kind;
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(sizeof(int) + 1), Ordinal);
        Json.CopyTo(bytes, Head);
        return bytes;
    }

    /// <summary>Reads the next remark; null at the end of the stream.</summary>
    public static async ValueTask<PlanRemark?> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var head = new byte[Head];
        if (await stream.ReadAtLeastAsync(head, Head, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < Head) return null;
        var json = new byte[BinaryPrimitives.ReadInt32LittleEndian(head)];
        await stream.ReadExactlyAsync(json, cancellationToken).ConfigureAwait(false);
        return new PlanRemark((PlanRemarkKind)head[sizeof(int)], BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(sizeof(int) + 1)), json);
    }
}

/// <summary>What a remark is about.</summary>
internal enum PlanRemarkKind : byte
{
    /// <summary>An invalid item.</summary>
    Issue = 0,

    /// <summary>An item that the catalog holds more than once.</summary>
    Duplicate = 1,

    /// <summary>An item whose version in the ledger is newer than the catalog's.</summary>
    Newer = 2,

    /// <summary>An item that is parked with the version that the catalog holds.</summary>
    Parked = 3,
}

/// <summary>The end of a plan's file: what a summary shows.</summary>
internal sealed record PlanSummary
{
    /// <summary>How many remarks of each kind, except issues, a summary holds.</summary>
    public const int MaxShown = 20;

    /// <summary>How many issues it holds.</summary>
    public const int MaxIssues = 100;

    public PlanCounts Counts { get; init; } = new();

    /// <summary>See <see cref="CatalogPlan.ProvedCompleteness"/>.</summary>
    public bool ProvedCompleteness { get; init; }

    public List<ResyncIssue> Issues { get; init; } = [];

    public List<ResyncDuplicate> Duplicates { get; init; } = [];

    public List<string> Newer { get; init; } = [];

    public List<string> Parked { get; init; } = [];

    public void Add(PlanRemark remark)
    {
        switch (remark.Kind)
        {
            case PlanRemarkKind.Issue when Issues.Count < MaxIssues:
                Issues.Add(remark.Issue());
                break;
            case PlanRemarkKind.Duplicate when Duplicates.Count < MaxShown:
                Duplicates.Add(remark.Duplicate());
                break;
            case PlanRemarkKind.Newer when Newer.Count < MaxShown:
                Newer.Add(remark.ContentId());
                break;
            case PlanRemarkKind.Parked when Parked.Count < MaxShown:
                Parked.Add(remark.ContentId());
                break;
        }
    }
}

/// <summary>What reading the catalog to its end found.</summary>
/// <param name="Items">Lines or elements.</param>
/// <param name="Invalid">Invalid ones among them.</param>
/// <param name="Unidentified">Invalid ones whose contentId cannot be read.</param>
/// <param name="Segments">Files that hold its items.</param>
/// <param name="IsProven">It held what was declared of it.</param>
internal sealed record PlanCatalogEnd(long Items, long Invalid, long Unidentified, int Segments, bool IsProven);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ResyncIssue))]
[JsonSerializable(typeof(ResyncDuplicate))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(PlanSummary))]
[JsonSerializable(typeof(PlanCatalogEnd))]
[JsonSerializable(typeof(PlanCounts))]
internal sealed partial class PlanJson : JsonSerializerContext;
