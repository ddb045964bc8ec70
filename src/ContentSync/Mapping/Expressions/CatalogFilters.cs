using System.Globalization;
using System.Text;
using System.Text.Json;
using ContentSync.Content;
using ContentSync.Mapping.Feeds;
using Fluid;
using Fluid.Values;

namespace ContentSync.Mapping.Expressions;

/// <summary>
/// The filters of a mapping's expressions. They replace Liquid's own, which do not bound what they return. A filter for one text applies to
/// each element of a list.
/// </summary>
internal static class CatalogFilters
{
    private const int MaxElements = 1_000;

    private delegate FluidValue Filter(FluidValue input, FilterArguments arguments);

    /// <summary>All filters.</summary>
    /// <param name="lookups">The tables of <c>lookup</c>, by name.</param>
    public static TemplateOptions Create(IReadOnlyDictionary<string, LookupTable> lookups)
    {
        var options = new TemplateOptions { StrictFilters = true, CultureInfo = CultureInfo.InvariantCulture };
        options.Filters.Clear();
        AddTexts(options.Filters);
        AddNumbers(options.Filters);
        AddLists(options.Filters);
        Add(options.Filters, "lookup", (input, arguments) => Lookup(lookups, input, arguments));
        return options;
    }

    private static void AddTexts(FilterCollection filters)
    {
        AddText(filters, "strip", (text, _) => text.Trim());
        AddText(filters, "squeeze", (text, _) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        AddText(filters, "upcase", (text, _) => text.ToUpperInvariant());
        AddText(filters, "downcase", (text, _) => text.ToLowerInvariant());
        AddText(filters, "capitalize", (text, _) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..].ToLowerInvariant());
        AddText(filters, "append", (text, arguments) => Joined(text, arguments.At(0).ToStringValue()));
        AddText(filters, "prepend", (text, arguments) => Joined(arguments.At(0).ToStringValue(), text));
        AddText(filters, "replace", (text, arguments) => Replaced(text, arguments.At(0).ToStringValue(), arguments.At(1).ToStringValue()));
        AddText(filters, "remove", (text, arguments) => Replaced(text, arguments.At(0).ToStringValue(), ""));
        AddText(filters, "html_text", (text, _) => HtmlText.Of(text));
        AddText(filters, "entities", (text, _) => HtmlText.Entities(text));
        AddText(filters, "truncate_chars", (text, arguments) => TextCut.ToCharacters(text, Count(arguments, "truncate_chars: 120")));
        AddText(filters, "truncate_bytes", (text, arguments) => TextCut.ToBytes(text, Count(arguments, "truncate_bytes: 300")));
        AddText(filters, "absolute_url", (text, arguments) => Url(text, arguments.At(0).ToStringValue()));
        AddText(filters, "time", (text, arguments) => Time(text, arguments));
        Add(filters, "default", (input, arguments) => IsBlank(input) ? arguments.At(0) : input);
        Add(filters, "choose", Choose);
        Add(filters, "json", (input, _) => Json(input.ToStringValue()));
    }

    private static void AddNumbers(FilterCollection filters)
    {
        AddEach(filters, "number", (input, _) => NumberValue.Create(Number(input)));
        AddEach(filters, "plus", (input, arguments) => NumberValue.Create(Number(input) + Number(arguments.At(0))));
        AddEach(filters, "minus", (input, arguments) => NumberValue.Create(Number(input) - Number(arguments.At(0))));
        AddEach(filters, "times", (input, arguments) => NumberValue.Create(Number(input) * Number(arguments.At(0))));
        AddEach(filters, "divided_by", (input, arguments) => NumberValue.Create(Number(input) / Number(arguments.At(0))));
        AddEach(filters, "round", (input, arguments) => NumberValue.Create(
            decimal.Round(Number(input), (int)Math.Clamp(arguments.At(0).ToNumberValue(), 0, 10), MidpointRounding.AwayFromZero)));
        AddEach(filters, "money_cents", (input, arguments) => NumberValue.Create(Cents(input.ToStringValue(), TextOrNull(arguments.At(0)))));
        AddEach(filters, "money_decimal", (input, arguments) => new StringValue(Decimal(input.ToStringValue(), TextOrNull(arguments.At(0)))));
        AddEach(filters, "currency", (input, _) => FeedObject.Text(Money.Parse(input.ToStringValue()).Currency));
    }

