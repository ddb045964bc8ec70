using System.Text;
using System.Text.Json;
using ContentSync.Mapping.Expressions;
using ContentSync.Mapping.Feeds;

namespace ContentSync.Tests.Mapping;

public sealed class ExpressionTests
{
    private static readonly IReadOnlyDictionary<string, LookupTable> NoTables = new Dictionary<string, LookupTable>();

    [Theory]
    [InlineData("15.00 USD", 1500)]
    [InlineData("HKD 1,234.50", 123450)]
    [InlineData("HK$88", 8800)]
    [InlineData("hk$88", 8800)]
    [InlineData("1 234,50 EUR", 123450)]
    [InlineData("1.234,5", 123450)]
    [InlineData(".5", 50)]
    [InlineData("0.10", 10)]
    [InlineData("1,234", 123400)]
    [InlineData("500 JPY", 500)]
    public void Money_becomes_cents_without_floating_point(string text, long cents)
    {
        Assert.Equal(cents, Evaluate("{{ v | money_cents }}", text).GetDecimal());
    }

    [Fact]
    public void Money_is_exact_with_as_many_digits_as_a_decimal_holds()
    {
        Assert.Equal(7922816251426433759354395m, Evaluate("{{ v | money_cents }}", "79228162514264337593543.95").GetDecimal());
    }

