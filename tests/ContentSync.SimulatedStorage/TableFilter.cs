using System.Globalization;
using System.Text.RegularExpressions;

namespace ContentSync.SimulatedStorage;

/// <summary>A <c>$filter</c>: comparisons of a property with a literal, joined by and, or and parentheses.</summary>
internal sealed partial class TableFilter
{
    private readonly Node? _root;

    private TableFilter(Node? root) => _root = root;

    /// <summary>The keys outside which nothing can match.</summary>
    public KeyBounds Bounds => KeyBounds.Of(_root);

    public static TableFilter Parse(string? text)
    {
        if (string.IsNullOrWhiteSpace(text)) return new TableFilter(null);
        var parser = new Parser([.. Token().Matches(text).Select(match => match.Value)]);
        return new TableFilter(parser.Or());
    }

    public bool Matches(string partition, StoredEntity entity)
    {
        if (_root is null) return true;
        EntityJson? properties = null;
        return _root.Matches(name => name switch
        {
            "PartitionKey" => partition,
            "RowKey" => entity.Row,
            _ => (properties ??= EntityJson.Parse(entity.Json)).Comparable(name),
        });
    }

    [GeneratedRegex("""(datetime|guid|binary|X)?'(?:[^']|'')*'|\(|\)|[^\s()]+""")]
    private static partial Regex Token();

    internal abstract record Node
    {
        public abstract bool Matches(Func<string, object?> value);
    }

    internal sealed record Both(Node Left, Node Right) : Node
    {
        public override bool Matches(Func<string, object?> value) => Left.Matches(value) && Right.Matches(value);
    }

    internal sealed record Either(Node Left, Node Right) : Node
    {
        public override bool Matches(Func<string, object?> value) => Left.Matches(value) || Right.Matches(value);
    }

    internal sealed record Comparison(string Name, string Operator, object Literal) : Node
    {
        // A property that the entity lacks, or of another type, never matches.
        public override bool Matches(Func<string, object?> value)
        {
            var stored = value(Name);
            if (stored?.GetType() != Literal.GetType()) return false;
            var order = stored is string text ? string.CompareOrdinal(text, (string)Literal) : ((IComparable)stored).CompareTo(Literal);
            return Operator switch
            {
                "eq" => order == 0,
                "ne" => order != 0,
                "gt" => order > 0,
                "ge" => order >= 0,
                "lt" => order < 0,
                "le" => order <= 0,
                _ => throw new NotSupportedException($"The simulated table service does not know the operator {Operator}."),
            };
        }
    }

    private sealed class Parser(string[] tokens)
    {
        private int _at;

        public Node Or()
        {
            var left = And();
            while (Takes("or")) left = new Either(left, And());
            return left;
        }

        private Node And()
        {
            var left = Term();
            while (Takes("and")) left = new Both(left, Term());
            return left;
        }

        private Node Term()
        {
            if (!Takes("(")) return new Comparison(tokens[_at++], tokens[_at++], Literal(tokens[_at++]));
            var inner = Or();
            return Takes(")") ? inner : throw new FormatException("A parenthesis of the filter is not closed.");
        }

        private bool Takes(string token)
        {
            if (_at == tokens.Length || tokens[_at] != token) return false;
            _at++;
            return true;
        }

        private static object Literal(string token) => token switch
        {
            "true" => true,
            "false" => false,
            ['\'', ..] => token[1..^1].Replace("''", "'", StringComparison.Ordinal),
            _ when token.StartsWith("datetime'", StringComparison.Ordinal) => EntityJson.Time(token["datetime'".Length..^1]),
            [.., 'L'] => long.Parse(token[..^1], CultureInfo.InvariantCulture),
            _ when long.TryParse(token, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
            _ => double.Parse(token, CultureInfo.InvariantCulture),
        };
    }
}

/// <summary>The keys that a filter admits, as far as its conjunctions say.</summary>
/// <param name="FirstPartition">No smaller PartitionKey matches.</param>
/// <param name="LastPartition">No greater PartitionKey matches; null for no limit.</param>
/// <param name="FirstRow">No smaller RowKey matches.</param>
/// <param name="LastRow">No greater RowKey matches; null for no limit.</param>
internal sealed record KeyBounds(string FirstPartition, string? LastPartition, string FirstRow, string? LastRow)
{
    public static KeyBounds Of(TableFilter.Node? node) => node switch
    {
        TableFilter.Both both => Of(both.Left).And(Of(both.Right)),
        TableFilter.Comparison { Literal: string key } comparison => Of(comparison, key),
        _ => new KeyBounds("", null, "", null),
    };

    public bool ContainsPartition(string key) =>
        string.CompareOrdinal(key, FirstPartition) >= 0 && (LastPartition is null || string.CompareOrdinal(key, LastPartition) <= 0);

    public bool IsAfterRows(string key) => LastRow is not null && string.CompareOrdinal(key, LastRow) > 0;

    private static KeyBounds Of(TableFilter.Comparison comparison, string key)
    {
        var first = comparison.Operator is "eq" or "gt" or "ge" ? key : "";
        var last = comparison.Operator is "eq" or "lt" or "le" ? key : null;
        return comparison.Name switch
        {
            "PartitionKey" => new KeyBounds(first, last, "", null),
            "RowKey" => new KeyBounds("", null, first, last),
            _ => new KeyBounds("", null, "", null),
        };
    }

    private KeyBounds And(KeyBounds other) => new(
        Later(FirstPartition, other.FirstPartition),
        Earlier(LastPartition, other.LastPartition),
        Later(FirstRow, other.FirstRow),
        Earlier(LastRow, other.LastRow));

    private static string Later(string a, string b) => string.CompareOrdinal(a, b) >= 0 ? a : b;

    private static string? Earlier(string? a, string? b) => a is null || (b is not null && string.CompareOrdinal(b, a) < 0) ? b : a;
}
