using System.Globalization;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Sqlite;

/// <summary>
/// The columns of the table record, in the order of the file. The table's definition, the statements and the parameters follow from this
/// list, so a new property needs a line here, one in <see cref="RecordRow.Read"/>, and a new <see cref="LedgerSchema.Version"/>. Each field
/// is the index of the column in a row that <see cref="RecordRow.Select"/> returns.
/// </summary>
internal static class Column
{
    private static readonly List<Definition> List = [];

    public static readonly int ContentId = Add("content_id", "TEXT NOT NULL UNIQUE", (row, at, item) => row.Bind(at, item.ContentId), Changes.Never);
    public static readonly int ContentType = Add("content_type", "TEXT NOT NULL", (row, at, item) => row.Bind(at, item.ContentType));
    public static readonly int ContentStatus = Add("content_status", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, (long)item.ContentStatus));
    public static readonly int Number = Add("number", "INTEGER", (row, at, item) => row.Bind(at, item.Version.Number));
    public static readonly int GivenAt = Add("given_at", "INTEGER", (row, at, item) => row.Bind(at, item.Version.GivenTime));
    public static readonly int ReceivedAt =
        Add("received_at", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, item.Version.FirstReceivedAt.UtcTicks));
    public static readonly int ChangedAt = Add("changed_at", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, item.Order.ChangedAt.UtcTicks));
    public static readonly int HighestNumber = Add("highest_number", "INTEGER", (row, at, item) => row.Bind(at, item.Order.HighestNumber));
    public static readonly int LatestGivenAt = Add("latest_given_at", "INTEGER", (row, at, item) => row.Bind(at, item.Order.LatestGivenTime));
    public static readonly int AheadTimes = Add("ahead_times", "TEXT", (row, at, item) => row.Bind(at, item.Order.AheadTimes.ToText()));
    public static readonly int RollbackAt = Add("rollback_at", "INTEGER", (row, at, item) => row.Bind(at, item.Order.RollbackAt));
    public static readonly int Refused = Add("refused", "TEXT", (row, at, item) => row.Bind(at, item.Refused?.ToText()), Changes.WithIndex);
    public static readonly int Hash = Add("hash", "BLOB NOT NULL", (row, at, item) => row.Bind(at, (ContentHash?)item.Hash));
    public static readonly int RequestId = Add("request_id", "TEXT NOT NULL", (row, at, item) => row.Bind(at, item.RequestId));
    public static readonly int State = Add("state", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, (long)item.State), Changes.WithIndex);
    public static readonly int AcceptedAt = Add("accepted_at", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, item.AcceptedAt.UtcTicks));
    public static readonly int DueAt = Add("due_at", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, item.DueAt.UtcTicks), Changes.WithIndex);
    public static readonly int Attempts = Add("attempts", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, item.Attempts));
    public static readonly int Hop = Add("hop", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, item.Hop));
    public static readonly int SynchronizedHash = Add("synchronized_hash", "BLOB", (row, at, item) => row.Bind(at, item.SynchronizedHash));
    public static readonly int SynchronizedNumber =
        Add("synchronized_number", "INTEGER", (row, at, item) => row.Bind(at, item.SynchronizedVersion?.Number));
    public static readonly int SynchronizedGivenAt =
        Add("synchronized_given_at", "INTEGER", (row, at, item) => row.Bind(at, item.SynchronizedVersion?.GivenTime));
    public static readonly int SynchronizedReceivedAt =
        Add("synchronized_received_at", "INTEGER", (row, at, item) => row.Bind(at, item.SynchronizedVersion?.FirstReceivedAt));
    public static readonly int SynchronizedAt = Add("synchronized_at", "INTEGER", (row, at, item) => row.Bind(at, item.SynchronizedAt));
    public static readonly int ParkReason = Add("park_reason", "INTEGER", (row, at, item) => row.Bind(at, (long?)item.ParkReason));
    public static readonly int AttemptAt = Add("attempt_at", "INTEGER", (row, at, item) => row.Bind(at, item.LastAttempt?.At));
    public static readonly int AttemptRequestId = Add("attempt_request_id", "TEXT", (row, at, item) => row.Bind(at, item.LastAttempt?.RequestId));
    public static readonly int AttemptCode = Add("attempt_code", "TEXT", (row, at, item) => row.Bind(at, item.LastAttempt?.Code));
    public static readonly int AttemptMessage = Add("attempt_message", "TEXT", (row, at, item) => row.Bind(at, item.LastAttempt?.Message));
    public static readonly int AttemptTracerId = Add("attempt_tracer_id", "TEXT", (row, at, item) => row.Bind(at, item.LastAttempt?.TracerId));
    public static readonly int EarlierAttempts = Add("earlier_attempts", "TEXT", (row, at, item) => row.Bind(at, item.EarlierAttempts.ToText()));
    public static readonly int AttemptVersion =
        Add("attempt_version", "TEXT", (row, at, item) => row.Bind(at, item.LastAttempt?.Attempted?.ToText()));
    public static readonly int EarlierSent = Add("earlier_sent", "TEXT", (row, at, item) => row.Bind(at, item.EarlierSent.ToText()));
    public static readonly int TemplateCode = Add("template_code", "TEXT", (row, at, item) => row.Bind(at, item.TemplateCode));
    public static readonly int TemplateStatus =
        Add("template_status", "TEXT", (row, at, item) => row.Bind(at, item.TemplateStatus), Changes.WithIndex);
    public static readonly int Version =
        Add("version", "INTEGER NOT NULL", (row, at, item) => row.Bind(at, long.Parse(item.ETag, CultureInfo.InvariantCulture)));

    /// <summary>Index of the body, which is in a table of its own.</summary>
    public static readonly int Body = List.Count + 1;

    /// <summary>Index of the kept bodies of earlier requests, beside the body.</summary>
    public static readonly int SentBodies = Body + 1;

    /// <summary>Index of the row's id.</summary>
    public const int Id = 0;

    private static readonly Definition[] All = [.. List];

    /// <summary>When a column changes after its row is inserted.</summary>
    public enum Changes
    {
        Never,

        /// <summary>An index contains the column, so writing it rewrites the index too.</summary>
        WithIndex,

        Freely,
    }

    /// <summary>The definitions of the columns in CREATE TABLE.</summary>
    public static string Definitions { get; } = string.Join(",\n", All.Select(column => $"  {column.Name} {column.Type}"));

    /// <summary>The names of the columns.</summary>
    public static string Names { get; } = string.Join(", ", All.Select(column => column.Name));

    /// <summary>The columns of <see cref="RecordRow.ReadOrder"/>, in its order.</summary>
    public static string OrderNames { get; } =
        string.Join(", ", All.Where(column => column.Index >= Number && column.Index <= RollbackAt).Select(column => column.Name));

    /// <summary>The names of the columns, some of them replaced by other expressions.</summary>
    public static string Expressions(IReadOnlyDictionary<string, string> replaced) =>
        string.Join(", ", All.Select(column => replaced.GetValueOrDefault(column.Name, column.Name)));

    /// <summary>A parameter for each column.</summary>
    public static string Parameters { get; } = string.Join(", ", All.Select(column => $"?{Parameter(column.Index)}"));

    /// <summary>Assigns parameters to the columns that change at least as freely as given.</summary>
    public static string Assignments(Changes from) =>
        string.Join(", ", All.Where(column => column.Changes >= from).Select(column => $"{column.Name} = ?{Parameter(column.Index)}"));

    /// <summary>Binds the parameters of the columns that change at least as freely as given.</summary>
    public static void Bind(SqliteStatement row, SyncRecord record, Changes from)
    {
        foreach (var column in All)
        {
            if (column.Changes >= from) column.Bind(row, Parameter(column.Index), record);
        }
    }

    /// <summary>Number of the parameter of a column; SQLite counts parameters from 1 and columns from 0.</summary>
    public static int Parameter(int column) => column + 1;

    private static int Add(string name, string type, Action<SqliteStatement, int, SyncRecord> bind, Changes changes = Changes.Freely)
    {
        var column = new Definition(List.Count + 1, name, type, bind, changes);
        List.Add(column);
        return column.Index;
    }

    private sealed record Definition(int Index, string Name, string Type, Action<SqliteStatement, int, SyncRecord> Bind, Changes Changes);
}
