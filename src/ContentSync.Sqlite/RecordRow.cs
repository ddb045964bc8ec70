using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>Maps a <see cref="SyncRecord"/> to a row of the tables record and body.</summary>
internal static class RecordRow
{
    /// <summary>Selects the columns that <see cref="Read"/> expects; append the conditions.</summary>
    public static readonly string Select = $"SELECT {Columns} FROM record JOIN body ON body.id = record.id";

    /// <summary>
    /// Like <see cref="Select"/>, with the index of items that are not synchronized. The conditions must include
    /// <c>state &lt;&gt; 1</c>.
    /// </summary>
    public static readonly string SelectUnsynchronized = $"SELECT {Columns} FROM record INDEXED BY unsettled JOIN body ON body.id = record.id";

    /// <summary>Like <see cref="Select"/>, with the index of stale items. The conditions must include <see cref="IsStale"/>.</summary>
    public static readonly string SelectStale = $"SELECT {Columns} FROM record INDEXED BY stale JOIN body ON body.id = record.id";

    /// <summary>Selects the columns that <see cref="ReadItem"/> expects; append the conditions.</summary>
    public static readonly string SelectItem = $"SELECT record.id, {Column.Names} FROM record";

    /// <summary>Condition of stale items.</summary>
    public const string IsStale = "refused IS NOT NULL";

    /// <summary>Inserts the parameters of <see cref="BindInsert"/>.</summary>
    public static readonly string Insert = $"INSERT INTO record ({Column.Names}) VALUES ({Column.Parameters})";

    /// <summary>
    /// Updates all columns except those that an index contains; takes the parameters of <see cref="BindUpdateInPlace"/>.
    /// </summary>
    public static readonly string UpdateInPlace = UpdateOf(Column.Changes.Freely);

    /// <summary>Updates all columns that can change; takes the parameters of <see cref="BindUpdate"/>.</summary>
    public static readonly string Update = UpdateOf(Column.Changes.WithIndex);

    private static string Columns => $"record.id, {Column.Names}, body.body, body.sent_bodies";

    /// <summary>Reads the current row of a <see cref="Select"/> statement.</summary>
    public static SyncRecord Read(SqliteStatement row) => new()
    {
        ContentId = row.Text(Column.ContentId)!,
        ContentType = row.Text(Column.ContentType)!,
        ContentStatus = (ContentStatus)row.Int32(Column.ContentStatus),
        Order = ReadOrder(row, Column.Number),
        Hash = new ContentHash(row.Bytes(Column.Hash)),
        RequestId = row.Text(Column.RequestId)!,
        State = (SyncState)row.Int32(Column.State),
        AcceptedAt = row.Time(Column.AcceptedAt),
        DueAt = row.Time(Column.DueAt),
        Attempts = row.Int32(Column.Attempts),
        Hop = row.Int32(Column.Hop),
        SynchronizedHash = row.Hash(Column.SynchronizedHash),
        SynchronizedVersion = row.IsNull(Column.SynchronizedReceivedAt) ? null : ReadVersion(row, Column.SynchronizedNumber),
        SynchronizedAt = row.IsNull(Column.SynchronizedAt) ? null : row.Time(Column.SynchronizedAt),
        ParkReason = row.IsNull(Column.ParkReason) ? null : (ParkReason)row.Int32(Column.ParkReason),
        Refused = SyncRefusal.Of(row.Text(Column.Refused)),
        LastAttempt = row.IsNull(Column.AttemptAt)
            ? null
            : ReadLastAttempt(row) with { Attempted = AttemptedVersion.Of(row.Text(Column.AttemptVersion)) },
        EarlierAttempts = AttemptHistory.Of(row.Text(Column.EarlierAttempts)),
        EarlierSent = SentHistory.Of(row.Text(Column.EarlierSent), row.Bytes(Column.SentBodies)),
        TemplateCode = row.Text(Column.TemplateCode),
        TemplateStatus = row.Text(Column.TemplateStatus),
        ETag = row.Int64(Column.Version).ToString(CultureInfo.InvariantCulture),
        Body = row.Bytes(Column.Body).ToArray(),
    };

