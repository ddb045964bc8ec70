using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping.Expressions;
using ContentSync.Mapping.Feeds;
using Fluid.Values;

namespace ContentSync.Mapping;

/// <summary>Maps records to items in our own form. For one thread at a time; reusable.</summary>
internal sealed class RecordMapper
{
    private readonly CatalogMapping _mapping;
    private readonly ExpressionScope _scope;
    private readonly TargetNode _root;
    private readonly FluidValue[] _values;
    private readonly List<ContentViolation> _violations = [];

    public RecordMapper(CatalogMapping mapping)
    {
        _mapping = mapping;
        _scope = new ExpressionScope(mapping.Filters);
        _values = new FluidValue[mapping.Fields.Count];
        _root = TargetNode.Build(mapping.Fields);
    }

    /// <summary>What each rule did to the last record: its target, the value of its source, and the result or fault.</summary>
    public Action<string, string, string>? OnRule { get; init; }

    /// <summary>Maps a record, or a group of them, into a batch.</summary>
    public void Map(SourceRecord source, MappedBatch batch)
    {
        batch.Records += source.Count;
        var record = source.Record;
        if (record.Fields is null)
        {
            _violations.Add(new ContentViolation("", ViolationCodes.Mapping, record.Fault!));
            batch.Add(Failed(record, null));
            return;
        }

        _scope.MoveTo(record.Fields, source.Variants);
        if (!IsSelected())
        {
            batch.LeftOut += source.Count;
            _violations.Clear();
            return;
        }

        var contentId = Text("/contentId", _mapping.ContentId);
        if (contentId.Length == 0 && _violations.Count == 0) Fault("/contentId", _mapping.ContentId.Text, "it has no value; every item needs an id");
        var contentType = Text("/contentType", _mapping.ContentType);
        var place = contentId.Length == 0 ? string.Create(CultureInfo.InvariantCulture, $"line {record.Line}") : Excerpt.Of(contentId);
        for (var i = 0; i < _values.Length; i++) _values[i] = Field(_mapping.Fields[i], place, batch);
        var status = Status();
        var revision = Version("/revision", _mapping.Revision);
        var occurredAt = Version("/occurredAt", _mapping.OccurredAt);
        if (_violations.Count > 0)
        {
            batch.Add(Failed(record, contentId));
            return;
        }

        var start = batch.Text.WrittenCount;
        Write(batch.Writer(), contentId, contentType, status, revision, occurredAt);
        batch.Add(new ItemText(default, record.Line, record.Index), start);
    }

    private bool IsSelected()
    {
        foreach (var condition in _mapping.Select)
        {
            try
            {
                if (!condition.Holds(_scope)) return false;
            }
            catch (ExpressionException e)
            {
                Fault("/select", condition.Text, e.Message);
                return true;
            }
        }

        return true;
    }

    private ItemText Failed(FeedRecord record, string? contentId)
    {
        ContentViolation[] violations = [.. _violations];
        _violations.Clear();
        var fault = new ContentReadResult(null, violations, string.IsNullOrEmpty(contentId) ? null : contentId);
        return new ItemText(default, record.Line, record.Index, Fault: fault);
    }

    private string Text(string pointer, CatalogExpression expression) => Evaluate(pointer, expression).ToStringValue().Trim();

    private FluidValue Evaluate(string pointer, CatalogExpression expression)
    {
        try
        {
            var value = expression.Evaluate(_scope);
            OnRule?.Invoke(pointer, expression.Text, FeedJson.Of(value));
            return value;
        }
        catch (ExpressionException e)
        {
            Fault(pointer, expression.Text, e.Message);
            return NilValue.Instance;
        }
    }

    private void Fault(string pointer, string rule, string message)
    {
        OnRule?.Invoke(pointer, rule, $"fault: {message}");
        _violations.Add(new ContentViolation(pointer, ViolationCodes.Mapping, $"rule {Excerpt.Of(rule, 80)}: {message}."));
    }

    private int Status()
    {
        foreach (var rule in _mapping.Status)
        {
            try
            {
                if (rule.When.Holds(_scope)) return rule.Status;
            }
            catch (ExpressionException e)
            {
                Fault("/contentStatus", rule.When.Text, e.Message);
            }
        }

        return 1;
    }

    private FluidValue Version(string pointer, CatalogExpression? expression) =>
        expression is null ? NilValue.Instance : Evaluate(pointer, expression);

