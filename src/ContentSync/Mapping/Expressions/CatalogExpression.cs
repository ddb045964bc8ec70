using System.Globalization;
using System.Text;
using Fluid;
using Fluid.Ast;
using Fluid.Parser;
using Fluid.Values;

namespace ContentSync.Mapping.Expressions;

/// <summary>
/// A Liquid expression: text with outputs in it, such as <c>{{ brand }} {{ title | strip }}</c>. A single output keeps its type. There are no
/// tags, ranges, loops or includes; only the filters of <see cref="CatalogFilters"/>; and every value is bounded, so that an expression ends
/// within <see cref="MaxFilters"/> steps and <see cref="MaxOutput"/> characters. Thread-safe.
/// </summary>
internal sealed class CatalogExpression
{
    /// <summary>Name of the whole record: <c>record["Variant SKU"]</c>.</summary>
    public const string Record = "record";

    /// <summary>Name of the list of a group's records.</summary>
    public const string Variants = "variants";

    /// <summary>Max characters of an expression.</summary>
    public const int MaxLength = 4_096;

    /// <summary>Max filters in an expression.</summary>
    public const int MaxFilters = 20;

    /// <summary>Max characters of a value, between two filters and in the end.</summary>
    public const int MaxOutput = 64 * 1024;

    private static readonly FluidParserOptions Syntax = new() { AllowFunctions = false, AllowParentheses = false };

    private readonly (string? Text, Expression? Value)[] _parts;

    // Most expressions are a field and nothing else, which needs no evaluation.
    private readonly string? _field;

    private CatalogExpression(string text, (string? Text, Expression? Value)[] parts, IReadOnlySet<string> names)
    {
        Text = text;
        _parts = parts;
        _field = parts is [(null, MemberExpression member)] ? FieldOf(member) : null;
        Names = names;
    }

    /// <summary>As it stands in the mapping file.</summary>
    public string Text { get; }

    /// <summary>The fields it reads; contains <see cref="Record"/> or <see cref="Variants"/> if it may read any.</summary>
    public IReadOnlySet<string> Names { get; }

    /// <summary>Parses a value: text with outputs.</summary>
    /// <param name="text">As it stands in the mapping file.</param>
    /// <param name="filters">The filters it may use.</param>
    /// <param name="lookups">Tables whose names and columns are checked; null to check them when it is evaluated.</param>
    /// <exception cref="ExpressionException">It cannot be used.</exception>
    public static CatalogExpression Parse(
        string text, FilterCollection filters, IReadOnlyDictionary<string, LookupTable>? lookups = null)
    {
        if (text.Length > MaxLength) throw new ExpressionException(Invariant($"it has {text.Length:N0} characters; {MaxLength:N0} are allowed"));
        var template = ParseTemplate(text);
        var visitor = new Inspection(filters, lookups);
        var parts = new List<(string?, Expression?)>();
        foreach (var statement in template.Statements)
        {
            if (statement is TextSpanStatement span) parts.Add((span.Text.ToString(), null));
            else if (statement is OutputStatement output) parts.Add((null, visitor.Inspect(output.Expression)));
            else throw new ExpressionException("tags such as {% if %} are not allowed; use {{ ... }} with filters, or conditions");
        }

        return new CatalogExpression(text, [.. parts], visitor.Names);
    }

    /// <summary>Parses a condition, such as <c>availability == 'in_stock' and price != blank</c>.</summary>
    /// <exception cref="ExpressionException">It cannot be used.</exception>
    public static CatalogExpression ParseCondition(
        string text, FilterCollection filters, IReadOnlyDictionary<string, LookupTable>? lookups = null)
    {
        if (text.Contains("{{", StringComparison.Ordinal) || text.Contains("{%", StringComparison.Ordinal))
            throw new ExpressionException("a condition has no braces; write it as in availability == 'in_stock'");
        var condition = Parse("{{ " + text + " }}", filters, lookups);
        if (condition._parts is not [(null, not null)])
            throw new ExpressionException("a condition is one expression, as in availability == 'in_stock'");
        return new CatalogExpression(text, condition._parts, condition.Names);
    }

    /// <summary>A field by its name, without an expression.</summary>
    public static CatalogExpression OfField(string name)
    {
        var member = new MemberExpression([new IdentifierSegment(Record), new IndexerSegment(new LiteralExpression(new StringValue(name)))]);
        return new CatalogExpression(name, [(null, member)], new HashSet<string>(StringComparer.Ordinal) { name });
    }