    /// <summary>Reads the current row of a <see cref="SelectItem"/> statement, whose leases are kept elsewhere.</summary>
    public static ListedItem ReadItem(SqliteStatement row) => new()
    {
        ContentId = row.Text(Column.ContentId)!,
        ContentType = row.Text(Column.ContentType)!,
        ContentStatus = (ContentStatus)row.Int32(Column.ContentStatus),
        Version = ReadVersion(row, Column.Number),
        RequestId = row.Text(Column.RequestId)!,
        State = (SyncState)row.Int32(Column.State),
        AcceptedAt = row.Time(Column.AcceptedAt),
        DueAt = row.Time(Column.DueAt),
        Attempts = row.Int32(Column.Attempts),
        Hop = row.Int32(Column.Hop),
        SynchronizedVersion = row.IsNull(Column.SynchronizedReceivedAt) ? null : ReadVersion(row, Column.SynchronizedNumber),
        SynchronizedAt = row.IsNull(Column.SynchronizedAt) ? null : row.Time(Column.SynchronizedAt),
        ParkReason = row.IsNull(Column.ParkReason) ? null : (ParkReason)row.Int32(Column.ParkReason),
        Refused = SyncRefusal.Of(row.Text(Column.Refused)),
        LastAttempt = row.IsNull(Column.AttemptAt) ? null : ReadLastAttempt(row),
        TemplateCode = row.Text(Column.TemplateCode),
        TemplateStatus = row.Text(Column.TemplateStatus),
    };

    /// <summary>Reads the columns of <see cref="Column.OrderNames"/>.</summary>
    /// <param name="row">The current row of any statement that selects them.</param>
    /// <param name="first">Index of the first one.</param>
    public static VersionOrder ReadOrder(SqliteStatement row, int first) => new()
    {
        Current = ReadVersion(row, first),
        ChangedAt = row.Time(first + 3),
        HighestNumber = row.IsNull(first + 4) ? null : row.Int64(first + 4),
        LatestGivenTime = row.IsNull(first + 5) ? null : row.Time(first + 5),
        AheadTimes = AheadTimes.Of(row.Text(first + 6)),
        RollbackAt = row.IsNull(first + 7) ? null : row.Time(first + 7),
    };

    private static ChangeVersion ReadVersion(SqliteStatement row, int first) => new(
        row.IsNull(first) ? null : row.Int64(first), row.IsNull(first + 1) ? null : row.Time(first + 1), row.Time(first + 2));

    public static void BindInsert(SqliteStatement row, SyncRecord record) => Column.Bind(row, record, Column.Changes.Never);

    public static void BindUpdateInPlace(SqliteStatement row, long id, SyncRecord record) => BindChanges(row, id, record, Column.Changes.Freely);

    public static void BindUpdate(SqliteStatement row, long id, SyncRecord record) => BindChanges(row, id, record, Column.Changes.WithIndex);

    private static void BindChanges(SqliteStatement row, long id, SyncRecord record, Column.Changes from)
    {
        row.Bind(Column.Parameter(Column.Id), id);
        Column.Bind(row, record, from);
    }

    private static string UpdateOf(Column.Changes from) =>
        $"UPDATE record SET {Column.Assignments(from)} WHERE id = ?{Column.Parameter(Column.Id)}";

    private static SyncAttempt ReadLastAttempt(SqliteStatement row) => new SyncAttempt(
            row.Time(Column.AttemptAt),
            row.Text(Column.AttemptRequestId)!,
            row.Text(Column.AttemptCode)!,
            row.Text(Column.AttemptMessage)!,
            row.Text(Column.AttemptTracerId))
        .InRecord(
            row.IsNull(Column.SynchronizedAt) ? null : row.Time(Column.SynchronizedAt),
            row.Text(Column.TemplateCode),
            row.Text(Column.TemplateStatus));
}
