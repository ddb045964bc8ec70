using System.Text.Json;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping.Feeds;

namespace ContentSync.Mapping;

/// <summary>Makes items of a body in another form, such as a shop's product event, with a mapping that is named with it. Thread-safe.</summary>
public sealed class MappedItemReader(MappingCache mappings, ContentReader reader)
{
    /// <summary>Max items of one body; a shop system allows 2,048 variants of a product.</summary>
    public const int MaxItems = 5_000;

    /// <summary>Reads a whole body.</summary>
    /// <param name="name">Name of the mapping.</param>
    /// <param name="body">In any form that the mapping describes.</param>
    /// <param name="receivedAt">When it first reached us, for times that are ahead of it.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="MappingException">The mapping cannot be used until it is corrected.</exception>
    /// <exception cref="IOException">The mapping cannot be read now.</exception>
    public async ValueTask<MappedItems> ReadAsync(
        string name, ReadOnlyMemory<byte> body, DateTimeOffset receivedAt, CancellationToken cancellationToken)
    {
        var (mapping, fault) = await mappings.FindAsync(name, cancellationToken).ConfigureAwait(false);
        if (mapping is null) return new MappedItems([], fault);
        var items = new List<MappedItem>();
        try
        {
            using var stream = new MappedStream(new MemoryStream(OnOneLine(body), writable: false), mapping, new MappingTally());
            await foreach (var batch in stream.ReadItemsAsync(cancellationToken).ConfigureAwait(false))
            {
                if (items.Count + batch.Count > MaxItems)
                    return new MappedItems([], FormattableString.Invariant($"It holds more than {MaxItems:N0} items; send fewer at a time."));
                foreach (var item in batch)
                {
                    var text = item.Utf8.ToArray();
                    items.Add(new MappedItem(item.Fault ?? reader.Read(text, receivedAt), text));
                }
            }
        }
        catch (CatalogFormatException e)
        {
            return new MappedItems([], $"It cannot be read with the mapping '{name}': {e.Message}");
        }

        return new MappedItems(items, null);
    }

    // A single record may be written over several lines, which a feed of one record per line may not. The line break at the end tells the
    // record from a document with an array of records inside.
    private static byte[] OnOneLine(ReadOnlyMemory<byte> body)
    {
        if (body.Span.TrimStart(" \t\r\n"u8) is not [(byte)'{', ..]) return body.ToArray();
        try
        {
            using var document = JsonDocument.Parse(body);
            using var line = new MemoryStream();
            using (var writer = new Utf8JsonWriter(line, FeedJson.Options)) document.WriteTo(writer);
            line.WriteByte((byte)'\n');
            return line.ToArray();
        }
        catch (JsonException)
        {
            // Several records, one per line; or reported with its place by the reader.
            return body.ToArray();
        }
    }
}

/// <summary>The items of a body.</summary>
/// <param name="Items">In the order of the body; empty if the mapping selects none of them.</param>
/// <param name="Fault">Why the body cannot be read; null if it can.</param>
public sealed record MappedItems(IReadOnlyList<MappedItem> Items, string? Fault);

/// <summary>One item of a body.</summary>
/// <param name="Result">The item, or its violations.</param>
/// <param name="Text">The item in our own form; empty if its record could not be mapped.</param>
public sealed record MappedItem(ContentReadResult Result, ReadOnlyMemory<byte> Text);
