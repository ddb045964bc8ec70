using System.Text.Json;
using ContentSync.Mapping.Expressions;
using ContentSync.Mapping.Feeds;
using Fluid;

namespace ContentSync.Mapping;

/// <summary>Builds a mapping from its file, and reports every fault with its pointer.</summary>
/// <param name="name">For display.</param>
/// <param name="digest">Computes <see cref="CatalogMapping.Digest"/>.</param>
/// <param name="lookups">The look-up tables by name; without those that have a fault.</param>
internal sealed class MappingFileReader(string name, Func<string> digest, IReadOnlyDictionary<string, LookupTable> lookups)
{
    /// <summary>Members of the file; mapping.schema.json describes them.</summary>
    public static readonly IReadOnlyList<string> Members =
    [
        "$schema", "format", "separator", "encoding", "records", "lookups", "select", "fill", "groupBy", "split",
        "contentId", "contentType", "contentStatus", "version", "fields", "blockOn",
    ];

    /// <summary>Members of a field.</summary>
    public static readonly IReadOnlyList<string> FieldMembers =
    [
        "source", "value", "type", "unit", "currency", "required", "maxLength", "maxBytes", "tooLong", "locale", "zone", "default",
    ];

    private static readonly CatalogExpression Never = CatalogExpression.OfField("");

    private readonly TemplateOptions _filters = CatalogFilters.Create(lookups);

    // Null if a table could not be loaded, which is a fault already: an expression that names it has no other one.
    private IReadOnlyDictionary<string, LookupTable>? _checkable;

    /// <exception cref="MappingException">It cannot be used.</exception>
    public CatalogMapping Read(MappingNode root)
    {
        _checkable = root.Faults.Count == 0 ? lookups : null;
        if (!root.IsObject) root.Fault("", "must be a JSON object");
        root.Allow(Members);
        var version = root.Object("version");
        version?.Allow("revision", "occurredAt");
        var (contentId, contentType) = (RequiredValue(root, "contentId", "\"{{ id }}\""), RequiredValue(root, "contentType", "\"SKU\""));
        var mapping = new CatalogMapping(_filters, contentId, contentType, [.. FieldRules(root)])
        {
            Name = name,
            Digest = digest(),
            Layout = Layout(root),
            Select = [.. Conditions(root)],
            Fill = Fill(root),
            GroupBy = Value(root, "groupBy"),
            Split = root.Text("split", "\"variants\""),
            Status = [.. StatusRules(root)],
            Revision = version is null ? null : Value(version, "revision"),
            OccurredAt = version is null ? null : Value(version, "occurredAt"),
            Blocking = Blocking(root),
        };
        if (mapping is { Revision: not null, OccurredAt: not null }) version!.Fault("", "must have revision or occurredAt, not both");
        if (mapping is { GroupBy: not null, Split: not null }) root.Fault("split", "cannot be combined with groupBy; leave out one of them");
        return root.Faults.Count == 0 ? mapping : throw new MappingException(name, root.Faults);
    }

    private static FeedLayout Layout(MappingNode root)
    {
        var encoding = root.Text("encoding", "\"utf-8\", \"big5\" or \"windows-1252\"");
        if (encoding is not null && FeedEncoding.Find(encoding) is null)
            root.Fault("encoding", $"there is no encoding '{encoding}'; write one such as utf-8, big5, gb18030 or windows-1252");
        var separator = root.Text("separator", "\",\", \";\" or \"\\t\"");
        if (separator is { Length: > 1 }) root.Fault("separator", "must be one character such as \",\", \";\" or \"\\t\"");
        return new FeedLayout
        {
            Format = root.Choice<FeedFormat>("format"),
            Separator = separator?[0],
            Encoding = encoding,
            Records = root.Text("records", "\"/products\" (a JSON pointer) or \"item\" (an XML element)"),
        };
    }

    private List<CatalogExpression> Conditions(MappingNode root)
    {
        if (root.Find("select") is { Element.ValueKind: JsonValueKind.String }) return [Condition(root, "select")];
        return root.Array("select") is not { } select ? [] : select.Elements().Select(Condition).ToList();
    }

    private static FillRule? Fill(MappingNode root)
    {
        if (root.Object("fill") is not { } fill) return null;
        fill.Allow("by", "fields");
        var by = fill.RequiredText("by", "\"Handle\"");
        var fields = fill.Array("fields")?.Elements().Where(element => element.Element.ValueKind == JsonValueKind.String).ToList();
        if (fields is null or []) fill.Fault("fields", "must list the columns to complete, as in [\"Title\", \"Vendor\"]");
        return by is null || fields is null ? null : new FillRule(by, [.. fields.Select(field => field.Element.GetString()!)]);
    }

    private IEnumerable<StatusRule> StatusRules(MappingNode root)
    {
        if (root.Find("contentStatus") is not { } status) yield break;
        if (status.Element is { ValueKind: JsonValueKind.Number } constant && constant.TryGetInt32(out var fixedStatus) && fixedStatus is 0 or 1)
        {
            yield return new StatusRule(CatalogExpression.Parse("{{ true }}", _filters.Filters), fixedStatus);
            yield break;
        }

        const string Form = "must be 0, 1, or a list such as [{\"when\": \"availability == 'out_of_stock'\", \"status\": 0}]";
        if (status.Element.ValueKind != JsonValueKind.Array) root.Fault("contentStatus", Form);
        foreach (var rule in status.Elements())
        {
            rule.Allow("when", "status");
            if (rule.Find("when") is null || rule.Find("status") is null) rule.Fault("", Form);
            else if (rule.Number("status", 0, 1) is { } value) yield return new StatusRule(Condition(rule, "when"), value);
        }
    }

