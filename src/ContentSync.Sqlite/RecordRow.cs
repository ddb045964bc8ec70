using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>Maps a <see cref="SyncRecord"/> to a row of the tables record and body.</summary>
internal static class RecordRow
{
    /// <summary>Selects the columns that <see cref="Read"/> expects; append the conditions.</summary>
    public const string Select = "SELECT " + Columns + " FROM record JOIN body ON body.id = record.id";

    /// <summary>
    /// Like <see cref="Select"/>, with the index of items that are not synchronized. The conditions must include
    /// <c>state &lt;&gt; 1</c>.
    /// </summary>
    public const string SelectUnsynchronized = "SELECT " + Columns + " FROM record INDEXED BY unsettled JOIN body ON body.id = record.id";

    /// <summary>Inserts the parameters of <see cref="Bind"/>; state, due time and contentId are parameters 23 to 25.</summary>
    public const string Insert = """
        INSERT INTO record (
          content_type, content_status, revision, revision_kind, hash, request_id, accepted_at, attempts, hop, synchronized_hash,
           synchronized_revision, synchronized_revision_kind, synchronized_at, park_reason,
          attempt_at, attempt_request_id, attempt_code, attempt_message, attempt_tracer_id, template_code, template_status,
          version, state, due_at, content_id, earlier_attempts)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
          ?25, ?26)
        """;

    /// <summary>Updates all columns except state and due time, so that no index changes; the row's id is parameter 23.</summary>
    public const string UpdateInPlace = "UPDATE record SET " + Assignments + " WHERE id = ?23";

    /// <summary>Updates all columns; state and due time are parameters 23 and 24, the row's id is parameter 25.</summary>
    public const string Update = "UPDATE record SET " + Assignments + ", state = ?23, due_at = ?24 WHERE id = ?25";

    private const string Columns = """
        record.id, content_id, content_type, content_status, revision, revision_kind, hash, request_id, state, accepted_at,
        due_at, attempts, hop, synchronized_hash, synchronized_revision,
        synchronized_revision_kind, synchronized_at, park_reason, attempt_at, attempt_request_id, attempt_code,
        attempt_message, attempt_tracer_id, template_code, template_status, version, body.body, earlier_attempts
        """;

    private const string Assignments = """
        content_type = ?1, content_status = ?2, revision = ?3, revision_kind = ?4, hash = ?5, request_id = ?6,
        accepted_at = ?7, attempts = ?8, hop = ?9, synchronized_hash = ?10, synchronized_revision = ?11,
        synchronized_revision_kind = ?12, synchronized_at = ?13, park_reason = ?14, attempt_at = ?15,
        attempt_request_id = ?16, attempt_code = ?17, attempt_message = ?18, attempt_tracer_id = ?19,
        template_code = ?20, template_status = ?21, version = ?22, earlier_attempts = ?26
        """;

    /// <summary>Reads the current row of a <see cref="Select"/> statement.</summary>
    public static SyncRecord Read(SqliteStatement row) => new()
    {
        ContentId = row.Text(1)!,
        ContentType = row.Text(2)!,
        ContentStatus = (ContentStatus)row.Int32(3),
        Revision = new Revision(row.Int64(4), (RevisionKind)row.Int32(5)),
        Hash = new ContentHash(row.Bytes(6)),
        RequestId = row.Text(7)!,
        State = (SyncState)row.Int32(8),
        AcceptedAt = row.Time(9),
        DueAt = row.Time(10),
        Attempts = row.Int32(11),
        Hop = row.Int32(12),
        SynchronizedHash = row.Hash(13),
        SynchronizedRevision = row.IsNull(14) ? null : new Revision(row.Int64(14), (RevisionKind)row.Int32(15)),
        SynchronizedAt = row.IsNull(16) ? null : row.Time(16),
        ParkReason = row.IsNull(17) ? null : (ParkReason)row.Int32(17),
        LastAttempt = row.IsNull(18) ? null : ReadLastAttempt(row),
        EarlierAttempts = AttemptHistory.Of(row.Text(27)),
        TemplateCode = row.Text(23),
        TemplateStatus = row.Text(24),
        ETag = row.Int64(25).ToString(CultureInfo.InvariantCulture),
        Body = row.Bytes(26).ToArray(),
    };

    /// <summary>Binds parameters 1 to 22 and 26.</summary>
    public static void Bind(SqliteStatement row, SyncRecord record)
    {
        row.Bind(1, record.ContentType);
        row.Bind(2, (long)record.ContentStatus);
        row.Bind(3, record.Revision.Value);
        row.Bind(4, (long)record.Revision.Kind);
        row.Bind(5, (ContentHash?)record.Hash);
        row.Bind(6, record.RequestId);
        row.Bind(7, record.AcceptedAt.UtcTicks);
        row.Bind(8, record.Attempts);
        row.Bind(9, record.Hop);
        row.Bind(10, record.SynchronizedHash);
        row.Bind(11, record.SynchronizedRevision?.Value);
        row.Bind(12, (long?)record.SynchronizedRevision?.Kind);
        row.Bind(13, record.SynchronizedAt);
        row.Bind(14, (long?)record.ParkReason);
        row.Bind(15, record.LastAttempt?.At);
        row.Bind(16, record.LastAttempt?.RequestId);
        row.Bind(17, record.LastAttempt?.Code);
        row.Bind(18, record.LastAttempt?.Message);
        row.Bind(19, record.LastAttempt?.TracerId);
        row.Bind(20, record.TemplateCode);
        row.Bind(21, record.TemplateStatus);
        row.Bind(22, long.Parse(record.ETag, CultureInfo.InvariantCulture));
        row.Bind(26, record.EarlierAttempts.ToText());
    }

    private static SyncAttempt ReadLastAttempt(SqliteStatement row) =>
        new SyncAttempt(row.Time(18), row.Text(19)!, row.Text(20)!, row.Text(21)!, row.Text(22))
            .InRecord(row.IsNull(16) ? null : row.Time(16), row.Text(23), row.Text(24));
}
