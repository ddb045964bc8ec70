using System.Text.Json;
using Fluid;
using Fluid.Values;

namespace ContentSync.Mapping.Feeds;

/// <summary>The fields of a feed's record, or of an object inside it, as values of an expression. Blank text counts as nil.</summary>
internal abstract class FeedObject : FluidValue
{
    public override FluidValues Type => FluidValues.Dictionary;

    /// <summary>The fields that have a value, in the feed's order.</summary>
    public abstract IEnumerable<string> Names { get; }

    /// <summary>The value of a field; nil if there is none.</summary>
    public abstract FluidValue Get(string name);

    public static FluidValue Text(string? text) => string.IsNullOrWhiteSpace(text) ? NilValue.Instance : new StringValue(text);

    public override ValueTask<FluidValue> GetValueAsync(string name, TemplateContext context) => ValueTask.FromResult(Get(name));

    public override ValueTask<FluidValue> GetIndexAsync(FluidValue index, TemplateContext context) =>
        ValueTask.FromResult(Get(index.ToStringValue()));

    public override bool Equals(FluidValue? other) => ReferenceEquals(this, other);

    public override bool ToBooleanValue() => true;

    public override decimal ToNumberValue() => 0;

    public override string ToStringValue() => FeedJson.Of(this);

    public override object ToObjectValue() => this;
}

/// <summary>
/// The columns of a CSV feed. A name is found as the header spells it, or as an identifier: <c>Variant SKU</c> is also <c>variant_sku</c>.
/// </summary>
internal sealed class FeedHeader
{
    private readonly Dictionary<string, int> _indexes = new(StringComparer.Ordinal);

    public FeedHeader(IEnumerable<string> names)
    {
        var distinct = new List<string>();
        foreach (var name in names)
        {
            var unique = name;
            for (var number = 2; !_indexes.TryAdd(unique, distinct.Count); number++) unique = $"{name} {number}";
            distinct.Add(unique);
        }

        Names = distinct;
        for (var i = 0; i < Names.Count; i++) _indexes.TryAdd(IdentifierOf(Names[i]), i);
    }

    /// <summary>The columns; a repeated name has a number appended.</summary>
    public IReadOnlyList<string> Names { get; }

    public bool TryFind(string name, out int index) => _indexes.TryGetValue(name, out index);

    /// <summary>A name as an expression can write it: letters and digits in lower case, anything else as one underscore.</summary>
    public static string IdentifierOf(string name)
    {
        var text = new System.Text.StringBuilder(name.Length);
        foreach (var c in name)
        {
            if (char.IsLetterOrDigit(c)) text.Append(char.ToLowerInvariant(c));
            else if (text.Length > 0 && text[^1] != '_') text.Append('_');
        }

        return text.ToString().TrimEnd('_');
    }
}

/// <summary>A line of a CSV feed.</summary>
/// <param name="header">Its columns.</param>
/// <param name="cells">By column; null for a cell that no rule reads.</param>
internal sealed class CsvFields(FeedHeader header, string?[] cells) : FeedObject
{
    public override IEnumerable<string> Names => header.Names.Where((_, index) => !string.IsNullOrWhiteSpace(cells[index]));

    public override FluidValue Get(string name) => header.TryFind(name, out var index) ? Text(cells[index]) : NilValue.Instance;

    /// <summary>Completes an empty cell from the line above.</summary>
    public void Complete(int column, CsvFields above)
    {
        if (string.IsNullOrWhiteSpace(cells[column])) cells[column] = above.Cell(column);
    }

    public string? Cell(int column) => cells[column];
}

/// <summary>A record of an XML feed, or an element inside it.</summary>
internal sealed class XmlFields : FeedObject
{
    private readonly Dictionary<string, FluidValue> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _fromGoogle = new(StringComparer.Ordinal);

    public override IEnumerable<string> Names => _values.Keys;

    public int Count => _values.Count;

    public override FluidValue Get(string name) => _values.GetValueOrDefault(name) ?? NilValue.Instance;

    /// <summary>Adds an element. Google's <c>g:title</c> replaces the <c>title</c> of RSS; elements of the same name become a list.</summary>
    public void Add(string name, FluidValue value, bool isGoogle)
    {
        if (value.IsNil()) return;
        if (isGoogle && _fromGoogle.Add(name))
        {
            _values[name] = value;
            return;
        }

        if (!isGoogle && _fromGoogle.Contains(name)) return;
        _values[name] = _values.TryGetValue(name, out var before)
            ? new ArrayValue([.. before is ArrayValue list ? list.Values : [before], value])
            : value;
    }
}

/// <summary>A record of a JSON feed, or an object inside it.</summary>
internal sealed class JsonFields(JsonElement element) : FeedObject
{
    /// <summary>Parses JSON whose texts can all be read.</summary>
    /// <exception cref="JsonException">Not JSON, nested deeper than 64 levels, or with half of a surrogate pair in a text.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> utf8)
    {
        var element = JsonElement.Parse(utf8);
        if (utf8.IndexOf("\\ud"u8) >= 0 || utf8.IndexOf("\\uD"u8) >= 0) Read(element);
        return element;
    }

    public override IEnumerable<string> Names =>
        element.EnumerateObject().Where(member => !Of(member.Value).IsNil()).Select(member => member.Name);

    public override FluidValue Get(string name) => element.TryGetProperty(name, out var value) ? Of(value) : NilValue.Instance;

    // The reader leaves escapes as they are until a text is read.
    private static void Read(JsonElement element)
    {
        try
        {
            if (element.ValueKind == JsonValueKind.String)
            {
                element.GetString();
            }
            else if (element.ValueKind == JsonValueKind.Array)
            {
                foreach (var value in element.EnumerateArray()) Read(value);
            }
            else if (element.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    Read(member.Value);
                }
            }
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException("A text holds half of a surrogate pair.", e);
        }
    }

    /// <summary>A JSON value as a value of an expression.</summary>
    public static FluidValue Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => Text(value.GetString()),
        // A number with more digits than a decimal holds stays text, so that no digit is lost.
        JsonValueKind.Number => value.TryGetDecimal(out var number)
            && number.ToString(System.Globalization.CultureInfo.InvariantCulture) == value.GetRawText()
            ? NumberValue.Create(number)
            : new StringValue(value.GetRawText()),
        JsonValueKind.True => BooleanValue.True,
        JsonValueKind.False => BooleanValue.False,
        JsonValueKind.Array => new ArrayValue([.. value.EnumerateArray().Select(Of)]),
        JsonValueKind.Object => new JsonFields(value),
        _ => NilValue.Instance,
    };
}