    private static void AddLists(FilterCollection filters)
    {
        Add(filters, "split", Split);
        Add(filters, "join", (input, arguments) => new StringValue(Bounded(string.Join(
            arguments.Count == 0 ? ", " : arguments.At(0).ToStringValue(), Elements(input).Select(element => element.ToStringValue())))));
        Add(filters, "first", (input, _) => Elements(input) is [var first, ..] ? first : NilValue.Instance);
        Add(filters, "last", (input, _) => Elements(input) is [.., var last] ? last : NilValue.Instance);
        Add(filters, "size", (input, _) => NumberValue.Create(input is ArrayValue list ? list.Values.Count : TextCut.Length(input.ToStringValue())));
        Add(filters, "uniq", (input, _) => new ArrayValue([.. Elements(input).DistinctBy(element => element.ToStringValue())]));
        Add(filters, "compact", (input, _) => new ArrayValue([.. Elements(input).Where(element => !IsBlank(element))]));
        Add(filters, "map", (input, arguments) => new ArrayValue(
            [.. Elements(input).Select(element => element is FeedObject fields ? fields.Get(arguments.At(0).ToStringValue()) : NilValue.Instance)]));
        Add(filters, "limit", (input, arguments) => new ArrayValue([.. Elements(input).Take(Count(arguments, "limit: 10"))]));
        Add(filters, "min", (input, _) => Extreme(input, Enumerable.Min));
        Add(filters, "max", (input, _) => Extreme(input, Enumerable.Max));
        Add(filters, "sum", (input, _) => Extreme(input, Enumerable.Sum));
    }

    /// <summary>The amount in its currency's smallest unit.</summary>
    /// <exception cref="ExpressionException">Not an amount of this currency.</exception>
    public static decimal Cents(string text, string? currency)
    {
        var (amount, decimals) = Money.Exact(text, currency);
        for (var i = 0; i < decimals; i++) amount *= 10;
        return decimal.Truncate(amount);
    }

