using System.Buffers;
using System.Runtime.CompilerServices;
using ContentSync.Content;

namespace ContentSync.Catalog;

/// <summary>A catalog that is one JSON array. Finds the end of each element without parsing it; the content reader validates the elements.</summary>
internal sealed class JsonArrayReader(ContentOptions options)
{
    /// <summary>The array is part of a document: what follows it must close that document, and is not read otherwise.</summary>
    public bool IsEmbedded { get; init; }

    /// <summary>Returns one element at a time, each valid until the next one is requested.</summary>
    public async IAsyncEnumerable<IReadOnlyList<ItemText>> ReadAsync(
        CatalogBuffer buffer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        buffer.Advance(1);
        var item = new ItemText[1];
        var next = await NextAsync(buffer, cancellationToken).ConfigureAwait(false);
        for (var index = 0L; next != ']'; index++)
        {
            if (next == ',') throw buffer.Fault($"The JSON array is broken at element {index}: a value must come before the comma");
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
        if (IsEmbedded)
        {
            await SkipRestAsync(buffer, cancellationToken).ConfigureAwait(false);
            yield break;
        }

        do
        {
            if (buffer.SkipWhiteSpace())
                throw buffer.Fault("Something follows the end of the JSON array; a catalog holds one array and nothing else");
        }
        while (await buffer.FillAsync(cancellationToken).ConfigureAwait(false));
    }

    private static async ValueTask SkipRestAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        var last = (byte)0;
        do
        {
            var unread = buffer.Unread.Span;
            var end = unread.LastIndexOfAnyExcept(" \t\r\n"u8);
            if (end >= 0) last = unread[end];
            buffer.AdvanceOverLines(unread.Length);
        }
        while (await buffer.FillAsync(cancellationToken).ConfigureAwait(false));
        if (last is not ((byte)'}' or (byte)']')) throw buffer.Fault("The file ends before its JSON document does");
    }

    private static async ValueTask<byte> NextAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        while (!buffer.SkipWhiteSpace())
        {
            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false))
                throw buffer.Fault("The file ends before the JSON array does; its closing ] is missing");
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
            if (found == JsonElementScanner.ScanState.Ended) break;
            if (found == JsonElementScanner.ScanState.Broken)
            {
                buffer.AdvanceOverLines(scanned);
                throw buffer.Fault($"The JSON array is broken in element {index}: a string is not closed before the end of its line");
            }

            if (scanned > options.MaxItemBytes)
            {
                buffer.AdvanceOverLines(scanned);
                skipped += scanned;
                scanned = 0;
            }

            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false))
                throw buffer.Fault($"The file ends in the middle of element {index} of the JSON array, which starts on line {line}");
        }

        var item = skipped > 0
            ? new ItemText(default, line, index, skipped + scanned)
            : new ItemText(buffer.Unread[..scanned], line, index);
        buffer.AdvanceOverLines(scanned);
        return item;
    }

    /// <summary>
    /// Finds the end of an element that arrives in any number of chunks. Only brackets of the element's own kind are counted, so an
    /// element with broken JSON inside still ends, and the next one is found.
    /// </summary>
    private struct JsonElementScanner(byte first)
    {
        private static readonly SearchValues<byte> AfterScalar = SearchValues.Create(",] \t\r\n"u8);

        private readonly byte _close = first switch { (byte)'{' => (byte)'}', (byte)'[' => (byte)']', _ => 0 };
        private int _depth;
        private bool _inString;
        private bool _escaped;

        public enum ScanState
        {
            More,
            Ended,
            Broken,
        }

        /// <summary>The state of the search after <paramref name="chunk"/>, and how many of its bytes were scanned.</summary>
        public ScanState Find(ReadOnlySpan<byte> chunk, out int length)
        {
            var at = 0;
            var state = ScanState.More;
            while (state == ScanState.More && at < chunk.Length)
                state = _inString ? InString(chunk, ref at) : OutsideString(chunk, ref at);
            length = at;
            return state;
        }

        private ScanState InString(ReadOnlySpan<byte> chunk, ref int at)
        {
            if (_escaped)
            {
                _escaped = false;
                at++;
                return ScanState.More;
            }

            var next = chunk[at..].IndexOfAny("\"\\\n"u8);
            at = next < 0 ? chunk.Length : at + next;
            if (next < 0) return ScanState.More;
            if (chunk[at] == '\n') return ScanState.Broken;
            _escaped = chunk[at] == '\\';
            _inString = _escaped;
            at++;
            return !_inString && _close == 0 ? ScanState.Ended : ScanState.More;
        }

        private ScanState OutsideString(ReadOnlySpan<byte> chunk, ref int at)
        {
            if (_close == 0) return Scalar(chunk, ref at);
            var next = chunk[at..].IndexOfAny((byte)'"', first, _close);
            at = next < 0 ? chunk.Length : at + next;
            if (next < 0) return ScanState.More;
            var found = chunk[at++];
            if (found == '"') _inString = true;
            else _depth += found == first ? 1 : -1;
            return _depth == 0 ? ScanState.Ended : ScanState.More;
        }

        private ScanState Scalar(ReadOnlySpan<byte> chunk, ref int at)
        {
            if (first == '"')
            {
                _inString = true;
                at++;
                return ScanState.More;
            }

            var next = chunk[at..].IndexOfAny(AfterScalar);
            at = next < 0 ? chunk.Length : at + next;
            return next < 0 ? ScanState.More : ScanState.Ended;
        }
    }
}
