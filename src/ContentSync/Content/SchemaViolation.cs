using System.Globalization;
using System.Text;
using Newtonsoft.Json.Linq;
using NJsonSchema;
using NJsonSchema.Validation;

namespace ContentSync.Content;

/// <summary>Turns NJsonSchema's errors into violations that name the value, the rule and what is valid.</summary>
internal static class SchemaViolation
{
    public static void Report(ValidationError error, ViolationList violations)
    {
        // A parent error only says that a child is invalid; the child's own error is more precise.
        if (error is ChildSchemaValidationError { Kind: not (ValidationErrorKind.NotAnyOf or ValidationErrorKind.NotOneOf) } parent)
        {
            foreach (var child in parent.Errors.Values.SelectMany(errors => errors)) Report(child, violations);
            return;
        }

        var pointer = Pointer(error);
        violations.Add(pointer, ViolationCodes.Schema, Message(error));
    }

    private static string Pointer(ValidationError error)
    {
        var pointer = new StringBuilder("/contentInfo");
        foreach (var ancestor in (error.Token?.AncestorsAndSelf() ?? []).Reverse())
        {
            if (ancestor is JProperty property) JsonPointer.AppendToken(pointer, property.Name);
            else if (ancestor.Parent is JArray array) pointer.Append(CultureInfo.InvariantCulture, $"/{array.IndexOf(ancestor)}");
        }

        if (error.Kind == ValidationErrorKind.PropertyRequired && error.Property is { } missing) JsonPointer.AppendToken(pointer, missing);
        return pointer.ToString();
    }

    private static string Message(ValidationError error)
    {
        var schema = error.Schema;
        var name = Excerpt.Of(error.Property ?? "");
        return error.Kind switch
        {
            ValidationErrorKind.PropertyRequired => $"The schema requires the member '{name}'.",
            ValidationErrorKind.NoAdditionalPropertiesAllowed => $"The schema has no member '{name}'; it allows {Names(schema)}.",
            ValidationErrorKind.NotInEnumeration => $"The schema allows {string.Join(", ", schema.Enumeration)} here, not {Shown(error)}.",
            ValidationErrorKind.PatternMismatch => $"The schema requires a string that matches {schema.Pattern}, not {Shown(error)}.",
            ValidationErrorKind.StringTooShort => Invariant($"The schema requires at least {schema.MinLength} characters (minLength)."),
            ValidationErrorKind.StringTooLong => Invariant($"The schema allows at most {schema.MaxLength} characters (maxLength)."),
            ValidationErrorKind.NumberTooSmall => Invariant($"The schema requires a number {Minimum(schema)}, not {Shown(error)}."),
            ValidationErrorKind.NumberTooBig or ValidationErrorKind.IntegerTooBig =>
                Invariant($"The schema requires a number {Maximum(schema)}, not {Shown(error)}."),
            ValidationErrorKind.NumberNotMultipleOf or ValidationErrorKind.IntegerNotMultipleOf =>
                Invariant($"The schema requires a multiple of {schema.MultipleOf}, not {Shown(error)}."),
            ValidationErrorKind.TooManyItems => Invariant($"The schema allows at most {schema.MaxItems} elements (maxItems)."),
            ValidationErrorKind.TooFewItems => Invariant($"The schema requires at least {schema.MinItems} elements (minItems)."),
            ValidationErrorKind.ItemsNotUnique => "The schema requires distinct elements (uniqueItems).",
            ValidationErrorKind.TooManyItemsInTuple => "The schema allows no more elements here (additionalItems).",
            ValidationErrorKind.TooManyProperties => Invariant($"The schema allows at most {schema.MaxProperties} members (maxProperties)."),
            ValidationErrorKind.TooFewProperties => Invariant($"The schema requires at least {schema.MinProperties} members (minProperties)."),
            ValidationErrorKind.ExcludedSchemaValidates => "The schema excludes this value (not).",
            ValidationErrorKind.NotAnyOf =>
                Invariant($"The value matches none of the {schema.AnyOf.Count} forms that the schema allows (anyOf).{Reasons(error)}"),
            ValidationErrorKind.NotOneOf =>
                Invariant($"The value must match exactly one of the {schema.OneOf.Count} forms in the schema (oneOf).{Reasons(error)}"),
            ValidationErrorKind.NoTypeValidates => $"The schema requires {TypeNames(schema.Type)}, not {Shown(error)}.",
            ValidationErrorKind.StringExpected or ValidationErrorKind.NumberExpected or ValidationErrorKind.IntegerExpected
                or ValidationErrorKind.BooleanExpected or ValidationErrorKind.ObjectExpected or ValidationErrorKind.ArrayExpected
                or ValidationErrorKind.NullExpected => $"The schema requires {TypeNames(schema.Type)}, not {Shown(error)}.",
            _ => $"The schema requires the format {schema.Format}, not {Shown(error)}.",
        };
    }

    // Shows the first error of each form, so that a reader sees which form almost matched.
    private static string Reasons(ValidationError error)
    {
        if (error is not ChildSchemaValidationError forms) return "";
        var reasons = forms.Errors.Values.Where(errors => errors.Count > 0).Take(3).Select(errors => Message(Innermost(errors.First())));
        var text = string.Join(" ", reasons.Distinct());
        return text.Length == 0 ? "" : " " + text;
    }

    private static ValidationError Innermost(ValidationError error) =>
        error is ChildSchemaValidationError { Kind: not (ValidationErrorKind.NotAnyOf or ValidationErrorKind.NotOneOf) } parent
            && parent.Errors.Values.SelectMany(errors => errors).FirstOrDefault() is { } child
            ? Innermost(child)
            : error;

    private static string Names(JsonSchema schema) => schema.Properties.Count == 0
        ? "none"
        : string.Join(", ", schema.Properties.Keys.Take(20)) + (schema.Properties.Count > 20 ? ", ..." : "");

    private static string Minimum(JsonSchema schema) => schema.ExclusiveMinimum is { } above
        ? Invariant($"above {above}")
        : Invariant($"{(schema.IsExclusiveMinimum ? "above" : "of at least")} {schema.Minimum}");

    private static string Maximum(JsonSchema schema) => schema.ExclusiveMaximum is { } below
        ? Invariant($"below {below}")
        : Invariant($"{(schema.IsExclusiveMaximum ? "below" : "of at most")} {schema.Maximum}");

    private static string TypeNames(JsonObjectType types)
    {
        string[] names =
        [
            .. Enum.GetValues<JsonObjectType>()
                .Where(type => type != JsonObjectType.None && types.HasFlag(type))
                .Select(type => type.ToString().ToLowerInvariant()),
        ];
        return names.Length == 1 ? $"the type {names[0]}" : $"one of the types {string.Join(", ", names)}";
    }

    private static string Shown(ValidationError error) => error.Token switch
    {
        JObject => "an object",
        JArray => "an array",
        JValue { Type: JTokenType.String } text => $"'{Excerpt.Of((string)text!)}'",
        JValue { Type: JTokenType.Null } or null => "null",
        var value => Excerpt.Of(value.ToString(Newtonsoft.Json.Formatting.None)),
    };

    private static string Invariant(FormattableString text) => FormattableString.Invariant(text);
}
