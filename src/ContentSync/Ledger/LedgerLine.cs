using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Content;

namespace ContentSync.Ledger;

/// <summary>The first line of an export.</summary>
/// <param name="Format">Always <see cref="FormatName"/>.</param>
/// <param name="Version">Version of the lines; <see cref="CurrentVersion"/> or less can be read.</param>
/// <param name="ExportedAt">When the export began, by the ledger's clock.</param>
/// <param name="Horizon">The ledger's horizon; absent if nothing was ever forgotten.</param>
internal sealed record LedgerHeader(string Format, int Version, DateTimeOffset ExportedAt, DateTimeOffset? Horizon)
{
    public const string FormatName = "contentsync-ledger";
    public const int CurrentVersion = 1;
}

/// <summary>The last line of an export. Without it, the export was cut off.</summary>
/// <param name="End">Always true.</param>
/// <param name="Records">Number of records before it.</param>
internal sealed record LedgerEnd(bool End, long Records);

/// <summary>A record as a line of an export: everything but leases, which belong to the process that holds them.</summary>
internal sealed record LedgerLine
{
    public required string ContentId { get; init; }

    public required string ContentType { get; init; }

    /// <summary>0 delisted, 1 listed.</summary>
    public required int ContentStatus { get; init; }

    public required ChangeVersion Version { get; init; }

    public required DateTimeOffset ChangedAt { get; init; }

    public long? HighestNumber { get; init; }

    public DateTimeOffset? LatestGivenTime { get; init; }

    public string? AheadTimes { get; init; }

    public DateTimeOffset? RollbackAt { get; init; }

    /// <summary>64 hex digits.</summary>
    public required string Digest { get; init; }

    /// <summary>Empty for a tombstone.</summary>
    public required string RequestId { get; init; }

    /// <summary>The request body as text; absent for a tombstone, or if it is not UTF-8.</summary>
    public string? Body { get; init; }

    /// <summary>The request body in base64, if it is not UTF-8.</summary>
    public byte[]? BodyBytes { get; init; }

    public required SyncState State { get; init; }

    public ParkReason? ParkReason { get; init; }

    public required DateTimeOffset AcceptedAt { get; init; }

    public int Attempts { get; init; }

    public int Hop { get; init; }

    public ChangeVersion? SynchronizedVersion { get; init; }

    public DateTimeOffset? SynchronizedAt { get; init; }

    public SyncRefusal? Refused { get; init; }

    /// <summary>The attempts, oldest first; the last one is the newest.</summary>
    public IReadOnlyList<SyncAttempt>? History { get; init; }

    /// <summary>As <see cref="SyncRecord.EarlierSent"/>.</summary>
    public IReadOnlyList<SentLine>? EarlierSent { get; init; }

    public string? TemplateCode { get; init; }

    public string? TemplateStatus { get; init; }

    public static LedgerLine Of(SyncRecord record)
    {
        var body = Text(record.Body);
        return new LedgerLine
        {
            ContentId = record.ContentId,
            ContentType = record.ContentType,
            ContentStatus = (int)record.ContentStatus,
            Version = record.Version,
            ChangedAt = record.Order.ChangedAt,
            HighestNumber = record.Order.HighestNumber,
            LatestGivenTime = record.Order.LatestGivenTime,
            AheadTimes = record.Order.AheadTimes.ToText(),
            RollbackAt = record.Order.RollbackAt,
            Digest = record.Hash.ToString(),
            RequestId = record.RequestId,
            Body = body,
            BodyBytes = body is null && !record.Body.IsEmpty ? record.Body.ToArray() : null,
            State = record.State,
            ParkReason = record.ParkReason,
            AcceptedAt = record.AcceptedAt,
            Attempts = record.Attempts,
            Hop = record.Hop,
            SynchronizedVersion = record.SynchronizedVersion,
            SynchronizedAt = record.SynchronizedAt,
            Refused = record.Refused,
            History = record.LastAttempt is { } last ? [.. record.EarlierAttempts, last] : null,
            EarlierSent = record.EarlierSent.ToText() is null ? null : [.. record.EarlierSent.Select(SentLine.Of)],
            TemplateCode = record.TemplateCode,
            TemplateStatus = record.TemplateStatus,
        };
    }

