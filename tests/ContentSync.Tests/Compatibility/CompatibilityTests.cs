using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Azure.Data.Tables;
using ContentSync.Content;
using ContentSync.Ledger;
using ContentSync.Local.Pipeline;
using ContentSync.Mapping;
using ContentSync.Resync;
using ContentSync.Resync.Lanes;
using ContentSync.Resync.Planning;
using ContentSync.Synchronization.Messages;
using ContentSync.Tests.Sqlite;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;

namespace ContentSync.Tests.Compatibility;

/// <summary>
/// Reads what an earlier version wrote. The samples were written by the last version before the glossary: a data folder whose resync was
/// killed halfway, and one of each document, entity and message. Add samples when a format changes; never edit these.
/// </summary>
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class CompatibilityTests : IDisposable
{
    private const string RunId = "0123456789abcdef0123456789abcdef";

    private static readonly DateTimeOffset At = new(2026, 11, 20, 8, 30, 0, TimeSpan.Zero);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task An_interrupted_resync_of_an_earlier_version_completes()
    {
        var catalog = _folder.File("catalog.ndjson");
        await File.WriteAllTextAsync(catalog, Sample("catalog.ndjson"));
        RestoreDataFolder(_folder.File("data"), catalog);

        await using var pipeline = await LocalPipeline.OpenAsync(
            new LocalOptions { Data = _folder.File("data"), Catalog = catalog }, TimeProvider.System, NullLoggerFactory.Instance, default);
        pipeline.Resync.Start();
        var run = (await pipeline.Runs.ListAsync(default))[0];
        while (run.IsInProgress)
        {
            await Task.Delay(20);
            run = (await pipeline.Runs.ListAsync(default))[0];
        }

        Assert.Equal(("1cc4643af0b1b25f41ba4de91395a8b6", ResyncRunState.Completed, 40), (run.RunId, run.State, run.Counts.Done));
        var held = pipeline.Gateway!.Snapshot();
        Assert.Equal(40, held.Count);
        Assert.All(held.Values, item => Assert.Equal(item.ContentId is "OLD-00" or "OLD-01" ? 0 : 1, item.ContentStatus));
        Assert.Equal("""{"name":"更新曲奇 39"}""", held["OLD-39"].ContentInfo);
    }

    [Fact]
    public void Records_of_the_table_are_read()
    {
        var records = Entities("table-entities.json").Select(TableLedgerEntity.Read).ToDictionary(record => record.ContentId);

        var pending = records["OLD-手-1"];
        Assert.Equal((SyncState.Pending, 2, 3, 7L), (pending.State, pending.Attempts, pending.Hop, pending.Version.Number));
        Assert.Equal(new SyncLease("settling", At.AddSeconds(25)), pending.Lease);
        Assert.Contains("港式奶茶", Encoding.UTF8.GetString(pending.Body.Span), StringComparison.Ordinal);
        var synchronized = records["OLD-2"];
        Assert.Equal((SyncState.Synchronized, At.AddSeconds(3), "tracer-1"), (synchronized.State, synchronized.SynchronizedAt, synchronized.LastAttempt!.TracerId));
        Assert.Equal("TIMEOUT", Assert.Single(synchronized.EarlierAttempts).Code);
        Assert.Equal((SyncState.Parked, ParkReason.AgeExceeded), (records["OLD-3"].State, records["OLD-3"].ParkReason));
        Assert.Equal(SyncState.Parked, TableLedgerEntity.ReadScanned(Entities("table-entities.json")[2]).State);
    }

    [Fact]
    public void Runs_of_a_blob_or_file_are_read()
    {
        var history = ResyncStoreJson.Read(Encoding.UTF8.GetBytes(Sample("runs.json")), "The file", "")!;
        var run = history.InProgress()!;
        Assert.Equal((0.25, true, true, 21, 12, 1), (run.Parameters.AllowedDelistShare, run.Parameters.Again, run.IsFullySent, run.Counts.Planned, run.Counts.Sent, run.Counts.Failed));
        Assert.Equal([1L, 0L, 2L], run.LanePacks);
        Assert.Equal((1, 0, 0, 0), (run.Issues.Count, run.Duplicates.Count, run.Newer.Count, history.Sizes.Count));
        Assert.Equal(TimeSpan.FromDays(2), history.Runs[1].Parameters.Resend!.OlderThan);
        Assert.Equal(("etag-0", 99), (history.Handled!.Digest, history.Handled.Items));
    }

    [Fact]
    public async Task Plans_are_read()
    {
        await using var plan = await CatalogPlan.LoadAsync(new MemoryStream(Convert.FromBase64String(Sample("plan.base64"))), default);
        Assert.Equal([3L, 70L], Enumerable.Range(0, 128).Select(i => (long)i).Where(plan.IsSelected));
        Assert.Equal(["OLD-手-1"], await plan.NamedAsync(default).ToListAsync());
        Assert.Equal(0, plan.Counts.Items);
        Assert.Empty(await plan.ReadDuplicatesAsync(default).ToListAsync());
    }

    [Fact]
    public void Progress_of_lanes_is_read()
    {
        var progress = TableLaneProgressStore.Of(Entities("lane-entity.json", isArray: false)[0]);
        Assert.Equal((RunId, 3, 90, 1), (progress.RunId, progress.Lane, progress.Counts.Sent, progress.Counts.Failed));
        Assert.Null(progress.With(2, new RunCounts { Sent = 1 }));
        Assert.NotNull(progress.With(1, new RunCounts { Sent = 1 }));
    }

    [Fact]
    public void Queued_messages_are_read()
    {
        var content = new ContentReader(new ContentOptions(), TimeProvider.System);
        var mapped = new MappedItemReader(new MappingCache(new NoMappings("a test"), TimeProvider.System), content);
        var reader = new ContentMessageReader(content, new EventReader(content, TimeProvider.System), mapped);
        var messages = JsonDocument.Parse(Sample("queue-messages.json")).RootElement.EnumerateArray().Select(Message).ToArray();

        var reference = Assert.IsType<ContentMessage.ItemReference>(reader.Read(messages[0]));
        Assert.Equal(("OLD-手-1", new string('a', 32), 3), (reference.Message.ContentId, reference.Message.RequestId, reference.Message.Hop));
        Assert.Equal("OLD-2", Assert.Single(Assert.IsType<ContentMessage.Items>(reader.Read(messages[1])).Entries).Result.ContentId);
        Assert.Equal("OLD-3", Assert.Single(Assert.IsType<ContentMessage.Items>(reader.Read(messages[2])).Entries).Result.ContentId);
        Assert.Equal((1, At), (messages[2].Hop(), messages[2].ReceivedAt()));
        var pack = Assert.IsType<ResyncMessage.Pack>(ResyncMessages.Read(messages[3]));
        Assert.Equal((3, 12, 1), (pack.Content.Lane, pack.Content.Number, pack.Hop));
        Assert.Equal([PackItemStatus.Pending, PackItemStatus.Unchanged, PackItemStatus.Parked], pack.Content.Items.Select(item => item.Status));
        Assert.Equal(RunId, Assert.IsType<ResyncMessage.Step>(ResyncMessages.Read(messages[4])).Body.Run);
    }

    [Fact]
    public async Task Data_of_a_newer_version_is_refused_with_a_sentence()
    {
        const string Sentence = "was written by a newer version of this program (format 2, this one reads 1); run the newer version.";
        var record = Entities("table-entities.json")[0];
        record["FormatVersion"] = 3;
        var lane = Entities("lane-entity.json", isArray: false)[0];
        lane["FormatVersion"] = 2;
        var plan = new byte[16];
        plan.AsSpan(0, 8).Fill(0xFF);
        plan[0] = 0xFE;

        Assert.Equal(
            $"A record of the ledger's table {Sentence.Replace("format 2, this one reads 1", "format 3, this one reads 2", StringComparison.Ordinal)}",
            Assert.Throws<LedgerUnavailableException>(() => TableLedgerEntity.Read(record)).Message);
        Assert.Throws<LedgerUnavailableException>(() => TableLedgerEntity.ReadScanned(record));
        Assert.Equal($"A row of the lanes' table {Sentence}", Assert.Throws<IOException>(() => TableLaneProgressStore.Of(lane)).Message);
        Assert.Equal(
            $"The file {Sentence}",
            Assert.Throws<IOException>(() => ResyncStoreJson.Read("""{"formatVersion":2,"somethingNew":[]}"""u8.ToArray(), "The file", "")).Message);
        Assert.Equal($"The stored plan {Sentence}", (await Assert.ThrowsAsync<IOException>(() => CatalogPlan.LoadAsync(new MemoryStream(plan), default))).Message);
    }

    private static void RestoreDataFolder(string folder, string catalog)
    {
        var resyncs = Directory.CreateDirectory(Path.Combine(folder, DataDirectory.ResyncName)).FullName;
        using (var ledger = new SqliteConnection($"Data Source={Path.Combine(folder, "ledger.db")};Pooling=False"))
        {
            ledger.Open();
            using var restore = ledger.CreateCommand();
            restore.CommandText = Sample("ledger.sql");
            restore.ExecuteNonQuery();
        }

        var source = JsonEncodedText.Encode(catalog).ToString();
        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(catalog)).AsSpan(0, 16));
        File.WriteAllText(Path.Combine(resyncs, name + ".json"), Sample("runs-file.json").Replace("CATALOG", source, StringComparison.Ordinal));
        File.WriteAllBytes(Path.Combine(resyncs, "308b9e26f5e98949b00c3dee44143c95.plan"), Convert.FromBase64String(Sample("plan-file.base64")));
        Directory.CreateDirectory(Path.Combine(folder, "simulated-alipayhk"));
        File.WriteAllText(Path.Combine(folder, "simulated-alipayhk", "content.ndjson"), Sample("simulated-content.ndjson"));
    }

    private static string Sample(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Compatibility", "Samples", name));

    private static List<TableEntity> Entities(string name, bool isArray = true)
    {
        using var document = JsonDocument.Parse(Sample(name));
        var objects = isArray ? document.RootElement.EnumerateArray().ToArray() : [document.RootElement];
        return [.. objects.Select(properties => new TableEntity(properties.EnumerateObject()
            .Where(property => property.Value.ValueKind == JsonValueKind.Object)
            .ToDictionary(property => property.Name, property => Value(property.Value))))];
    }

    private static QueueMessage Message(JsonElement message) => new(
        message.GetProperty("MessageId").GetString()!,
        Encoding.UTF8.GetBytes(message.GetProperty("Body").GetString()!),
        message.GetProperty("ContentType").GetString(),
        message.GetProperty("Properties").EnumerateObject().ToDictionary(property => property.Name, property => Value(property.Value)),
        At.AddMinutes(5));

    private static object Value(JsonElement typed)
    {
        var text = typed.GetProperty("value").GetString()!;
        return typed.GetProperty("type").GetString() switch
        {
            "Int32" => int.Parse(text, null),
            "Int64" => long.Parse(text, null),
            "DateTimeOffset" => DateTimeOffset.Parse(text, null),
            "Byte[]" => Convert.FromBase64String(text),
            _ => text,
        };
    }
}