    [Theory]
    [InlineData("{{ v | money_cents }}", "call us", "'call us' is not an amount")]
    [InlineData("{{ v | money_cents }}", "12.345", "more than 2 decimals")]
    [InlineData("{{ v | money_cents }}", "5.5 JPY", "more than 0 decimals")]
    [InlineData("{{ v | money_cents: 'HKD' }}", "15 USD", "the amount is in USD; HKD is expected")]
    [InlineData("{{ v | choose: 'a', 1, 'b', 2 }}", "c", "'c' is none of a, b")]
    [InlineData("{{ v | absolute_url }}", "/p/1", "name the site")]
    [InlineData("{{ v | time }}", "2026-05-22", "has no zone")]
    [InlineData("{{ v | divided_by: 0 }}", "1", "a number is too large")]
    [InlineData("{{ v | times: 79228162514264337593543950335 }}", "10", "a number is too large")]
    [InlineData("{{ v | json }}", "{", "is not JSON")]
    public void A_value_that_a_filter_cannot_use_is_a_fault_that_says_why(string expression, string value, string message)
    {
        var fault = Assert.Throws<ExpressionException>(() => Evaluate(expression, value));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ v | html_text }}", "<p>A &amp; B</p><ul><li>x</li></ul><script>no()</script>", "A & B\nx")]
    [InlineData("{{ v | entities }}", "A &amp;amp; B &quot;", "A & B \"")]
    [InlineData("{{ v | truncate_chars: 2 }}", "a👨‍👩‍👧b", "a")]
    [InlineData("{{ v | truncate_chars: 6 }}", "a👨‍👩‍👧b", "a👨‍👩‍👧")]
    [InlineData("{{ v | truncate_bytes: 7 }}", "手工曲奇", "手工")]
    [InlineData("{{ v | time: 'Asia/Hong_Kong' }}", "2026-12-01T09:00+0100", "2026-12-01T16:00:00+08:00")]
    [InlineData("{{ v | time: 'Asia/Hong_Kong' }}", "2026-12-01", "2026-12-01T00:00:00+08:00")]
    [InlineData("{{ v | absolute_url: 'https://a.example' }}", "/p 1", "https://a.example/p%201")]
    [InlineData("{{ v | absolute_url }}", "//cdn.example/1.jpg", "https://cdn.example/1.jpg")]
    [InlineData("{{ v | absolute_url }}", "http://cdn.example/1.jpg", "https://cdn.example/1.jpg")]
    [InlineData("{{ v | choose: 'in stock', 'yes', 'no' }}", "In_Stock", "yes")]
    [InlineData("{{ v | split: '>' | last }}", "A > B", "B")]
    [InlineData("{{ v | money_decimal }}", "HK$1.5", "1.50")]
    [InlineData("{{ v | upcase }}-{{ v }}", "a", "A-a")]
    [InlineData("{{ missing | default: v }}", "x", "x")]
    [InlineData("{{ record['v'] }}", "x", "x")]
    public void Filters_do_catalog_work(string expression, string value, string expected)
    {
        Assert.Equal(expected, Evaluate(expression, value).GetString());
    }

    [Fact]
    public void A_single_output_keeps_its_type_and_decimals_are_exact() =>
        Assert.Equal("0.3", Evaluate("{{ v | number | plus: 0.2 }}", "0.1").GetRawText());

    [Fact]
    public void Html_that_would_take_long_is_refused()
    {
        var html = string.Concat(Enumerable.Repeat("<p>x", 100_000));

        var fault = Assert.Throws<ExpressionException>(() => Evaluate("{{ v | html_text }}", html));

        Assert.Contains("the HTML has 400,000 characters; 262,144 are allowed", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<p>a<p>b", "a\nb")]
    [InlineData("a<br>b<br/>c", "a\nb\nc")]
    [InlineData("<b>a</b> <i>b</i>", "a b")]
    [InlineData("a<script>if (1 < 2) no('</p>');</script>b", "ab")]
    [InlineData("a<style>p > b { content: '<i>' }</style>b", "ab")]
    [InlineData("a<template>x<template>y</template>z</template>b", "ab")]
    [InlineData("a<noscript><p>no</p></noscript>b", "ab")]
    [InlineData("a<!-- <p>no --> b", "a b")]
    [InlineData("3 < 4 &lt;b&gt; 5 &euro;<i></i>", "3 < 4 <b> 5 €")]
    [InlineData("<a href=\"x>y\" title='>'>a</a>", "a")]
    [InlineData("<p>a", "a")]
    [InlineData("a</li></p></b>", "a")]
    [InlineData("a<", "a<")]
    [InlineData("a<b", "a")]
    [InlineData("<textarea><b>a</textarea>b<i></i>", "<b>ab")]
    public void Html_becomes_the_text_that_a_reader_sees(string html, string expected) =>
        Assert.Equal(expected, Evaluate("{{ v | html_text }}", html).GetString());

    [Theory]
    [InlineData("{{ v | nofilter }}", "there is no filter 'nofilter'")]
    [InlineData("{% for i in v %}x{% endfor %}", "tags")]
    [InlineData("{% include 'file' %}", "tags")]
    [InlineData("{{ (1..1000000) | join: ',' }}", "ranges")]
    [InlineData("{{ v", "it does not parse")]
    [InlineData("{{ v | append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v "
        + "| append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v | append: v }}", "more than 20 filters")]
    public void What_is_not_allowed_is_refused_when_the_expression_is_parsed(string expression, string message)
    {
        var fault = Assert.Throws<ExpressionException>(() => CatalogExpression.Parse(expression, CatalogFilters.Create(NoTables).Filters));

        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ v | replace: 'x', v }}")]
    [InlineData("{{ v | append: v | append: v }}")]
    [InlineData("{{ v }}{{ v }}{{ v }}")]
    public void Output_is_bounded(string expression)
    {
        var fault = Assert.Throws<ExpressionException>(() => Evaluate(expression, new string('x', 30_000)));

        Assert.Contains("longer than 65,536 characters", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v == 'a'", true)]
    [InlineData("v != blank and missing == blank", true)]
    [InlineData("missing", false)]
    [InlineData("v contains 'b'", false)]
    public void Conditions_compare_fields(string condition, bool holds)
    {
        var options = CatalogFilters.Create(NoTables);
        var scope = new ExpressionScope(options);
        scope.MoveTo(Record("a"), null);

        Assert.Equal(holds, CatalogExpression.ParseCondition(condition, options.Filters).Holds(scope));
    }

    [Fact]
    public async Task A_lookup_finds_a_line_by_its_key()
    {
        var (table, _) = await LookupTable.ReadAsync(new MemoryStream("id,name\n7,Tea\n"u8.ToArray()), "id", CancellationToken.None);
        var tables = new Dictionary<string, LookupTable> { ["cats"] = table! };

        Assert.Equal("Tea", Evaluate("{{ v | lookup: 'cats', 'name' }}", "7", tables).GetString());
        Assert.Equal("none", Evaluate("{{ v | lookup: 'cats', 'name' | default: 'none' }}", "8", tables).GetString());
        Assert.Throws<ExpressionException>(() => Evaluate("{{ v | lookup: 'cats', 'colour' }}", "7", tables));
    }

    private static JsonElement Evaluate(string expression, string value, IReadOnlyDictionary<string, LookupTable>? tables = null)
    {
        var options = CatalogFilters.Create(tables ?? NoTables);
        var scope = new ExpressionScope(options);
        scope.MoveTo(Record(value), null);
        return JsonElement.Parse(Encoding.UTF8.GetBytes(FeedJson.Of(CatalogExpression.Parse(expression, options.Filters).Evaluate(scope))));
    }

    private static CsvFields Record(string value) => new(new FeedHeader(["v", "missing"]), [value, null]);
}