    private FluidValue Field(FieldRule field, string place, MappedBatch batch)
    {
        var pointer = "/contentInfo/" + field.Target;
        try
        {
            var source = field.Value.Evaluate(_scope);
            var value = CatalogFilters.IsBlank(source) ? field.Default ?? NilValue.Instance : Convert(field, source, place, batch);
            if (CatalogFilters.IsBlank(value))
            {
                if (field.Required) throw new ExpressionException("it has no value, and the field is required; map another source or set a default");
                value = NilValue.Instance;
            }

            OnRule?.Invoke(pointer, field.Value.Text, FeedJson.Of(value));
            foreach (var kind in Lint(field, value)) Warn(kind, pointer, field, place, batch);
            return value;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            Fault(pointer, field.Value.Text, (e as ExpressionException ?? ExpressionException.Of(e)).Message);
            return NilValue.Instance;
        }
    }

    private void Warn(LintKind kind, string pointer, FieldRule field, string place, MappedBatch batch)
    {
        batch.Warnings.Add((kind, place));
        if (_mapping.Blocking.Contains(kind)) Fault(pointer, field.Value.Text, $"the warning {LintKinds.NameOf(kind)} blocks items (blockOn)");
    }

    private static IEnumerable<LintKind> Lint(FieldRule field, FluidValue value)
    {
        switch (field.Type)
        {
            case FieldType.Text when value is StringValue:
                return Linter.Text(value.ToStringValue(), field);
            case FieldType.Url when value is StringValue && Linter.IsInsecure(value.ToStringValue()):
                return [LintKind.InsecureUrl];
            case FieldType.Money when !value.IsNil() && CatalogFilters.Number(value) == 0:
                return [LintKind.ZeroPrice];
            default:
                return [];
        }
    }