    /// <exception cref="FormatException">A member has a wrong value; the message says which, and what would be right.</exception>
    public SyncRecord ToRecord()
    {
        Check(ContentId.Length > 0, "contentId is empty; it must be the item's id");
        Check(ContentStatus is 0 or 1, $"contentStatus is {ContentStatus}; it must be 0 or 1");
        Check(State == SyncState.Parked == ParkReason is not null, "parkReason must be given if state is parked, and only then");
        Check(State == SyncState.Tombstone == (RequestId.Length == 0), "requestId must be empty if state is tombstone, and only then");
        Check(State == SyncState.Tombstone || Body is not null || BodyBytes is not null, "body is missing; only a tombstone has none");
        Check(Attempts >= 0 && Hop >= 0, "attempts and hop must not be negative");
        Check(Version.FirstReceivedAt != default, "version has no firstReceivedAt");
        Check(SynchronizedVersion?.FirstReceivedAt != default(DateTimeOffset), "synchronizedVersion has no firstReceivedAt");
        Check(
            History?.All(attempt => attempt is { RequestId: not null, Code: not null, Message: not null }) != false,
            "history has an attempt without requestId, code or message");
        Check(
            EarlierSent?.All(sent => sent is { RequestId: not null, Code: not null, Attempted: not null }) != false,
            "earlierSent has a request without requestId, code or attempted");
        Check(Refused is null or { Code: not null, Message: not null }, "refused has no code or no message");
        return new SyncRecord
        {
            ContentId = ContentId,
            ContentType = ContentType,
            ContentStatus = (ContentStatus)ContentStatus,
            Order = new VersionOrder
            {
                Current = Version,
                ChangedAt = ChangedAt,
                HighestNumber = HighestNumber,
                LatestGivenTime = LatestGivenTime,
                AheadTimes = Ledger.AheadTimes.Of(AheadTimes),
                RollbackAt = RollbackAt,
            },
            Hash = DigestOf(Digest),
            RequestId = RequestId,
            Body = Body is { } text ? Encoding.UTF8.GetBytes(text) : BodyBytes,
            State = State,
            ParkReason = ParkReason,
            AcceptedAt = AcceptedAt,
            DueAt = AcceptedAt,
            Attempts = Attempts,
            Hop = Hop,
            SynchronizedVersion = SynchronizedVersion,
            SynchronizedAt = SynchronizedAt,
            Refused = Refused,
            LastAttempt = History is [.., var last] ? last : null,
            EarlierAttempts = (History ?? []).SkipLast(1).Aggregate(AttemptHistory.Empty, (history, attempt) => history.With(attempt)),
            EarlierSent = SentHistory.Of([.. (EarlierSent ?? []).Select(sent => sent.ToRequest())]),
            TemplateCode = TemplateCode,
            TemplateStatus = TemplateStatus,
        };
    }

    private static ContentHash DigestOf(string digest)
    {
        Check(
            digest.Length == 2 * ContentHash.Size && digest.All(char.IsAsciiHexDigit),
            string.Create(CultureInfo.InvariantCulture, $"digest has {digest.Length} characters; it must be {2 * ContentHash.Size} hex digits"));
        return new ContentHash(Convert.FromHexString(digest));
    }

    private static void Check(bool isRight, string sentence)
    {
        if (!isRight) throw new FormatException(sentence + ".");
    }

    // Exactly these bytes must come back.
    private static string? Text(ReadOnlyMemory<byte> body)
    {
        if (body.IsEmpty) return null;
        var text = Encoding.UTF8.GetString(body.Span);
        return Encoding.UTF8.GetBytes(text).AsSpan().SequenceEqual(body.Span) ? text : null;
    }
}

/// <summary>A <see cref="SentRequest"/> in an export.</summary>
/// <param name="RequestId">As <see cref="SentRequest.RequestId"/>.</param>
/// <param name="At">As <see cref="SentRequest.At"/>.</param>
/// <param name="Code">As <see cref="SentRequest.Code"/>.</param>
/// <param name="Attempted">As <see cref="SentRequest.Attempted"/>.</param>
/// <param name="Body">The request body in base64; absent if it is not kept.</param>
internal sealed record SentLine(string RequestId, DateTimeOffset At, string Code, AttemptedVersion Attempted, byte[]? Body)
{
    public static SentLine Of(SentRequest request) =>
        new(request.RequestId, request.At, request.Code, request.Attempted, request.Body?.ToArray());

    public SentRequest ToRequest()
    {
        var request = new SentRequest(RequestId, At, Code, Attempted);
        return Body is { } body ? request with { Body = body } : request;
    }
}

[JsonSerializable(typeof(LedgerHeader))]
[JsonSerializable(typeof(LedgerEnd))]
[JsonSerializable(typeof(LedgerLine))]
internal sealed partial class LedgerLineJson : JsonSerializerContext
{
    public static LedgerLineJson Strict { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        IgnoreReadOnlyProperties = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters =
        {
            new JsonStringEnumConverter<SyncState>(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
            new JsonStringEnumConverter<ParkReason>(JsonNamingPolicy.CamelCase, allowIntegerValues: false),
        },
    });
}
