using ContentSync.Mapping.Feeds;
using Fluid;
using Fluid.Values;

namespace ContentSync.Mapping.Expressions;

/// <summary>What the names of an expression mean: the fields of the current record. For one thread at a time.</summary>
internal sealed class ExpressionScope
{
    private readonly Names _names = new();

    public ExpressionScope(TemplateOptions options) => Context = new TemplateContext(_names, options, allowModelMembers: true);

    public TemplateContext Context { get; }

    /// <summary>Moves to a record.</summary>
    /// <param name="record">Its fields.</param>
    /// <param name="variants">The records of its group, itself first; null if records are not grouped.</param>
    public void MoveTo(FeedObject record, IReadOnlyList<FeedObject>? variants)
    {
        _names.Record = record;
        _names.Variants = variants is null ? NilValue.Instance : new ArrayValue([.. variants]);
    }

    /// <summary>A field of the current record; nil if it has none of this name.</summary>
    public FluidValue Get(string field) => _names.Record!.Get(field);

    private sealed class Names : FluidValue
    {
        public FeedObject? Record { get; set; }

        public FluidValue Variants { get; set; } = NilValue.Instance;

        public override FluidValues Type => FluidValues.Dictionary;

        public override ValueTask<FluidValue> GetValueAsync(string name, TemplateContext context) => ValueTask.FromResult(name switch
        {
            CatalogExpression.Record => Record!,
            CatalogExpression.Variants when !Variants.IsNil() => Variants,
            _ => Record!.Get(name),
        });

        public override bool Equals(FluidValue? other) => ReferenceEquals(this, other);

        public override bool ToBooleanValue() => true;

        public override decimal ToNumberValue() => 0;

        public override string ToStringValue() => "";

        public override object ToObjectValue() => this;
    }
}
