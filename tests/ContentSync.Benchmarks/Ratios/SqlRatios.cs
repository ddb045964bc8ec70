using System.Data;
using System.Globalization;
using System.Text.RegularExpressions;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Sqlite;
using Microsoft.Data.Sqlite;

namespace ContentSync.Benchmarks.Ratios;

/// <summary>
/// The ledger's main write (the update of a row after an attempt) and its main read (a record by its contentId) through ADO.NET, over the
/// same through <see cref="SqliteStatement"/>: CPU time per row and allocated bytes, medians of alternating rounds on the same file.
/// </summary>
/// <remarks>
/// ADO.NET gets the better conditions: its commands are prepared and their parameters typed once, its values exist already and are only boxed
/// again, and its reader reads each column without building a record. The ledger's own way pays for the mapping from and to a record.
/// </remarks>
internal static class SqlRatios
{
    private const int Rounds = 9;
    private const int WarmUpRounds = 3;
    private const int Rows = 5_000;
    private const string ParameterPrefix = "$p";

    public static async Task<int> RunAsync(bool json)
    {
        var folder = Directory.CreateTempSubdirectory("contentsync-benchmark-").FullName;
        try
        {
            var path = Path.Combine(folder, "ledger.db");
            await FillAsync(path).ConfigureAwait(false);
            using var database = SqliteDatabase.Open(path, SqliteAccess.Write, TimeSpan.FromSeconds(5));
            using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
            connection.Open();
            RatiosProgram.Print(Measure(database, connection), json);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static async Task FillAsync(string path)
    {
        var items = new SampleItems().Items(Rows);
        var options = new SqliteLedgerOptions(path) { Durability = LedgerDurability.ProcessEnd };
        await using var ledger = await SqliteLedger.OpenAsync(options, TimeProvider.System, CancellationToken.None).ConfigureAwait(false);
        var now = TimeProvider.System.GetUtcNow();
        var submissions = items.Select(item => new Submission(item, ChangeVersion.Of(item, now), Prepare)).ToArray();
        await ledger.AcceptAsync(submissions, CancellationToken.None).ConfigureAwait(false);
        foreach (var item in items)
        {
            var leased = (await ledger.LeaseAsync(item.ContentId, TimeSpan.FromMinutes(1), CancellationToken.None).ConfigureAwait(false)).Record!;
            var outcome = new AttemptOutcome(AttemptOutcomeKind.Synchronized)
            {
                Attempt = new SyncAttempt(now, leased.RequestId, "SUCCESS", "success", "abcdefg135202000000000263818"),
            };
            await ledger.RecordAsync(leased, outcome, CancellationToken.None).ConfigureAwait(false);
        }

        static PreparedRequest Prepare(ContentItem item)
        {
            var requestId = Guid.NewGuid().ToString("N");
            return new PreparedRequest(requestId, AlipayHk.SynchronizeRequest.Prepare(item, requestId));
        }
    }

    private static SortedDictionary<string, double> Measure(SqliteDatabase database, SqliteConnection connection)
    {
        using var find = database.Prepare(RecordRow.Select + " WHERE content_id = ?1");
        using var update = database.Prepare(RecordRow.Update);
        using var findCommand = Command(connection, RecordRow.Select + " WHERE content_id = ?1", 1);
        using var updateCommand = Command(connection, RecordRow.Update, Column.Parameter(Column.Version));
        var records = new List<(long Id, SyncRecord Record, object[] Values)>(Rows);
        for (var i = 0; i < Rows; i++)
        {
            find.Bind(1, $"SKU-{i:d8}");
            find.Step();
            using var reader = Find(findCommand, $"SKU-{i:d8}");
            var values = new object[reader.FieldCount];
            reader.GetValues(values);
            records.Add((find.Int64(Column.Id), RecordRow.Read(find), values));
            find.Reset();
        }

        var rounds = new List<(Cost Write, Cost AdoWrite, Cost Read, Cost AdoRead)>();
        for (var i = 0; i < WarmUpRounds + Rounds; i++)
        {
            var round = (
                CostOf(() => Write(database, update, records)),
                CostOf(() => Write(connection, updateCommand, records)),
                CostOf(() => Read(find, records)),
                CostOf(() => Read(findCommand, records)));
            if (i >= WarmUpRounds) rounds.Add(round);
        }

        double Median(Func<(Cost Write, Cost AdoWrite, Cost Read, Cost AdoRead), double> figure) => rounds.Select(figure).Order().ElementAt(Rounds / 2);
        return new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["writeMicroseconds"] = Median(round => round.Write.Microseconds),
            ["writeAllocatedBytes"] = Median(round => round.Write.Bytes),
            ["adoWriteMicroseconds"] = Median(round => round.AdoWrite.Microseconds),
            ["adoWriteAllocatedBytes"] = Median(round => round.AdoWrite.Bytes),
            ["adoWriteOverWrite"] = Median(round => round.AdoWrite.Microseconds / round.Write.Microseconds),
            ["readMicroseconds"] = Median(round => round.Read.Microseconds),
            ["readAllocatedBytes"] = Median(round => round.Read.Bytes),
            ["adoReadMicroseconds"] = Median(round => round.AdoRead.Microseconds),
            ["adoReadAllocatedBytes"] = Median(round => round.AdoRead.Bytes),
            ["adoReadOverRead"] = Median(round => round.AdoRead.Microseconds / round.Read.Microseconds),
        };
    }

    private static void Write(SqliteDatabase database, SqliteStatement update, List<(long Id, SyncRecord Record, object[] Values)> records)
    {
        database.Execute("BEGIN IMMEDIATE");
        foreach (var (id, record, _) in records)
        {
            RecordRow.BindUpdate(update, id, record);
            update.Step();
        }

        database.Execute("COMMIT");
    }

    private static void Write(SqliteConnection connection, SqliteCommand update, List<(long Id, SyncRecord Record, object[] Values)> records)
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        update.Transaction = transaction;
        var columns = update.Parameters.Cast<SqliteParameter>()
            .Select(parameter => int.Parse(parameter.ParameterName.AsSpan(ParameterPrefix.Length), CultureInfo.InvariantCulture) - 1)
            .ToArray();
        foreach (var (_, _, values) in records)
        {
            for (var i = 0; i < columns.Length; i++)
                update.Parameters[i].Value = values[columns[i]] is long number ? number : values[columns[i]];

            update.ExecuteNonQuery();
        }

        transaction.Commit();
    }

