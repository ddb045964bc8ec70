using System.Globalization;
using Azure.Data.Tables;
using ContentSync.Content;
using ContentSync.Diagnostics;

namespace ContentSync.Ledger;

/// <summary>
/// Converts records to entities and back. Enums are stored as numbers. A change that keeps the body omits it and is merged into the
/// stored entity. Merging cannot remove a property, so members that can become null again (lease, park reason, synchronized hash,
/// tracer id) are stored as empty values instead.
/// </summary>
internal static class TableLedgerEntity
{
    private const string State = nameof(SyncRecord.State);
    private const string DueAt = nameof(SyncRecord.DueAt);
    private const string ContentType = nameof(SyncRecord.ContentType);
    private const string LastCode = "LastCode";

    private const string WriteId = "WriteId";
    private const string BodyLength = "BodyLength";
    private const string BodyPiece = "Body";
    private const string LeaseId = "LeaseId";
    private const string LeaseExpiresAt = "LeaseExpiresAt";
    private const string LastAt = "LastAt";
    private const string LastRequestId = "LastRequestId";
    private const string LastMessage = "LastMessage";
    private const string LastTracerId = "LastTracerId";
    private const string LastAttempted = "LastAttempted";
    private const string EarlierAttempts = nameof(SyncRecord.EarlierAttempts);
    private const string EarlierSent = nameof(SyncRecord.EarlierSent);
    private const string SentBodies = "SentBodies";
    private const string HistoryFrom = "HistoryFrom";

    // Stands for no time; merging cannot remove a property.
    private static readonly DateTimeOffset Never = new(9999, 12, 31, 0, 0, 0, TimeSpan.Zero);
    private const string ChangedAt = nameof(VersionOrder.ChangedAt);
    private const string HighestNumber = nameof(VersionOrder.HighestNumber);
    private const string LatestGivenTime = nameof(VersionOrder.LatestGivenTime);
    private const string AheadTimes = nameof(VersionOrder.AheadTimes);
    private const string RollbackAt = nameof(VersionOrder.RollbackAt);
    private const string Refused = nameof(SyncRecord.Refused);
    private const string IsStale = nameof(SyncRecord.IsStale);

    /// <summary>Whether the record has an index row. Absent from records that a version without an index wrote.</summary>
    private const string HasIndexRow = nameof(SyncRecord.HasIndexRow);

    /// <summary>Prefixes of the properties that hold a version.</summary>
    private const string Current = "Version";
    private const string Synchronized = "SynchronizedVersion";

    /// <summary>2 since a version is more than one value. An earlier program would drop the other values.</summary>
    private const int Format = 2;

    // Names of format 1: one value ordered the versions, a number (kind 1) or microseconds since 1970 (kind 0).
    private const string Revision = "Revision";
    private const string RevisionKind = "RevisionKind";
    private const string SynchronizedRevision = "SynchronizedRevision";
    private const string SynchronizedRevisionKind = "SynchronizedRevisionKind";

    /// <param name="next">The record to write.</param>
    /// <param name="key">Key of the entity.</param>
    /// <param name="writeId">Identifies this write, so that it is recognized if its response is lost.</param>
    /// <param name="withBody">False if the stored body stays.</param>
    /// <exception cref="BodyTooLargeException">The body does not fit into an entity.</exception>
    public static TableEntity Of(SyncRecord next, TableLedgerKey key, string writeId, bool withBody)
    {
        var entity = new TableEntity(key.Partition, key.Row)
        {
            [WriteId] = writeId,
            [ContentType] = next.ContentType,
            [nameof(SyncRecord.ContentStatus)] = (int)next.ContentStatus,
            [StoredFormat.Property] = Format,
            [ChangedAt] = next.Order.ChangedAt,
            [AheadTimes] = next.Order.AheadTimes.ToText() ?? "",
            [Refused] = next.Refused?.ToText() ?? "",
            [IsStale] = next.IsStale,
            [nameof(SyncRecord.Hash)] = next.Hash.ToArray(),
            [nameof(SyncRecord.RequestId)] = next.RequestId,
            [State] = (int)next.State,
            [nameof(SyncRecord.AcceptedAt)] = next.AcceptedAt,
            [DueAt] = next.DueAt,
            [nameof(SyncRecord.Attempts)] = next.Attempts,
            [nameof(SyncRecord.Hop)] = next.Hop,
            [LeaseId] = next.Lease?.LeaseId ?? "",
            [nameof(SyncRecord.ParkReason)] = (int)(next.ParkReason ?? 0),
            [nameof(SyncRecord.SynchronizedHash)] = next.SynchronizedHash?.ToArray() ?? [],
            [HasIndexRow] = next.HasIndexRow,
        };
        AddVersion(entity, Current, next.Version);
        if (withBody) AddBody(entity, next);
        AddOptional(entity, next);
        return entity;
    }

