using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using ContentSync.Catalog;
using ContentSync.Content;

namespace ContentSync.Mapping.Feeds;

/// <summary>Reads NDJSON, or a JSON array anywhere in a document, found by its pointer.</summary>
internal sealed class JsonFeedReader(FeedShape shape)
{
    private static readonly ContentOptions Limits = new() { MaxItemBytes = FeedLimits.MaxRecordLength };

    public async IAsyncEnumerable<FeedRecord> ReadAsync(Stream feed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var utf8 = shape.Encoding is UTF8Encoding
            ? feed
            : Encoding.CreateTranscodingStream(feed, shape.Encoding, new UTF8Encoding(false), leaveOpen: true);
        using var buffer = new CatalogBuffer(utf8, FeedLimits.MaxRecordLength);
        await SkipMarkAsync(buffer, cancellationToken).ConfigureAwait(false);
        var texts = shape.Format == FeedFormat.Ndjson
            ? new NdjsonReader(Limits).ReadAsync(buffer, cancellationToken)
            : await FindArrayAsync(buffer, cancellationToken).ConfigureAwait(false);
        await foreach (var records in texts.ConfigureAwait(false))
        {
            for (var i = 0; i < records.Count; i++) yield return Read(records[i]);
        }
    }

    private static async ValueTask SkipMarkAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        while (buffer.Unread.Length < Encoding.UTF8.Preamble.Length && await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) { }
        if (buffer.Unread.Span.StartsWith(Encoding.UTF8.Preamble)) buffer.Advance(Encoding.UTF8.Preamble.Length);
        while (!buffer.SkipWhiteSpace() && await buffer.FillAsync(cancellationToken).ConfigureAwait(false)) { }
    }

    private async ValueTask<IAsyncEnumerable<IReadOnlyList<ItemText>>> FindArrayAsync(CatalogBuffer buffer, CancellationToken cancellationToken)
    {
        var pointer = shape.Records ?? "";
        if (pointer.Length == 0)
        {
            return buffer.Unread.Span is [(byte)'[', ..]
                ? new JsonArrayReader(Limits).ReadAsync(buffer, cancellationToken)
                : throw buffer.Fault("The document is not an array; name the array of records with \"records\", such as \"/products\"");
        }

        var path = new PointerPath(pointer);
        var state = default(JsonReaderState);
        while (true)
        {
            var (found, used, next) = Walk(buffer, path, state);
            if (found)
            {
                buffer.AdvanceOverLines(used - 1);
                return new JsonArrayReader(Limits) { IsEmbedded = true }.ReadAsync(buffer, cancellationToken);
            }

            state = next;
            buffer.AdvanceOverLines(used);
            if (buffer.IsFull) throw buffer.Fault($"A value of more than {FeedLimits.MaxRecordLength:N0} bytes stands before the array at {pointer}");
            if (!await buffer.FillAsync(cancellationToken).ConfigureAwait(false))
                throw buffer.Fault($"The document has no array at {pointer}; name the array of records with \"records\"");
        }
    }

    /// <summary>Reads tokens up to the array's opening bracket, or as far as they are buffered.</summary>
    private static (bool Found, int Used, JsonReaderState State) Walk(CatalogBuffer buffer, PointerPath path, JsonReaderState state)
    {
        var reader = new Utf8JsonReader(buffer.Unread.Span, isFinalBlock: false, state);
        try
        {
            while (reader.Read())
            {
                if (path.Take(ref reader)) return (true, (int)reader.BytesConsumed, default);
            }
        }
        catch (JsonException e)
        {
            buffer.AdvanceOverLines((int)reader.BytesConsumed);
            throw buffer.Fault("The JSON is broken", e);
        }

        return (false, (int)reader.BytesConsumed, reader.CurrentState);
    }

    private static FeedRecord Read(ItemText text)
    {
        if (text.TooLarge > 0)
        {
            return new FeedRecord(
                text.Line, text.Index, null, $"The record has {text.TooLarge:N0} bytes; the limit is {FeedLimits.MaxRecordLength:N0}.");
        }

        try
        {
            // The buffer is reused: the element needs bytes of its own.
            var element = JsonFields.Parse(text.Utf8.Span);
            return element.ValueKind == JsonValueKind.Object
                ? new FeedRecord(text.Line, text.Index, new JsonFields(element), null)
                : new FeedRecord(text.Line, text.Index, null, $"The record is {Kind(element)}; a JSON object is expected.");
        }
        catch (JsonException)
        {
            return new FeedRecord(
                text.Line, text.Index, null, "The record is not valid JSON, is nested deeper than 64 levels, or holds half of a surrogate pair.");
        }
    }

    private static string Kind(JsonElement element) => $"a JSON {element.ValueKind.ToString().ToLowerInvariant()}";

    /// <summary>Follows a JSON pointer while a document is read token by token.</summary>
    private sealed class PointerPath(string pointer)
    {
        private readonly string[] _tokens = [.. pointer.Split('/').Skip(1).Select(Unescaped)];
        private int _matched;

        /// <returns>True at the opening bracket of the array.</returns>
        public bool Take(ref Utf8JsonReader reader)
        {
            // Only what stands directly below the part that has matched so far can continue the path.
            if (reader.CurrentDepth > _matched + 1 || _matched == _tokens.Length) return IsArray(ref reader);
            if (reader.TokenType != JsonTokenType.PropertyName) return false;
            // The next member of an object ends the one before it.
            _matched = Math.Min(_matched, reader.CurrentDepth - 1);
            if (reader.CurrentDepth == _matched + 1 && reader.ValueTextEquals(_tokens[_matched])) _matched++;
            return false;
        }

        private static string Unescaped(string token) =>
            token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

        private bool IsArray(ref Utf8JsonReader reader)
        {
            if (_matched < _tokens.Length) return false;
            if (reader.TokenType == JsonTokenType.StartArray && reader.CurrentDepth == _matched) return true;
            _matched--;
            return false;
        }
    }
}
