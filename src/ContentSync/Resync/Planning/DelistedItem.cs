using System.Buffers;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Resync.Planning;

/// <summary>
/// Makes the items that take contents down: AlipayHK has no delete, and wants the whole content with contentStatus 0. What was
/// accepted once is not measured by today's limits and schemas again. Not thread-safe.
/// </summary>
internal sealed class DelistedItem(TimeProvider time)
{
    private readonly Dictionary<string, ContentReader> _readers = new(StringComparer.Ordinal);

    /// <summary>The content that the ledger holds, delisted.</summary>
    /// <param name="record">Its body is the wire's: the caller's own members, and a requestId.</param>
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
        return result.Item ?? throw new InvalidOperationException($"The ledger's own content {record.ContentId} cannot be read: {result.Violations[0].Message}");
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