    private IEnumerable<FieldRule> FieldRules(MappingNode root)
    {
        if (root.Object("fields") is not { } fields)
        {
            if (root.Find("fields") is null) root.Fault("fields", "is missing; write the target fields, as in {\"name\": {\"source\": \"title\"}}");
            yield break;
        }

        var targets = new List<string>();
        foreach (var (target, field) in fields.Members())
        {
            if (target.Split('/').Any(part => part.Length == 0)) fields.Fault(target, "must be a name, or names joined by /, as in shop/city");
            var clash = targets.Find(other => other == target || Contains(other, target) || Contains(target, other));
            if (clash is not null) fields.Fault(target, $"cannot stand beside '{clash}': one of them is an object that contains the other");
            targets.Add(target);
            yield return Field(target, field);
        }
    }

    private static bool Contains(string parent, string child) => child.StartsWith(parent + "/", StringComparison.Ordinal);

    private FieldRule Field(string target, MappingNode field)
    {
        if (!field.IsObject) field.Fault("", "must be an object such as {\"source\": \"title\"}");
        field.Allow(FieldMembers);
        var fallback = field.Find("default") is { } value ? JsonFields.Of(value.Element.Clone()) : null;
        var rule = new FieldRule
        {
            Target = target,
            Value = FieldValue(field, fallback is not null),
            Type = field.Choice<FieldType>("type") ?? FieldType.Text,
            Unit = field.Choice<MoneyUnit>("unit") ?? MoneyUnit.Cents,
            Currency = field.Text("currency", "\"HKD\""),
            Required = field.Flag("required"),
            MaxLength = field.Number("maxLength", 1, CatalogExpression.MaxOutput),
            MaxBytes = field.Number("maxBytes", 4, CatalogExpression.MaxOutput),
            TooLong = field.Choice<Excess>("tooLong") ?? Excess.Fault,
            Locale = field.Text("locale", "\"zh-HK\" or \"en\""),
            Zone = field.Text("zone", "\"Asia/Hong_Kong\""),
            Default = fallback,
        };
        Check(field, rule);
        return rule;
    }

    private CatalogExpression FieldValue(MappingNode field, bool hasDefault)
    {
        var (source, value) = (field.Find("source"), field.Find("value"));
        if (source is not null && value is not null) field.Fault("", "must have source or value, not both");
        if (source is not null) return field.Text("source", "\"title\"") is { } name ? CatalogExpression.OfField(name) : Never;
        if (value is not null) return Value(field, "value") ?? Never;
        if (!hasDefault)
        {
            var required = field.Find("required") is null ? "" : "a required field needs a source: ";
            field.Fault("", required + "write \"source\": \"title\" or \"value\": \"{{ title | strip }}\", or a default");
        }

        return Never;
    }

    private static void Check(MappingNode field, FieldRule rule)
    {
        if (rule.Type != FieldType.Money && field.Find("unit") is not null) field.Fault("unit", "is only for the type \"money\"");
        if (rule.Type != FieldType.Money && field.Find("currency") is not null) field.Fault("currency", "is only for the type \"money\"");
        if (rule.Type != FieldType.Time && rule.Zone is not null) field.Fault("zone", "is only for the type \"time\"");
        if (rule.Type is not (FieldType.Text or FieldType.List) && (rule.MaxLength ?? rule.MaxBytes) is not null)
            field.Fault(rule.MaxLength is null ? "maxBytes" : "maxLength", "is only for the types \"text\" and \"list\"");
        if (field.Find("tooLong") is not null && (rule.MaxLength ?? rule.MaxBytes) is null)
            field.Fault("tooLong", "needs maxLength or maxBytes beside it");
        if (rule.Currency is { } currency && (currency.Length != 3 || !currency.All(char.IsAsciiLetterUpper)))
            field.Fault("currency", "must be three capital letters such as \"HKD\"");
        if (rule.Zone is not { } zone || TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _)) return;
        field.Fault("zone", $"there is no time zone '{zone}'; write one such as \"Asia/Hong_Kong\"");
    }

    private static HashSet<LintKind> Blocking(MappingNode root)
    {
        var kinds = new HashSet<LintKind>();
        foreach (var kind in root.Array("blockOn")?.Elements() ?? [])
        {
            if (kind.Element.ValueKind == JsonValueKind.String && LintKinds.TryParse(kind.Element.GetString()!, out var known)) kinds.Add(known);
            else kind.Fault("", $"must be one of {string.Join(", ", LintKinds.Names)}");
        }

        return kinds;
    }

    private CatalogExpression RequiredValue(MappingNode node, string member, string example)
    {
        if (node.Find(member) is null) node.Fault(member, $"is missing; write an expression such as {example}");
        return Value(node, member) ?? Never;
    }

    private CatalogExpression? Value(MappingNode node, string member)
    {
        if (node.Text(member, "\"{{ title | strip }}\"") is not { } text) return null;
        try
        {
            return CatalogExpression.Parse(text, _filters.Filters, _checkable);
        }
        catch (ExpressionException e)
        {
            node.Fault(member, $"the expression cannot be used: {e.Message}");
            return null;
        }
    }

    private CatalogExpression Condition(MappingNode node, string member) => Condition(node.Find(member)!);

    private CatalogExpression Condition(MappingNode condition)
    {
        try
        {
            if (condition.Element.ValueKind == JsonValueKind.String)
                return CatalogExpression.ParseCondition(condition.Element.GetString()!, _filters.Filters, _checkable);
            condition.Fault("", "must be a condition such as \"availability == 'in_stock'\"");
        }
        catch (ExpressionException e)
        {
            condition.Fault("", $"the condition cannot be used: {e.Message}");
        }

        return Never;
    }
}
