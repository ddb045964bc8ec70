using System.Text.Json;

namespace ContentSync.Content;

/// <summary>Splits a JSON array into the texts of its elements, so that one invalid element does not affect the others.</summary>
internal static class JsonArrayText
{
    /// <summary>Max nesting: deeper than any valid item, so that an item nested too deeply is refused on its own.</summary>
    public const int MaxDepth = 1024;

    private static readonly JsonReaderOptions Deep = new() { MaxDepth = MaxDepth };

    /// <returns>The bytes of each element; null if the text is JSON, but no array.</returns>
    /// <exception cref="JsonException">The text is not valid JSON, or continues after the array.</exception>
    public static List<ReadOnlyMemory<byte>>? Split(ReadOnlyMemory<byte> text)
    {
        var json = new Utf8JsonReader(text.Span, Deep);
        json.Read();
        if (json.TokenType != JsonTokenType.StartArray) return null;
        var elements = new List<ReadOnlyMemory<byte>>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)json.TokenStartIndex;
            json.Skip();
            elements.Add(text[start..(int)json.BytesConsumed]);
        }

        // Detects text after the array.
        json.Read();
        return elements;
    }
}
