using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>
/// Streams the items of a catalog file: one item per line (NDJSON) or one JSON array, told apart by the first byte that is not
/// white space, either of them optionally packed with gzip. Memory stays constant: one buffer of a little more than
/// <see cref="ContentOptions.MaxItemBytes"/>. Thread-safe.
/// </summary>
/// <remarks>
/// That gzip data ends too early is noticed only in a process with the runtime option
/// <c>System.IO.Compression.UseStrictValidation</c>, which Directory.Build.props gives to every host.
/// </remarks>
public sealed class CatalogReader(ContentReader contentReader, ContentOptions options)
{
    /// <summary>
    /// Reads to the end. An unsound item is an entry with its violations and harms no other; a line or element of more than
    /// <see cref="ContentOptions.MaxItemBytes"/> is skipped and reported likewise. Blank lines are passed over, a file without items is no fault.
    /// </summary>
    /// <param name="catalog">Read once, from where it stands; need not be seekable, and stays open.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="CatalogFormatException">Neither format, a broken array, or damaged gzip; thrown after every item before that place.</exception>
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

    /// <summary>As <see cref="ReadAsync(Stream, CancellationToken)"/>, but reads only the selected items and skips the others unparsed.</summary>
    /// <param name="catalog">Read once, from its current position.</param>
    /// <param name="isSelected">Whether to read the item with this ordinal, counted from 0 over all items of the catalog.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async IAsyncEnumerable<CatalogEntry> ReadAsync(Stream catalog, Func<long, bool> isSelected, [EnumeratorCancellation] CancellationToken cancellationToken)
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

    /// <summary>Finds the items as <see cref="ReadAsync(Stream, CancellationToken)"/> does, and reads none of them. Each list is valid until the next one is asked for.</summary>
    internal async IAsyncEnumerable<IReadOnlyList<ItemText>> TextsAsync(Stream catalog, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
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
                await foreach (var items in texts.ConfigureAwait(false)) yield return items;
            }
        }
        finally
        {
            await pipe.CompleteAsync().ConfigureAwait(false);
        }
    }

    /// <summary>For who reads many items in a row on one thread; to be given back by <see cref="Return"/>.</summary>
    internal ItemParser Rent() => contentReader.Rent();

    internal void Return(ItemParser reading) => contentReader.Return(reading);

    /// <summary>The answer to an item that was too large to be kept.</summary>
    internal ContentReadResult TooLarge(long bytes) => ContentReader.TooLarge(bytes, options.MaxItemBytes);

    private CatalogEntry Read(ItemText item) => new(item.Line, item.Index, item.TooLarge > 0 ? TooLarge(item.TooLarge) : contentReader.Read(item.Utf8.Span));

    private static async ValueTask<Stream> UnpackAsync(PipeReader pipe, CancellationToken cancellationToken)
    {
        var start = await pipe.ReadAtLeastAsync(2, cancellationToken).ConfigureAwait(false);
        var isGzip = IsGzip(start.Buffer);
        pipe.AdvanceTo(start.Buffer.Start);
        var bytes = pipe.AsStream(leaveOpen: true);
        return isGzip ? new GZipStream(bytes, CompressionMode.Decompress) : bytes;
    }

    private static bool IsGzip(ReadOnlySequence<byte> start)
    {
        var reader = new SequenceReader<byte>(start);
        return reader.TryRead(out var first) && reader.TryRead(out var second) && first == 0x1F && second == 0x8B;
    }

    /// <summary>Goes to the first byte that is not white space and answers it; null where there is none.</summary>
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
            [(byte)'P', (byte)'K', 3, 4, ..] => " (it looks like a zip file; pack it with gzip instead)",
            _ => "",
        };
        return buffer.Fault($"The file is no catalog: it begins with byte 0x{first:X2}{hint}; a catalog is UTF-8 text with one JSON object per line, or one JSON array of objects, plain or packed with gzip.");
    }
}