    public static string? WriteIdOf(TableEntity entity) => entity.GetString(WriteId);

    /// <summary>Approximate upper bound of the entity's bytes in a transaction's request, with base64 and headers.</summary>
    public static int WireBytes(TableEntity entity)
    {
        var bytes = 4 * 1024;
        for (var i = 0; entity.TryGetValue(Piece(i), out var piece); i++) { bytes += ((byte[])piece).Length / 3 * 4; }
        if (entity.GetBinary(SentBodies) is { } bodies) bytes += bodies.Length / 3 * 4;
        // A character takes up to six bytes in JSON.
        foreach (var history in (string[])[EarlierAttempts, EarlierSent]) bytes += 6 * (entity.GetString(history)?.Length ?? 0);
        return bytes;
    }

    /// <exception cref="LedgerUnavailableException">A newer version of this program wrote the entity.</exception>
    public static SyncRecord Read(TableEntity entity)
    {
        CheckFormat(entity);
        var leaseId = entity.GetString(LeaseId);
        var parkReason = entity.GetInt32(nameof(SyncRecord.ParkReason))!.Value;
        var synchronizedHash = entity.GetBinary(nameof(SyncRecord.SynchronizedHash));
        return new SyncRecord
        {
            ContentId = TableLedgerKey.ContentIdOf(entity.RowKey),
            ContentType = entity.GetString(ContentType),
            ContentStatus = (ContentStatus)entity.GetInt32(nameof(SyncRecord.ContentStatus))!.Value,
            Order = OrderOf(entity),
            Hash = new ContentHash(entity.GetBinary(nameof(SyncRecord.Hash))),
            RequestId = entity.GetString(nameof(SyncRecord.RequestId)),
            Body = BodyOf(entity),
            State = (SyncState)entity.GetInt32(State)!.Value,
            AcceptedAt = entity.GetDateTimeOffset(nameof(SyncRecord.AcceptedAt))!.Value,
            DueAt = entity.GetDateTimeOffset(DueAt)!.Value,
            Attempts = entity.GetInt32(nameof(SyncRecord.Attempts))!.Value,
            Hop = entity.GetInt32(nameof(SyncRecord.Hop))!.Value,
            Lease = leaseId is "" ? null : new SyncLease(leaseId, entity.GetDateTimeOffset(LeaseExpiresAt)!.Value),
            SynchronizedHash = synchronizedHash.Length == 0 ? null : new ContentHash(synchronizedHash),
            SynchronizedVersion = SynchronizedVersionOf(entity),
            SynchronizedAt = entity.GetDateTimeOffset(nameof(SyncRecord.SynchronizedAt)),
            ParkReason = parkReason == 0 ? null : (ParkReason)parkReason,
            Refused = SyncRefusal.Of(entity.GetString(Refused)),
            LastAttempt = LastAttemptOf(entity) is { } last ? last with { Attempted = AttemptedOf(entity, last.At) } : null,
            EarlierAttempts = AttemptHistory.Of(entity.GetString(EarlierAttempts)),
            EarlierSent = SentHistory.Of(entity.GetString(EarlierSent), entity.GetBinary(SentBodies)),
            TemplateCode = entity.GetString(nameof(SyncRecord.TemplateCode)),
            TemplateStatus = entity.GetString(nameof(SyncRecord.TemplateStatus)),
            ETag = entity.ETag.ToString(),
            HasIndexRow = HasIndexRowOf(entity),
        };
    }

    /// <summary>Changes only whether the record has an index row.</summary>
    public static TableEntity OfHasIndexRow(TableLedgerKey key, bool hasIndexRow) =>
        new(key.Partition, key.Row) { [HasIndexRow] = hasIndexRow };

    /// <summary>Changes only the history.</summary>
    public static TableEntity OfHistory(TableLedgerKey key, SyncRecord record) => new(key.Partition, key.Row)
    {
        [EarlierAttempts] = record.EarlierAttempts.ToText() ?? "",
        [EarlierSent] = record.EarlierSent.ToText() ?? "",
        [SentBodies] = record.EarlierSent.StoredBodies.ToArray(),
        [HistoryFrom] = RetentionRules.OldestOf(record.EarlierAttempts, record.EarlierSent) ?? Never,
    };