    private static void Read(SqliteStatement find, List<(long Id, SyncRecord Record, object[] Values)> records)
    {
        foreach (var (_, record, _) in records)
        {
            find.Bind(1, record.ContentId);
            find.Step();
            RecordRow.Read(find);
            find.Reset();
        }
    }

    private static void Read(SqliteCommand find, List<(long Id, SyncRecord Record, object[] Values)> records)
    {
        foreach (var (_, record, values) in records)
        {
            using var reader = Find(find, record.ContentId);
            for (var i = 0; i < values.Length; i++)
            {
                switch (values[i])
                {
                    case long:
                        reader.GetInt64(i);
                        break;
                    case string:
                        reader.GetString(i);
                        break;
                    case byte[]:
                        reader.GetFieldValue<byte[]>(i);
                        break;
                    default:
                        reader.IsDBNull(i);
                        break;
                }
            }
        }
    }

    private static SqliteDataReader Find(SqliteCommand find, string contentId)
    {
        find.Parameters[0].Value = contentId;
        var reader = find.ExecuteReader(CommandBehavior.SingleRow);
        if (!reader.Read()) throw new InvalidOperationException($"{contentId} is not in the ledger.");
        return reader;
    }

    /// <summary>A prepared command with those of the numbered parameters that its text contains.</summary>
    private static SqliteCommand Command(SqliteConnection connection, string sql, int parameters)
    {
        // ADO.NET wants every number up to the largest, so the parameters get names.
        var command = connection.CreateCommand();
        command.CommandText = sql.Replace("?", ParameterPrefix, StringComparison.Ordinal);
        for (var i = 1; i <= parameters; i++)
        {
            if (Regex.IsMatch(sql, $@"\?{i}\b")) command.Parameters.Add(new SqliteParameter($"{ParameterPrefix}{i}", DBNull.Value));
        }

        command.Prepare();
        return command;
    }

    private static Cost CostOf(Action run)
    {
        GC.Collect();
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var before = Environment.CpuUsage.TotalTime;
        run();
        return new Cost(
            (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Rows, (double)(GC.GetAllocatedBytesForCurrentThread() - bytes) / Rows);
    }

    /// <param name="Microseconds">CPU time per row.</param>
    /// <param name="Bytes">Allocated per row.</param>
    private readonly record struct Cost(double Microseconds, double Bytes);
}
