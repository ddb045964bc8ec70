using ContentSync.Mapping.Expressions;
using ContentSync.Mapping.Feeds;
using Fluid;

namespace ContentSync.Mapping;

/// <summary>How the records of a feed become items: a mapping file that was loaded and checked. Thread-safe.</summary>
public sealed class CatalogMapping
{
    internal CatalogMapping(
        TemplateOptions filters, CatalogExpression contentId, CatalogExpression contentType, IReadOnlyList<FieldRule> fields)
    {
        Filters = filters;
        ContentId = contentId;
        ContentType = contentType;
        Fields = fields;
    }

    /// <summary>Name of the file, for display.</summary>
    public required string Name { get; init; }

    /// <summary>SHA-256 of the mapping file and its look-up tables, in hex: differs between two mappings that may map differently.</summary>
    public required string Digest { get; init; }

    /// <summary>How to read the feed.</summary>
    public required FeedLayout Layout { get; init; }

    internal TemplateOptions Filters { get; }

    /// <summary>Conditions that a record must all fulfil; any other record counts as absent from the feed.</summary>
    internal IReadOnlyList<CatalogExpression> Select { get; init; } = [];

    /// <summary>Completes empty cells from the line above.</summary>
    internal FillRule? Fill { get; init; }

    /// <summary>Consecutive records with the same value become one item; null if each record is an item.</summary>
    internal CatalogExpression? GroupBy { get; init; }

    /// <summary>Name of the list inside a record whose elements are the items; null if each record is an item.</summary>
    internal string? Split { get; init; }

    internal CatalogExpression ContentId { get; }

    internal CatalogExpression ContentType { get; }

    /// <summary>The first condition that holds decides; without one, the item is listed.</summary>
    internal IReadOnlyList<StatusRule> Status { get; init; } = [];

    internal CatalogExpression? Revision { get; init; }

    internal CatalogExpression? OccurredAt { get; init; }

    internal IReadOnlyList<FieldRule> Fields { get; }

    /// <summary>Kinds of warnings that make an item invalid.</summary>
    internal IReadOnlySet<LintKind> Blocking { get; init; } = new HashSet<LintKind>();

    /// <summary>The fields of the feed that any rule reads; null if a rule may read any.</summary>
    internal IReadOnlySet<string>? Wanted()
    {
        var names = Expressions().SelectMany(expression => expression.Names).ToHashSet(StringComparer.Ordinal);
        if (Fill is { } fill) names.UnionWith([fill.By, .. fill.Fields]);
        return names.Contains(CatalogExpression.Record) || names.Contains(CatalogExpression.Variants) || Split is not null ? null : names;
    }

    internal IEnumerable<CatalogExpression> Expressions() =>
        new[] { GroupBy, ContentId, ContentType, Revision, OccurredAt }.OfType<CatalogExpression>()
            .Concat(Select)
            .Concat(Status.Select(rule => rule.When))
            .Concat(Fields.Select(field => field.Value));
}

/// <summary>Completes empty cells of a CSV line from the line above, if both have the same value in one column.</summary>
/// <param name="By">The column that both lines share, such as Handle.</param>
/// <param name="Fields">The columns to complete.</param>
internal sealed record FillRule(string By, IReadOnlyList<string> Fields);

/// <summary>A status and the condition for it.</summary>
internal sealed record StatusRule(CatalogExpression When, int Status);

/// <summary>The JSON type of a target field.</summary>
internal enum FieldType
{
    /// <summary>A string.</summary>
    Text,

    /// <summary>A number without decimals.</summary>
    Integer,

    /// <summary>A number.</summary>
    Decimal,

    /// <summary>An amount: an integer in the smallest unit, or a string with all decimals.</summary>
    Money,

    /// <summary>True or false.</summary>
    Boolean,

    /// <summary>An array of strings.</summary>
    List,

    /// <summary>A string: an absolute address.</summary>
    Url,

    /// <summary>A string: ISO 8601 with a zone.</summary>
    Time,

    /// <summary>Whatever the value is.</summary>
    Json,
}

/// <summary>How a money field is written.</summary>
internal enum MoneyUnit
{
    /// <summary>An integer in the currency's smallest unit.</summary>
    Cents,

    /// <summary>A string with all decimals of the currency.</summary>
    Decimal,
}

/// <summary>What happens to a text beyond its maximum length.</summary>
internal enum Excess
{
    /// <summary>The item is invalid.</summary>
    Fault,

    /// <summary>The text is shortened, with a warning.</summary>
    Truncate,
}

/// <summary>The rule of one target field.</summary>
internal sealed record FieldRule
{
    /// <summary>As written: <c>name</c>, or <c>shop/city</c> for a member of an object.</summary>
    public required string Target { get; init; }

    public required CatalogExpression Value { get; init; }

    public FieldType Type { get; init; }

    public MoneyUnit Unit { get; init; }

    /// <summary>ISO 4217; null for any.</summary>
    public string? Currency { get; init; }

    public bool Required { get; init; }

    /// <summary>In Unicode characters; null for no limit.</summary>
    public int? MaxLength { get; init; }

    /// <summary>In UTF-8 bytes; null for no limit.</summary>
    public int? MaxBytes { get; init; }

    public Excess TooLong { get; init; }

    /// <summary>Language of the text, such as zh-HK; checked by the linter.</summary>
    public string? Locale { get; init; }

    /// <summary>Zone of a time that has none.</summary>
    public string? Zone { get; init; }

    /// <summary>Taken if the value is blank; null for none.</summary>
    public Fluid.Values.FluidValue? Default { get; init; }

    public string[] Path => Target.Split('/');
}