    /// <summary>
    /// When the oldest part of a record's history ended, or a later time if there is none; null if an earlier version wrote the record,
    /// which does not say.
    /// </summary>
    public static DateTimeOffset? HistoryFromOf(TableEntity entity) => entity.GetDateTimeOffset(HistoryFrom);

    public static bool HasIndexRowOf(TableEntity entity) => entity.GetBoolean(HasIndexRow) ?? false;

    /// <summary>The properties that <see cref="ReadItem"/> and <see cref="HasIndexRowOf"/> need.</summary>
    public static IReadOnlyList<string> ItemColumns { get; } =
    [
        "RowKey",
        HasIndexRow,
        ContentType,
        nameof(SyncRecord.ContentStatus),
        .. VersionColumns(Current),
        ChangedAt,
        Revision,
        RevisionKind,
        nameof(SyncRecord.RequestId),
        State,
        nameof(SyncRecord.AcceptedAt),
        DueAt,
        nameof(SyncRecord.Attempts),
        nameof(SyncRecord.Hop),
        LeaseId,
        LeaseExpiresAt,
        .. VersionColumns(Synchronized),
        SynchronizedRevision,
        SynchronizedRevisionKind,
        nameof(SyncRecord.SynchronizedAt),
        nameof(SyncRecord.ParkReason),
        Refused,
        LastAt,
        LastRequestId,
        LastCode,
        LastMessage,
        LastTracerId,
        nameof(SyncRecord.TemplateCode),
        nameof(SyncRecord.TemplateStatus),
        StoredFormat.Property,
    ];

    /// <summary><see cref="ItemColumns"/> and what <see cref="HistoryFromOf"/> needs.</summary>
    public static IReadOnlyList<string> MaintenanceColumns { get; } = [.. ItemColumns, HistoryFrom];

    /// <inheritdoc cref="Read"/>
    public static ListedItem ReadItem(TableEntity entity)
    {
        CheckFormat(entity);
        var parkReason = entity.GetInt32(nameof(SyncRecord.ParkReason))!.Value;
        return new ListedItem
        {
            ContentId = TableLedgerKey.ContentIdOf(entity.RowKey),
            ContentType = entity.GetString(ContentType),
            ContentStatus = (ContentStatus)entity.GetInt32(nameof(SyncRecord.ContentStatus))!.Value,
            Version = OrderOf(entity).Current,
            RequestId = entity.GetString(nameof(SyncRecord.RequestId)),
            State = (SyncState)entity.GetInt32(State)!.Value,
            AcceptedAt = entity.GetDateTimeOffset(nameof(SyncRecord.AcceptedAt))!.Value,
            DueAt = entity.GetDateTimeOffset(DueAt)!.Value,
            Attempts = entity.GetInt32(nameof(SyncRecord.Attempts))!.Value,
            Hop = entity.GetInt32(nameof(SyncRecord.Hop))!.Value,
            LeaseExpiresAt = entity.GetString(LeaseId) is "" ? null : entity.GetDateTimeOffset(LeaseExpiresAt),
            SynchronizedVersion = SynchronizedVersionOf(entity),
            SynchronizedAt = entity.GetDateTimeOffset(nameof(SyncRecord.SynchronizedAt)),
            ParkReason = parkReason == 0 ? null : (ParkReason)parkReason,
            Refused = SyncRefusal.Of(entity.GetString(Refused)),
            LastAttempt = LastAttemptOf(entity),
            TemplateCode = entity.GetString(nameof(SyncRecord.TemplateCode)),
            TemplateStatus = entity.GetString(nameof(SyncRecord.TemplateStatus)),
        };
    }

    /// <summary>The properties that <see cref="ReadScanned"/> needs.</summary>
    public static IReadOnlyList<string> ScanColumns { get; } =
    [
        "RowKey",
        nameof(SyncRecord.Hash),
        nameof(SyncRecord.ContentStatus),
        State,
        nameof(SyncRecord.ParkReason),
        nameof(SyncRecord.AcceptedAt),
        Current + nameof(VersionKind),
        Current + nameof(ChangeVersion.Number),
        Current + nameof(ChangeVersion.GivenTime),
        Current + nameof(ChangeVersion.FirstReceivedAt),
        ChangedAt,
        HighestNumber,
        LatestGivenTime,
        AheadTimes,
        RollbackAt,
        IsStale,
        nameof(SyncRecord.SynchronizedAt),
        Revision,
        RevisionKind,
        StoredFormat.Property,
    ];

