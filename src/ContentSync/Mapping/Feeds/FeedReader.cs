using System.IO.Compression;
using System.Runtime.CompilerServices;
using ContentSync.Catalog;

namespace ContentSync.Mapping.Feeds;

/// <summary>
/// Streams the records of a feed in any format, compressed with gzip or not, in constant memory. Detects what the layout leaves open.
/// </summary>
internal sealed class FeedReader(FeedLayout layout)
{
    /// <summary>Fields to read from a CSV feed; null for all.</summary>
    public IReadOnlySet<string>? Wanted { get; init; }

    /// <summary>Receives how the feed is read, before its first record.</summary>
    public Action<FeedShape>? OnShape { get; init; }

    /// <summary>Receives the columns of a CSV feed, before its first record.</summary>
    public Action<FeedHeader>? OnHeader { get; init; }

    /// <summary>Reads to the end.</summary>
    /// <exception cref="CatalogFormatException">The feed is broken; thrown after every record before that position.</exception>
    /// <exception cref="IOException">The stream cannot be read.</exception>
    public async IAsyncEnumerable<FeedRecord> ReadAsync(Stream feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var start = await PrefixedStream.PeekAsync(feed, FeedLimits.DetectionBytes, cancellationToken).ConfigureAwait(false);
        var isGzip = start.Span is [0x1F, 0x8B, ..];
        Stream text = new PrefixedStream(start, feed);
        await using (text.ConfigureAwait(false))
        {
            if (isGzip)
            {
                text = new GZipStream(text, CompressionMode.Decompress);
                start = await UnpackAsync(text, cancellationToken).ConfigureAwait(false);
                text = new PrefixedStream(start, text);
            }

            if (start.IsEmpty) yield break;
            var shape = FeedDetector.Detect(start.Span, layout, isGzip);
            OnShape?.Invoke(shape);
            await foreach (var record in Read(shape, text, cancellationToken).ConfigureAwait(false)) yield return record;
        }
    }

    private static async ValueTask<ReadOnlyMemory<byte>> UnpackAsync(Stream gzip, CancellationToken cancellationToken)
    {
        try
        {
            return await PrefixedStream.PeekAsync(gzip, FeedLimits.DetectionBytes, cancellationToken).ConfigureAwait(false);
        }
        catch (InvalidDataException e)
        {
            throw FeedFault.At(1, "The gzip data is damaged or ends too early; compress the file again", e);
        }
    }

    private IAsyncEnumerable<FeedRecord> Read(FeedShape shape, Stream text, CancellationToken cancellationToken) => shape.Format switch
    {
        FeedFormat.Csv => new CsvFeedReader(shape) { Wanted = Wanted, OnHeader = OnHeader }.ReadAsync(text, cancellationToken),
        FeedFormat.Xml => new XmlFeedReader(shape).ReadAsync(text, cancellationToken),
        _ => new JsonFeedReader(shape).ReadAsync(text, cancellationToken),
    };
}
