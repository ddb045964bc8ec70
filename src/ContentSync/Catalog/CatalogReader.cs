using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>
/// Streams the items of a catalog file: one item per line (NDJSON) or one JSON array, distinguished by the first byte that is not
/// white space; either may be compressed with gzip. Memory use is constant: one buffer of a little more than
/// <see cref="ContentOptions.MaxItemBytes"/>. Thread-safe.
/// </summary>
public sealed class CatalogReader(ContentReader contentReader, ContentOptions options)
{
    /// <summary>Max UTF-8 bytes of a first line that describes the catalog.</summary>
    private const int MaxDeclarationBytes = 4 * 1024;

    /// <summary>
    /// Reads to the end. An invalid item yields an entry with its violations and does not affect the others; a line or element of more
    /// than <see cref="ContentOptions.MaxItemBytes"/> is skipped and reported the same way. Blank lines are ignored, and a first or last line
    /// that describes the catalog (see <see cref="CatalogDeclaration"/>) is not an item; a file without items is valid.
    /// </summary>
    /// <param name="catalog">Read once, from its current position; need not be seekable, and stays open.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CatalogFormatException">
    /// Neither format, a broken array, damaged gzip data, bytes after it, or another number of items than its first or last line says;
    /// thrown after every item before that position was returned.
    /// </exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public async IAsyncEnumerable<CatalogEntry> ReadAsync(Stream catalog, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var items in TextsAsync(catalog, cancellationToken).ConfigureAwait(false))
        {
            for (var i = 0; i < items.Count; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                yield return Read(items[i]);
            }
        }
    }

    /// <summary>Like <see cref="ReadAsync(Stream, CancellationToken)"/>, but reads only the selected items and skips the others unparsed.</summary>
    /// <param name="catalog">Read once, from its current position.</param>
    /// <param name="isSelected">Whether to read the item with this ordinal, counted from 0 over all items of the catalog.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    public async IAsyncEnumerable<CatalogEntry> ReadAsync(
        Stream catalog, Func<long, bool> isSelected, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var ordinal = 0L;
        await foreach (var items in TextsAsync(catalog, cancellationToken).ConfigureAwait(false))
        {
            for (var i = 0; i < items.Count; i++, ordinal++)
            {
                if (!isSelected(ordinal)) continue;
                cancellationToken.ThrowIfCancellationRequested();
                yield return Read(items[i]);
            }
        }
    }

    /// <summary>Reads a snapshot to its end without parsing its items.</summary>
    /// <returns>The number of its items.</returns>
    /// <exception cref="CatalogFormatException">It is damaged, or not what its lines or its digest say.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public async Task<long> CountAsync(ICatalogSnapshot snapshot, CancellationToken cancellationToken)
    {
        var count = 0L;
        var stream = await snapshot.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await foreach (var items in TextsAsync(stream, cancellationToken).ConfigureAwait(false)) count += items.Count;
        }

        return count;
    }

    /// <summary>What a catalog's first line says about it; null if that is an item, or not readable.</summary>
    /// <param name="catalog">Read from its current position, at most a few KiB; stays open.</param>
    /// <param name="cancellationToken">Stops the reading.</param>
    /// <exception cref="CatalogFormatException">The first line describes the catalog, but not correctly.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public static async Task<CatalogDeclaration?> PeekAsync(Stream catalog, CancellationToken cancellationToken)
    {
        var pipe = PipeReader.Create(catalog, new StreamPipeReaderOptions(leaveOpen: true));
        try
        {
            var text = await UnpackAsync(pipe, cancellationToken).ConfigureAwait(false);
            await using (text.ConfigureAwait(false))
            {
                using var buffer = new CatalogBuffer(text, MaxDeclarationBytes);
                return await PeekAsync(buffer, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (GzipFormatException)
        {
            // Reading the whole catalog reports it.
            return null;
        }
        finally
        {
            await pipe.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Finds the items like <see cref="ReadAsync(Stream, CancellationToken)"/>, but parses none of them. Each list is valid until the
    /// next one is requested.
    /// </summary>
    internal async IAsyncEnumerable<IReadOnlyList<ItemText>> TextsAsync(Stream catalog, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (catalog is IItemTextStream mapped)
        {
            await foreach (var items in mapped.ReadItemsAsync(cancellationToken).ConfigureAwait(false)) yield return items;
            yield break;
        }

        var pipe = PipeReader.Create(catalog, new StreamPipeReaderOptions(bufferSize: 64 * 1024, leaveOpen: true));
        try
        {
            var text = await UnpackAsync(pipe, cancellationToken).ConfigureAwait(false);
            await using (text.ConfigureAwait(false))
            {
                using var buffer = new CatalogBuffer(text, options.MaxItemBytes);
                var texts = await BeginAsync(buffer, cancellationToken).ConfigureAwait(false) switch
                {
                    (byte)'{' => new NdjsonReader(options).ReadAsync(buffer, cancellationToken),
                    (byte)'[' => new JsonArrayReader(options).ReadAsync(buffer, cancellationToken),
                    null => AsyncEnumerable.Empty<IReadOnlyList<ItemText>>(),
                    var other => throw NotACatalog(buffer, other.Value),
                };
                var lines = new DeclaredLines(buffer);
                await foreach (var items in texts.ConfigureAwait(false))
                {
                    if (lines.Filter(items) is { Count: > 0 } others) yield return others;
                }

                lines.Complete();
                (catalog as DeclaredStream)?.Complete(lines.Items, lines.DeclareItems);
            }
        }
        finally
        {
            await pipe.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>A parser for a caller that reads many items in a row on one thread; give it back with <see cref="Return"/>.</summary>
    internal ItemParser Rent() => contentReader.Rent();

    internal void Return(ItemParser parser) => contentReader.Return(parser);

    /// <summary>The result for an item that was too large to be buffered.</summary>
    internal ContentReadResult TooLarge(long bytes) => ContentReader.TooLarge(bytes, options.MaxItemBytes);

    private CatalogEntry Read(ItemText item) =>
        new(item.Line, item.Index, item.Fault ?? (item.TooLarge > 0 ? TooLarge(item.TooLarge) : contentReader.Read(item.Utf8.Span)));

    private static async Task<CatalogDeclaration?> PeekAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        // Enough to tell a line that describes the catalog from an item.
        const int Start = 64;
        CatalogFormatException? unreadable = null;
        try
        {
            if (await BeginAsync(buffer, cancellationToken).ConfigureAwait(false) == (byte)'[')
            {
                buffer.Advance(1);
                await BeginAsync(buffer, cancellationToken).ConfigureAwait(false);
            }

            while (buffer.Unread.Length < Start
                || (buffer.Unread.Length < MaxDeclarationBytes && CatalogDeclaration.LooksLikeOne(buffer.Unread.Span)))
            {
                if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) break;
            }
        }
        catch (CatalogFormatException damaged)
        {
            unreadable = damaged;
        }

        return unreadable is null && CatalogDeclaration.LooksLikeOne(buffer.Unread.Span) ? FirstValue(buffer.Unread) : null;
    }

    private static CatalogDeclaration? FirstValue(ReadOnlyMemory<byte> text)
    {
        try
        {
            var json = new Utf8JsonReader(text.Span, isFinalBlock: false, default);
            if (!JsonDocument.TryParseValue(ref json, out var document)) return null;
            using (document) return CatalogDeclaration.OfLine(document.RootElement, "The first line");
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async ValueTask<Stream> UnpackAsync(PipeReader pipe, CancellationToken cancellationToken)
    {
        var start = await pipe.ReadAtLeastAsync(2, cancellationToken).ConfigureAwait(false);
        var isGzip = IsGzip(start.Buffer);
        pipe.AdvanceTo(start.Buffer.Start);
        var bytes = pipe.AsStream(leaveOpen: true);
        return isGzip ? new GzipCatalogStream(bytes) : bytes;
    }

    private static bool IsGzip(ReadOnlySequence<byte> start)
    {
        var reader = new SequenceReader<byte>(start);
        return reader.TryRead(out var first) && reader.TryRead(out var second) && first == 0x1F && second == 0x8B;
    }

    /// <summary>Advances to the first byte that is not white space and returns it; null if there is none.</summary>
    private static async ValueTask<byte?> BeginAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        while (buffer.Unread.Length < Encoding.UTF8.Preamble.Length && await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) { }
        if (buffer.Unread.Span.StartsWith(Encoding.UTF8.Preamble)) buffer.Advance(Encoding.UTF8.Preamble.Length);
        while (true)
        {
            if (buffer.SkipWhiteSpace()) return buffer.Unread.Span[0];
            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) return null;
        }
    }

    private static CatalogFormatException NotACatalog(CatalogBuffer buffer, byte first)
    {
        var hint = buffer.Unread.Span switch
        {
            [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => " (it looks like UTF-16; save it as UTF-8)",
            [(byte)'P', (byte)'K', 3, 4, ..] => " (it looks like a zip file; compress it with gzip instead)",
            _ => "",
        };
        return buffer.Fault(
            $"The file is not a catalog: it starts with byte 0x{first:X2}{hint}; "
            + "a catalog is UTF-8 text with one JSON object per line, or one JSON array of objects, plain or compressed with gzip.");
    }
}
