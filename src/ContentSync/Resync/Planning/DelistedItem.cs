using System.Buffers;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Creates the items that delist: AlipayHK has no delete operation and requires the whole item with contentStatus 0. Today's limits and
/// schemas are not applied to an item that was accepted earlier. Not thread-safe.
/// </summary>
internal sealed class DelistedItem(TimeProvider time)
{
    private readonly Dictionary<string, ContentReader> _readers = new(StringComparer.Ordinal);

    /// <summary>The item that the ledger holds, delisted.</summary>
    /// <param name="record">Its body is the request body: the caller's members and a requestId.</param>
    public ContentItem Of(SyncRecord record)
    {
        using var body = JsonDocument.Parse(record.Body);
        var item = new ArrayBufferWriter<byte>(record.Body.Length + 1);
        using (var writer = new Utf8JsonWriter(item))
        {
            writer.WriteStartObject();
            writer.WriteString("contentId", record.ContentId);
            writer.WriteString("contentType", record.ContentType);
            writer.WriteNumber("contentStatus", (int)ContentStatus.Invalid);
            writer.WriteString("contentInfo", body.RootElement.GetProperty("contentInfo").GetString());
            writer.WriteEndObject();
        }

        var result = Reader(record.ContentType).Read(item.WrittenSpan);
        return result.Item
            ?? throw new InvalidOperationException($"The ledger's item {record.ContentId} cannot be read: {result.Violations[0].Message}");
    }

    private ContentReader Reader(string contentType)
    {
        if (_readers.TryGetValue(contentType, out var known)) return known;
        var options = new ContentOptions
        {
            ContentTypes = [contentType],
            MaxContentIdLength = int.MaxValue,
            MaxContentInfoBytes = int.MaxValue,
            MaxContentInfoDepth = int.MaxValue,
            MaxTextLength = int.MaxValue,
            MaxItemBytes = int.MaxValue,
        };
        return _readers[contentType] = new ContentReader(options, time);
    }
}