    /// <inheritdoc cref="Read"/>
    public static ScannedItem ReadScanned(TableEntity entity)
    {
        CheckFormat(entity);
        var parkReason = entity.GetInt32(nameof(SyncRecord.ParkReason))!.Value;
        return new ScannedItem(
            TableLedgerKey.ContentIdOf(entity.RowKey),
            new ContentHash(entity.GetBinary(nameof(SyncRecord.Hash))),
            (ContentStatus)entity.GetInt32(nameof(SyncRecord.ContentStatus))!.Value,
            (SyncState)entity.GetInt32(State)!.Value,
            parkReason == 0 ? null : (ParkReason)parkReason,
            entity.GetDateTimeOffset(nameof(SyncRecord.AcceptedAt))!.Value,
            OrderOf(entity))
        {
            IsStale = entity.GetBoolean(IsStale) ?? false,
            IsUnknownToAlipayHk = entity.GetDateTimeOffset(nameof(SyncRecord.SynchronizedAt)) is null,
        };
    }

    private static void CheckFormat(TableEntity entity)
    {
        var fault = StoredFormat.Fault("A record of the ledger's table", entity.GetInt32(StoredFormat.Property), Format);
        if (fault is not null) throw new LedgerUnavailableException(fault);
    }

    private static void AddBody(TableEntity entity, SyncRecord next)
    {
        var pieces = TableLedgerBody.Compress(next.Body.Span) ?? throw new BodyTooLargeException(next.ContentId, next.Body.Length);
        entity[BodyLength] = next.Body.Length;
        for (var i = 0; i < pieces.Length; i++) { entity[Piece(i)] = pieces[i]; }
    }

    // Members that are null at first; once set, they never become null again.
    private static void AddOptional(TableEntity entity, SyncRecord next)
    {
        if (next.Lease is { } lease) entity[LeaseExpiresAt] = lease.ExpiresAt;
        if (next.SynchronizedVersion is { } version) AddVersion(entity, Synchronized, version);
        if (next.Order.HighestNumber is { } number) entity[HighestNumber] = number;
        if (next.Order.LatestGivenTime is { } given) entity[LatestGivenTime] = given;
        if (next.Order.RollbackAt is { } rollback) entity[RollbackAt] = rollback;
        if (next.SynchronizedAt is { } at) entity[nameof(SyncRecord.SynchronizedAt)] = at;
        if (next.EarlierAttempts.ToText() is { } earlier) entity[EarlierAttempts] = earlier;
        if (next.EarlierSent.ToText() is { } sent)
        {
            entity[EarlierSent] = sent;
            entity[SentBodies] = next.EarlierSent.StoredBodies.ToArray();
        }

        entity[HistoryFrom] = RetentionRules.OldestOf(next.EarlierAttempts, next.EarlierSent) ?? Never;
        if (next.TemplateCode is { } code) entity[nameof(SyncRecord.TemplateCode)] = code;
        if (next.TemplateStatus is { } status) entity[nameof(SyncRecord.TemplateStatus)] = status;
        if (next.LastAttempt is not { } attempt) return;
        entity[LastAt] = attempt.At;
        entity[LastRequestId] = attempt.RequestId;
        entity[LastCode] = attempt.Code;
        entity[LastMessage] = attempt.Message;
        entity[LastTracerId] = attempt.TracerId ?? "";
        entity[LastAttempted] = attempt.Attempted is { } attempted
            ? string.Create(CultureInfo.InvariantCulture, $"{attempt.At.UtcTicks} {attempted.ToText()}")
            : "";
    }

    // An earlier version of this program replaces the attempt but not this property, so it names the attempt that it belongs to.
    private static AttemptedVersion? AttemptedOf(TableEntity entity, DateTimeOffset at)
    {
        var text = entity.GetString(LastAttempted);
        var of = string.Create(CultureInfo.InvariantCulture, $"{at.UtcTicks} ");
        return text?.StartsWith(of, StringComparison.Ordinal) == true ? AttemptedVersion.Of(text[of.Length..]) : null;
    }