    /// <summary>The amount with all decimals of its currency.</summary>
    /// <exception cref="ExpressionException">Not an amount of this currency.</exception>
    public static string Decimal(string text, string? currency)
    {
        var (amount, decimals) = Money.Exact(text, currency);
        return amount.ToString("F" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    /// <exception cref="ExpressionException">Not a number.</exception>
    public static decimal Number(FluidValue value)
    {
        if (value is NumberValue) return value.ToNumberValue();
        var text = value.ToStringValue().Trim();
        return decimal.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new ExpressionException($"'{Excerpt.Of(text)}' is not a number such as 12 or 12.5");
    }

    public static bool IsBlank(FluidValue value) =>
        value.IsNil() || (value is StringValue && string.IsNullOrWhiteSpace(value.ToStringValue())) || value is ArrayValue { Values.Count: 0 };

    /// <summary>A look-up table that has a column.</summary>
    /// <exception cref="ExpressionException">There is no such table, or it has no such column.</exception>
    public static LookupTable Table(IReadOnlyDictionary<string, LookupTable> lookups, string name, string column)
    {
        if (!lookups.TryGetValue(name, out var table))
            throw new ExpressionException($"there is no look-up table '{name}'; name it under \"lookups\"");
        if (!table.Columns.Contains(column, StringComparer.Ordinal))
            throw new ExpressionException($"the look-up table '{name}' has no column '{column}'; its columns are {string.Join(", ", table.Columns)}");
        return table;
    }

    private static string? TextOrNull(FluidValue value) => value.IsNil() ? null : value.ToStringValue();

    private static void Add(FilterCollection filters, string name, Filter filter) =>
        filters.AddFilter(name, (input, arguments, _) => ValueTask.FromResult(filter(input, arguments)));

    // Nil stays nil: an absent price is no fault of the filter, and a required field reports it.
    private static void AddEach(FilterCollection filters, string name, Filter filter) => Add(filters, name, (input, arguments) => input switch
    {
        ArrayValue list => new ArrayValue([.. list.Values.Select(element => element.IsNil() ? element : filter(element, arguments))]),
        _ => input.IsNil() ? input : filter(input, arguments),
    });

    private static void AddText(FilterCollection filters, string name, Func<string, FilterArguments, string> filter) =>
        AddEach(filters, name, (input, arguments) => new StringValue(Bounded(filter(input.ToStringValue(), arguments))));

    private static string Bounded(string text) => text.Length > CatalogExpression.MaxOutput ? throw CatalogExpression.TooLong() : text;

    private static string Joined(string start, string end) =>
        start.Length + end.Length > CatalogExpression.MaxOutput ? throw CatalogExpression.TooLong() : start + end;

    private static string Replaced(string text, string old, string replacement)
    {
        if (old.Length == 0) return text;
        // Refused before the text is made: every character could become the whole replacement.
        var growth = (long)(text.Length / old.Length) * Math.Max(0, replacement.Length - old.Length);
        if (text.Length + growth > 16L * CatalogExpression.MaxOutput) throw CatalogExpression.TooLong();
        return text.Replace(old, replacement, StringComparison.Ordinal);
    }

    private static int Count(FilterArguments arguments, string example) =>
        arguments.Count > 0 && arguments.At(0).ToNumberValue() is >= 0 and <= CatalogExpression.MaxOutput and var count
            ? (int)count
            : throw new ExpressionException($"the filter needs a number, as in {example}");

    private static IReadOnlyList<FluidValue> Elements(FluidValue input) => input switch
    {
        ArrayValue list => list.Values,
        _ => IsBlank(input) ? [] : [input],
    };

    private static ArrayValue Split(FluidValue input, FilterArguments arguments)
    {
        var separator = arguments.At(0).ToStringValue();
        if (separator.Length == 0) throw new ExpressionException("split needs a separator, as in split: ','");
        var parts = input.ToStringValue().Split(separator, MaxElements, StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return new ArrayValue([.. parts.Select(part => new StringValue(part))]);
    }

    private static FluidValue Extreme(FluidValue input, Func<IEnumerable<decimal>, decimal> of)
    {
        var numbers = Elements(input).Where(element => !IsBlank(element)).Select(Number).ToList();
        return numbers.Count == 0 ? NilValue.Instance : NumberValue.Create(of(numbers));
    }

    /// <summary>Pairs of a text and its result, and optionally a result for any other text. Case, blanks and underscores do not matter.</summary>
    private static FluidValue Choose(FluidValue input, FilterArguments arguments)
    {
        var text = Comparable(input.ToStringValue());
        for (var i = 0; i + 1 < arguments.Count; i += 2)
        {
            if (Comparable(arguments.At(i).ToStringValue()) == text) return arguments.At(i + 1);
        }

        if (arguments.Count % 2 == 1) return arguments.At(arguments.Count - 1);
        var known = Enumerable.Range(0, arguments.Count / 2).Select(i => arguments.At(2 * i).ToStringValue());
        throw new ExpressionException($"'{Excerpt.Of(input.ToStringValue())}' is none of {string.Join(", ", known)}");
    }

    private static string Comparable(string text) => text.Trim().Replace('_', ' ').ToUpperInvariant();

    private static FluidValue Lookup(IReadOnlyDictionary<string, LookupTable> lookups, FluidValue input, FilterArguments arguments)
    {
        var (name, column) = (arguments.At(0).ToStringValue(), arguments.At(1).ToStringValue());
        return Table(lookups, name, column).Find(input.ToStringValue())?.Get(column) ?? NilValue.Instance;
    }

    private static FluidValue Json(string text)
    {
        if (string.IsNullOrWhiteSpace(text)) return NilValue.Instance;
        try
        {
            return JsonFields.Of(JsonFields.Parse(Encoding.UTF8.GetBytes(text)));
        }
        catch (JsonException)
        {
            throw new ExpressionException($"'{Excerpt.Of(text)}' is not JSON");
        }
    }

    private static string Time(string text, FilterArguments arguments)
    {
        var zone = TextOrNull(arguments.At(0));
        var time = FeedTime.Parse(text, zone);
        return FeedTime.Text(zone is null ? time : TimeZoneInfo.ConvertTime(time, FeedTime.Zone(zone)));
    }

    /// <summary>An absolute https address: relative ones are resolved, and http becomes https.</summary>
    private static string Url(string text, string site)
    {
        text = text.Trim();
        if (text.StartsWith("//", StringComparison.Ordinal)) text = "https:" + text;
        if (!IsAbsolute(text, out var url) && !(IsAbsolute(site, out var root) && Uri.TryCreate(root, text, out url)))
            throw new ExpressionException($"'{Excerpt.Of(text)}' is not an address; name the site, as in absolute_url: 'https://shop.example'");
        return url!.Scheme == Uri.UriSchemeHttps ? url.AbsoluteUri : new UriBuilder(url) { Scheme = Uri.UriSchemeHttps, Port = -1 }.Uri.AbsoluteUri;
    }

    // A path alone counts as an absolute file address on Unix.
    private static bool IsAbsolute(string text, out Uri? url) =>
        Uri.TryCreate(text, UriKind.Absolute, out url) && (url.Scheme == Uri.UriSchemeHttps || url.Scheme == Uri.UriSchemeHttp);
}