    /// <exception cref="ExpressionException">The record's values do not allow it.</exception>
    public FluidValue Evaluate(ExpressionScope scope)
    {
        if (_field is not null) return Bounded(scope.Get(_field));
        if (_parts is [(null, { } only)]) return Bounded(Evaluate(only, scope));
        var text = new StringBuilder();
        foreach (var (constant, value) in _parts)
        {
            text.Append(constant ?? Evaluate(value!, scope).ToStringValue());
            if (text.Length > MaxOutput) throw TooLong();
        }

        return Feeds.FeedObject.Text(text.ToString());
    }

    /// <summary>Whether the condition holds. Nil and false do not.</summary>
    /// <exception cref="ExpressionException">The record's values do not allow it.</exception>
    public bool Holds(ExpressionScope scope) => Evaluate(scope).ToBooleanValue();

    public static ExpressionException TooLong() =>
        new(Invariant($"the value is longer than {MaxOutput:N0} characters; shorten it before this filter"));

    private static string? FieldOf(MemberExpression member) => member.Segments switch
    {
        [IdentifierSegment { Identifier: not (Record or Variants) and var name }] => name,
        [IdentifierSegment { Identifier: Record }, IndexerSegment { Expression: LiteralExpression { Value: StringValue name } }] =>
            name.ToStringValue(),
        _ => null,
    };

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static FluidTemplate ParseTemplate(string text)
    {
        try
        {
            return new FluidParser(Syntax).TryParse(text, out var parsed, out var error)
                ? (FluidTemplate)parsed
                : throw new ExpressionException($"it does not parse: {error}");
        }
        catch (ParseException e)
        {
            throw new ExpressionException($"it does not parse: {e.Message}");
        }
    }

    private static FluidValue Evaluate(Expression expression, ExpressionScope scope)
    {
        try
        {
            // No filter waits, so the value is there.
            var evaluation = expression.EvaluateAsync(scope.Context);
            return evaluation.IsCompleted
                ? evaluation.GetAwaiter().GetResult()
                : throw new ExpressionException("a filter did not end");
        }
        catch (Exception e) when (e is not (ExpressionException or OutOfMemoryException))
        {
            throw ExpressionException.Of(e);
        }
    }

    private static FluidValue Bounded(FluidValue value) =>
        value is StringValue && value.ToStringValue().Length > MaxOutput ? throw TooLong() : value;

    /// <summary>Lists the fields that an expression reads, and refuses what is not allowed.</summary>
    private sealed class Inspection(FilterCollection filters, IReadOnlyDictionary<string, LookupTable>? lookups) : AstVisitor
    {
        private readonly HashSet<string> _names = new(StringComparer.Ordinal);
        private int _filters;

        public IReadOnlySet<string> Names => _names;

        public Expression Inspect(Expression expression)
        {
            Visit(expression);
            return expression;
        }

        protected override Expression VisitFilterExpression(FilterExpression filterExpression)
        {
            if (!filters.TryGetValue(filterExpression.Name, out _))
            {
                var known = string.Join(", ", filters.Select(filter => filter.Key).Order(StringComparer.Ordinal));
                throw new ExpressionException($"there is no filter '{filterExpression.Name}'; the filters are {known}");
            }

            if (++_filters > MaxFilters) throw new ExpressionException($"it has more than {MaxFilters} filters");
            foreach (var parameter in filterExpression.Parameters) Visit(parameter.Expression);
            if (filterExpression.Name == "lookup") CheckLookup([.. filterExpression.Parameters.Select(parameter => parameter.Expression)]);
            return base.VisitFilterExpression(filterExpression);
        }

        private void CheckLookup(IReadOnlyList<Expression> parameters)
        {
            if (lookups is null || parameters is not [LiteralExpression table, LiteralExpression column]) return;
            CatalogFilters.Table(lookups, table.Value.ToStringValue(), column.Value.ToStringValue());
        }

        protected override Expression VisitRangeExpression(RangeExpression rangeExpression) =>
            throw new ExpressionException("ranges such as (1..3) are not allowed");

        // A sum of long texts and a product of large numbers have filters, which are bounded.
        public override Expression VisitOtherExpression(Expression expression) => expression is BinaryExpression or LiteralExpression
            ? expression
            : throw new ExpressionException("only fields, texts, numbers, comparisons and filters are allowed");

        protected override Expression VisitMemberExpression(MemberExpression memberExpression)
        {
            var segments = memberExpression.Segments;
            var root = segments[0] is IdentifierSegment identifier ? identifier.Identifier : Record;
            if (root == Record && segments.Count > 1 && segments[1] is IndexerSegment { Expression: LiteralExpression { Value: StringValue name } })
                _names.Add(name.ToStringValue());
            else if (root == Record && segments.Count > 1 && segments[1] is IdentifierSegment member)
                _names.Add(member.Identifier);
            else
                _names.Add(root);
            return base.VisitMemberExpression(memberExpression);
        }
    }
}