    private static byte[] BodyOf(TableEntity entity)
    {
        var pieces = new List<byte[]>(1);
        for (var i = 0; entity.GetBinary(Piece(i)) is { } piece; i++) { pieces.Add(piece); }
        return TableLedgerBody.Decompress(pieces, entity.GetInt32(BodyLength)!.Value);
    }

    // The kind tells which of the other properties counts: merging leaves a number or time of an earlier version in place.
    public static void AddVersion(TableEntity entity, string prefix, ChangeVersion version)
    {
        entity[prefix + nameof(VersionKind)] = (int)version.Kind;
        entity[prefix + nameof(ChangeVersion.FirstReceivedAt)] = version.FirstReceivedAt;
        if (version.Number is { } number) entity[prefix + nameof(ChangeVersion.Number)] = number;
        if (version.GivenTime is { } given) entity[prefix + nameof(ChangeVersion.GivenTime)] = given;
    }

    public static IEnumerable<string> VersionColumns(string prefix) =>
    [
        prefix + nameof(VersionKind),
        prefix + nameof(ChangeVersion.Number),
        prefix + nameof(ChangeVersion.GivenTime),
        prefix + nameof(ChangeVersion.FirstReceivedAt),
    ];

    public static ChangeVersion VersionOf(TableEntity entity, string prefix)
    {
        var kind = (VersionKind)entity.GetInt32(prefix + nameof(VersionKind))!.Value;
        return new ChangeVersion(
            kind == VersionKind.Number ? entity.GetInt64(prefix + nameof(ChangeVersion.Number)) : null,
            kind == VersionKind.Given ? entity.GetDateTimeOffset(prefix + nameof(ChangeVersion.GivenTime)) : null,
            entity.GetDateTimeOffset(prefix + nameof(ChangeVersion.FirstReceivedAt))!.Value);
    }

    private static VersionOrder OrderOf(TableEntity entity)
    {
        if (entity.GetDateTimeOffset(ChangedAt) is not { } changedAt)
        {
            var acceptedAt = entity.GetDateTimeOffset(nameof(SyncRecord.AcceptedAt))!.Value;
            var (number, time) = ValueOf(entity, Revision, RevisionKind);
            return VersionOrder.OfEarlierFormat(number, time, acceptedAt);
        }

        return new VersionOrder
        {
            Current = VersionOf(entity, Current),
            ChangedAt = changedAt,
            HighestNumber = entity.GetInt64(HighestNumber),
            LatestGivenTime = entity.GetDateTimeOffset(LatestGivenTime),
            AheadTimes = Ledger.AheadTimes.Of(entity.GetString(AheadTimes)),
            RollbackAt = entity.GetDateTimeOffset(RollbackAt),
        };
    }

    private static ChangeVersion? SynchronizedVersionOf(TableEntity entity)
    {
        if (entity.ContainsKey(Synchronized + nameof(VersionKind))) return VersionOf(entity, Synchronized);
        if (!entity.ContainsKey(SynchronizedRevision)) return null;
        var (number, time) = ValueOf(entity, SynchronizedRevision, SynchronizedRevisionKind);
        return new ChangeVersion(number, null, number is null ? time : entity.GetDateTimeOffset(nameof(SyncRecord.SynchronizedAt))!.Value);
    }

    private static (long? Number, DateTimeOffset Time) ValueOf(TableEntity entity, string value, string kind)
    {
        var stored = entity.GetInt64(value)!.Value;
        return entity.GetInt32(kind) == 1 ? (stored, default) : (null, DateTimeOffset.UnixEpoch.AddTicks(stored * TimeSpan.TicksPerMicrosecond));
    }

    private static SyncAttempt? LastAttemptOf(TableEntity entity)
    {
        if (entity.GetDateTimeOffset(LastAt) is not { } at) return null;
        var tracerId = entity.GetString(LastTracerId);
        var attempt = new SyncAttempt(
            at,
            entity.GetString(LastRequestId),
            entity.GetString(LastCode),
            entity.GetString(LastMessage),
            tracerId is "" ? null : tracerId);
        return attempt.InRecord(
            entity.GetDateTimeOffset(nameof(SyncRecord.SynchronizedAt)),
            entity.GetString(nameof(SyncRecord.TemplateCode)),
            entity.GetString(nameof(SyncRecord.TemplateStatus)));
    }

    private static string Piece(int index) => string.Create(CultureInfo.InvariantCulture, $"{BodyPiece}{index}");
}
