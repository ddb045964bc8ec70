using System.Buffers;
using System.Runtime.CompilerServices;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>A catalog that is one JSON array. Finds where each element ends without reading it; what is in it, the content reader judges.</summary>
internal sealed class JsonArrayReader(ContentOptions options)
{
    /// <summary>One element after the other, each valid until the next one is asked for.</summary>
    public async IAsyncEnumerable<IReadOnlyList<ItemText>> ReadAsync(CatalogBuffer buffer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        buffer.Advance(1);
        var item = new ItemText[1];
        var next = await NextAsync(buffer, cancellationToken).ConfigureAwait(false);
        for (var index = 0L; next != ']'; index++)
        {
            if (next == ',') throw buffer.Fault($"The JSON array is broken at element {index}: a value must stand before the comma");
            item[0] = await ReadElementAsync(buffer, index, cancellationToken).ConfigureAwait(false);
            yield return item;
            next = await NextAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (next == ']') break;
            if (next != ',') throw buffer.Fault($"The JSON array is broken after element {index}: a comma or ] must follow");
            buffer.Advance(1);
            next = await NextAsync(buffer, cancellationToken).ConfigureAwait(false);
            if (next == ']') throw buffer.Fault($"The JSON array is broken after element {index}: another element must follow the comma");
        }

        buffer.Advance(1);
        do
        {
            if (buffer.SkipWhiteSpace()) throw buffer.Fault("Something follows the end of the JSON array; a catalog holds one array and nothing else");
        }
        while (await buffer.FillAsync(cancellationToken).ConfigureAwait(false));
    }

    private static async ValueTask<byte> NextAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        while (!buffer.SkipWhiteSpace())
        {
            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) throw buffer.Fault("The file ends before the JSON array does; its closing ] is missing");
        }

        return buffer.Unread.Span[0];
    }

    private async ValueTask<ItemText> ReadElementAsync(CatalogBuffer buffer, long index, CancellationToken cancellationToken)
    {
        var line = buffer.Line;
        var end = new JsonElementScanner(buffer.Unread.Span[0]);
        var scanned = 0;
        var skipped = 0L;
        while (true)
        {
            var found = end.Find(buffer.Unread.Span[scanned..], out var length);
            scanned += length;
            if (found == JsonElementScanner.Answer.Ended) break;
            if (found == JsonElementScanner.Answer.Broken)
            {
                buffer.AdvanceOverLines(scanned);
                throw buffer.Fault($"The JSON array is broken in element {index}: a text is not closed before the end of its line");
            }

            if (scanned > options.MaxItemBytes)
            {
                buffer.AdvanceOverLines(scanned);
                skipped += scanned;
                scanned = 0;
            }

            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false))
                throw buffer.Fault($"The file ends in the middle of element {index} of the JSON array, which begins at line {line}");
        }

        var item = skipped > 0
            ? new ItemText(default, line, index, skipped + scanned)
            : new ItemText(buffer.Unread[..scanned], line, index);
        buffer.AdvanceOverLines(scanned);
        return item;
    }

    /// <summary>
    /// Looks for the end of an element, over as many pieces as it comes in. Only brackets of the element's own kind count, so an
    /// element that is broken inside still ends and the next one is found.
    /// </summary>
    private struct JsonElementScanner(byte first)
    {
        private static readonly SearchValues<byte> AfterScalar = SearchValues.Create(",] \t\r\n"u8);

        private readonly byte _close = first switch { (byte)'{' => (byte)'}', (byte)'[' => (byte)']', _ => 0 };
        private int _depth;
        private bool _inText;
        private bool _escaped;

        public enum Answer
        {
            More,
            Ended,
            Broken,
        }

        /// <summary>How the search stands after <paramref name="piece"/>, and how many of its bytes belong to the element or were looked at.</summary>
        public Answer Find(ReadOnlySpan<byte> piece, out int length)
        {
            var at = 0;
            var answer = Answer.More;
            while (answer == Answer.More && at < piece.Length)
                answer = _inText ? InText(piece, ref at) : Between(piece, ref at);
            length = at;
            return answer;
        }

        private Answer InText(ReadOnlySpan<byte> piece, ref int at)
        {
            if (_escaped)
            {
                _escaped = false;
                at++;
                return Answer.More;
            }

            var stop = piece[at..].IndexOfAny("\"\\\n"u8);
            at = stop < 0 ? piece.Length : at + stop;
            if (stop < 0) return Answer.More;
            if (piece[at] == '\n') return Answer.Broken;
            _escaped = piece[at] == '\\';
            _inText = _escaped;
            at++;
            return !_inText && _close == 0 ? Answer.Ended : Answer.More;
        }

        private Answer Between(ReadOnlySpan<byte> piece, ref int at)
        {
            if (_close == 0) return Scalar(piece, ref at);
            var stop = piece[at..].IndexOfAny((byte)'"', first, _close);
            at = stop < 0 ? piece.Length : at + stop;
            if (stop < 0) return Answer.More;
            var found = piece[at++];
            if (found == '"') _inText = true;
            else _depth += found == first ? 1 : -1;
            return _depth == 0 ? Answer.Ended : Answer.More;
        }

        private Answer Scalar(ReadOnlySpan<byte> piece, ref int at)
        {
            if (first == '"')
            {
                _inText = true;
                at++;
                return Answer.More;
            }

            var stop = piece[at..].IndexOfAny(AfterScalar);
            at = stop < 0 ? piece.Length : at + stop;
            return stop < 0 ? Answer.More : Answer.Ended;
        }
    }
}
