using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Xml;
using Fluid.Values;

namespace ContentSync.Mapping.Feeds;

/// <summary>
/// Reads RSS 2.0 (<c>item</c>), Atom (<c>entry</c>) or any XML with one element per record. A field is named by its local name; Google's
/// namespace takes precedence. Document types are refused and nothing is loaded from elsewhere.
/// </summary>
internal sealed class XmlFeedReader(FeedShape shape)
{
    private const string Google = "http://base.google.com/ns/1.0";

    private const int MaxDepth = 8;

    public async IAsyncEnumerable<FeedRecord> ReadAsync(Stream feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = Open(feed);
        var lines = (IXmlLineInfo)reader;
        var records = shape.Records;
        while (await GuardAsync(reader, () => reader.ReadAsync()).ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reader.NodeType != XmlNodeType.Element || reader.Depth == 0) continue;
            if (records is null && reader.LocalName is "item" or "entry") records = reader.LocalName;
            if (reader.LocalName != records) continue;
            var line = (long)lines.LineNumber;
            var (fields, fault) = await GuardAsync(reader, () => ReadRecordAsync(reader, cancellationToken)).ConfigureAwait(false);
            yield return new FeedRecord(line, null, fault is null ? fields : null, fault);
        }
    }

    private XmlReader Open(Stream feed)
    {
        var settings = new XmlReaderSettings
        {
            Async = true,
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            // Shops write control characters that XML 1.0 does not allow; the linter reports them.
            CheckCharacters = false,
        };

        // The declaration names the encoding, unless the text is UTF-16, whose byte order mark does.
        return shape.Encoding is UTF8Encoding
            ? XmlReader.Create(feed, settings)
            : XmlReader.Create(new StreamReader(feed, shape.Encoding, leaveOpen: true), settings);
    }

    private static async Task<T> GuardAsync<T>(XmlReader reader, Func<Task<T>> read)
    {
        try
        {
            return await read().ConfigureAwait(false);
        }
        catch (XmlException e)
        {
            var what = e.Message.Contains("DTD", StringComparison.Ordinal)
                ? "The document type (<!DOCTYPE) is not allowed; remove it"
                : $"The XML is broken: {Sentence(e)}";
            throw FeedFault.At(Math.Max(1, Math.Max(e.LineNumber, ((IXmlLineInfo)reader).LineNumber)), what, e);
        }
        catch (InvalidDataException e)
        {
            throw FeedFault.At(((IXmlLineInfo)reader).LineNumber, "The gzip data is damaged or ends too early; compress the file again", e);
        }
    }

    // The parser's own message ends with the position, which the fault repeats.
    private static string Sentence(XmlException e)
    {
        var position = e.Message.LastIndexOf(" Line ", StringComparison.Ordinal);
        return position < 0 ? e.Message : e.Message[..position];
    }

    private static async Task<(XmlFields Fields, string? Fault)> ReadRecordAsync(XmlReader reader, CancellationToken cancellationToken)
    {
        var budget = new Budget();
        var value = await ReadElementAsync(reader, budget, 0, cancellationToken).ConfigureAwait(false);
        var fault = budget.IsSpent
            ? string.Create(
                CultureInfo.InvariantCulture, $"The element is longer than {FeedLimits.MaxRecordLength:N0} characters or has too many elements.")
            : null;
        return (value as XmlFields ?? new XmlFields(), fault);
    }

    /// <summary>Reads the element that the reader is on, and leaves it on the element's end.</summary>
    private static async Task<FluidValue> ReadElementAsync(XmlReader reader, Budget budget, int depth, CancellationToken cancellationToken)
    {
        var attributes = Attributes(reader);
        if (reader.IsEmptyElement) return attributes is null ? NilValue.Instance : attributes;
        var end = reader.Depth;
        var text = new StringBuilder();
        XmlFields? children = null;
        while (await reader.ReadAsync().ConfigureAwait(false) && reader.Depth > end)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (reader.NodeType == XmlNodeType.Element)
            {
                var (name, isGoogle) = (reader.LocalName, reader.NamespaceURI == Google);
                var child = depth < MaxDepth
                    ? await ReadElementAsync(reader, budget, depth + 1, cancellationToken).ConfigureAwait(false)
                    : NilValue.Instance;
                if (budget.Spend(name.Length)) (children ??= new XmlFields()).Add(name, child, isGoogle);
            }
            else if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA)
            {
                await ReadTextAsync(reader, text, budget).ConfigureAwait(false);
            }
        }

        if (children is not null) return children;
        return text.Length == 0 && attributes is not null ? attributes : FeedObject.Text(text.ToString());
    }

    // In pieces, so that a text of any length takes no more memory than the limit.
    private static async Task ReadTextAsync(XmlReader reader, StringBuilder text, Budget budget)
    {
        var piece = new char[4 * 1024];
        while (await reader.ReadValueChunkAsync(piece, 0, piece.Length).ConfigureAwait(false) is > 0 and var length)
        {
            if (budget.Spend(length)) text.Append(piece, 0, length);
        }
    }

    private static XmlFields? Attributes(XmlReader reader)
    {
        if (!reader.HasAttributes) return null;
        var fields = new XmlFields();
        while (reader.MoveToNextAttribute())
        {
            if (reader.Prefix != "xmlns" && reader.Name != "xmlns") fields.Add(reader.LocalName, FeedObject.Text(reader.Value), isGoogle: false);
        }

        reader.MoveToElement();
        return fields.Count == 0 ? null : fields;
    }

    /// <summary>Bounds what a record keeps.</summary>
    private sealed class Budget
    {
        private int _left = FeedLimits.MaxRecordLength;
        private int _pieces = 16 * FeedLimits.MaxFields;

        public bool IsSpent => _left < 0 || _pieces < 0;

        public bool Spend(int length)
        {
            if (IsSpent) return false;
            _left -= length;
            _pieces--;
            return !IsSpent;
        }
    }
}