    private FluidValue Convert(FieldRule field, FluidValue value, string place, MappedBatch batch)
    {
        switch (field.Type)
        {
            case FieldType.Text:
                var text = Shortened(field, value.ToStringValue().Trim(), place, batch);
                if (ReferenceEquals(field, _mapping.Fields[0])) batch.Titles.Add((text.GetHashCode(StringComparison.Ordinal), place));
                return new StringValue(text);
            case FieldType.Integer:
                var number = CatalogFilters.Number(value);
                return decimal.Truncate(number) == number
                    ? NumberValue.Create(decimal.Truncate(number))
                    : throw new ExpressionException($"'{number.ToString(CultureInfo.InvariantCulture)}' is not a whole number");
            case FieldType.Decimal:
                return NumberValue.Create(CatalogFilters.Number(value));
            case FieldType.Money:
                return field.Unit == MoneyUnit.Cents
                    ? NumberValue.Create(CatalogFilters.Cents(value.ToStringValue(), field.Currency))
                    : new StringValue(CatalogFilters.Decimal(value.ToStringValue(), field.Currency));
            case FieldType.Boolean:
                return Boolean(value);
            case FieldType.List:
                IReadOnlyList<FluidValue> elements = value is ArrayValue list ? list.Values : [value];
                return new ArrayValue([.. elements.Where(element => !CatalogFilters.IsBlank(element))
                    .Select(element => new StringValue(Shortened(field, element.ToStringValue().Trim(), place, batch)))]);
            case FieldType.Url:
                return Uri.TryCreate(value.ToStringValue().Trim(), UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
                    ? new StringValue(url.AbsoluteUri)
                    : throw new ExpressionException($"'{Excerpt.Of(value.ToStringValue())}' is not an absolute address; use the filter absolute_url");
            case FieldType.Time:
                return new StringValue(FeedTime.Text(FeedTime.Parse(value.ToStringValue(), field.Zone)));
            default:
                return value;
        }
    }

    private static BooleanValue Boolean(FluidValue value)
    {
        if (value is BooleanValue known) return known;
        return value.ToStringValue().Trim().ToUpperInvariant() switch
        {
            "TRUE" or "YES" or "Y" or "1" => BooleanValue.True,
            "FALSE" or "NO" or "N" or "0" => BooleanValue.False,
            _ => throw new ExpressionException($"'{Excerpt.Of(value.ToStringValue())}' is neither true nor false"),
        };
    }

    private static string Shortened(FieldRule field, string text, string place, MappedBatch batch)
    {
        var isTooLong = (field.MaxLength is { } characters && TextCut.Length(text) > characters)
            || (field.MaxBytes is { } bytes && Encoding.UTF8.GetByteCount(text) > bytes);
        if (!isTooLong) return text;
        if (field.TooLong == Excess.Fault)
        {
            var limit = field.MaxLength is { } max ? $"{max} characters" : $"{field.MaxBytes} bytes";
            throw new ExpressionException(
                $"the text has {TextCut.Length(text)} characters and may have {limit}; shorten it, or set tooLong to truncate");
        }

        batch.Warnings.Add((LintKind.TruncatedText, place));
        if (field.MaxLength is { } maxCharacters) text = TextCut.ToCharacters(text, maxCharacters);
        return field.MaxBytes is { } maxBytes ? TextCut.ToBytes(text, maxBytes) : text;
    }

    private void Write(Utf8JsonWriter writer, string contentId, string contentType, int status, FluidValue revision, FluidValue occurredAt)
    {
        writer.WriteStartObject();
        writer.WriteString("contentId"u8, contentId);
        writer.WriteString("contentType"u8, contentType);
        writer.WriteNumber("contentStatus"u8, status);
        writer.WritePropertyName("contentInfo"u8);
        Write(writer, _root);
        WriteVersion(writer, "revision", revision);
        WriteVersion(writer, "occurredAt", occurredAt);
        writer.WriteEndObject();
        writer.Flush();
    }

    private static void WriteVersion(Utf8JsonWriter writer, string member, FluidValue value)
    {
        if (CatalogFilters.IsBlank(value)) return;
        writer.WritePropertyName(member);
        if (member == "revision" && long.TryParse(value.ToStringValue(), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            writer.WriteNumberValue(number);
        else
            writer.WriteStringValue(value.ToStringValue());
    }

    private void Write(Utf8JsonWriter writer, TargetNode node)
    {
        writer.WriteStartObject();
        foreach (var child in node.Children)
        {
            if (!HasValue(child)) continue;
            writer.WritePropertyName(child.Name);
            if (child.Field < 0) Write(writer, child);
            else FeedJson.Write(writer, _values[child.Field]);
        }

        writer.WriteEndObject();
    }

    private bool HasValue(TargetNode node) => node.Field >= 0 ? !_values[node.Field].IsNil() : node.Children.Exists(HasValue);

    /// <summary>The target fields as a tree: <c>shop/city</c> is a member of <c>shop</c>.</summary>
    private sealed class TargetNode(string name)
    {
        public JsonEncodedText Name { get; } = JsonEncodedText.Encode(name, FeedJson.Options.Encoder);

        /// <summary>Index of its field; -1 for an object.</summary>
        public int Field { get; private set; } = -1;

        public List<TargetNode> Children { get; } = [];

        private string Text { get; } = name;

        public static TargetNode Build(IReadOnlyList<FieldRule> fields)
        {
            var root = new TargetNode("");
            for (var i = 0; i < fields.Count; i++)
            {
                var node = root;
                foreach (var part in fields[i].Path)
                {
                    var child = node.Children.Find(other => other.Text == part);
                    if (child is null) node.Children.Add(child = new TargetNode(part));
                    node = child;
                }

                node.Field = i;
            }

            return root;
        }
    }
}

/// <summary>A record, or a group of them, before it is mapped.</summary>
/// <param name="Record">The first record.</param>
/// <param name="Variants">All records of the group; null if records are not grouped.</param>
/// <param name="Count">Number of the feed's records in it.</param>
internal readonly record struct SourceRecord(FeedRecord Record, IReadOnlyList<FeedObject>? Variants, int Count);

/// <summary>Some records, mapped: the items and what was found. Filled by one thread.</summary>
internal sealed class MappedBatch : IDisposable
{
    private readonly List<(ItemText Item, int Start, int End)> _items = [];
    private Utf8JsonWriter? _writer;

    public ArrayBufferWriter<byte> Text { get; } = new(64 * 1024);

    public int Records { get; set; }

    public int LeftOut { get; set; }

    public List<(LintKind Kind, string Place)> Warnings { get; } = [];

    /// <summary>Hashes of the first field, in which two items should not agree.</summary>
    public List<(int Hash, string Place)> Titles { get; } = [];

    public IReadOnlyList<ItemText> Items { get; private set; } = [];

    /// <summary>A writer that appends to <see cref="Text"/>.</summary>
    public Utf8JsonWriter Writer()
    {
        if (_writer is null) _writer = new Utf8JsonWriter(Text, FeedJson.Options);
        else _writer.Reset();
        return _writer;
    }

    public void Add(ItemText item, int start = 0) => _items.Add((item, start, item.Fault is null ? Text.WrittenCount : start));

    /// <summary>Makes <see cref="Items"/>, once nothing more is added: the text may have moved until then.</summary>
    public MappedBatch Complete()
    {
        Items = [.. _items.Select(place => place.Item with { Utf8 = Text.WrittenMemory[place.Start..place.End] })];
        return this;
    }

    public void Dispose() => _writer?.Dispose();
}
