using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ContentSync.Mutation;

/// <summary>A change that an operator proposes: the node, or the part of it, that is replaced.</summary>
internal readonly record struct Proposal(string Operator, SyntaxNodeOrToken Place, string After);

/// <summary>
/// The mutation operators. They look at syntax only: a proposal that does not compile is dropped later, and another one takes its place.
/// </summary>
internal static class Operators
{
    private static readonly Dictionary<SyntaxKind, string> Boundaries = new()
    {
        [SyntaxKind.LessThanToken] = "<=",
        [SyntaxKind.LessThanEqualsToken] = "<",
        [SyntaxKind.GreaterThanToken] = ">=",
        [SyntaxKind.GreaterThanEqualsToken] = ">",
    };

    private static readonly Dictionary<SyntaxKind, string> Opposites = new()
    {
        [SyntaxKind.EqualsEqualsToken] = "!=",
        [SyntaxKind.ExclamationEqualsToken] = "==",
        [SyntaxKind.PlusToken] = "-",
        [SyntaxKind.MinusToken] = "+",
        [SyntaxKind.AsteriskToken] = "/",
        [SyntaxKind.SlashToken] = "*",
        [SyntaxKind.PercentToken] = "*",
        [SyntaxKind.AmpersandAmpersandToken] = "||",
        [SyntaxKind.BarBarToken] = "&&",
        [SyntaxKind.PlusEqualsToken] = "-=",
        [SyntaxKind.MinusEqualsToken] = "+=",
        [SyntaxKind.PlusPlusToken] = "--",
        [SyntaxKind.MinusMinusToken] = "++",
    };

    private static readonly Dictionary<string, string> Calls = new(StringComparer.Ordinal)
    {
        ["First"] = "Last",
        ["Last"] = "First",
        ["FirstOrDefault"] = "LastOrDefault",
        ["LastOrDefault"] = "FirstOrDefault",
        ["Any"] = "All",
        ["All"] = "Any",
        ["Min"] = "Max",
        ["Max"] = "Min",
        ["MinBy"] = "MaxBy",
        ["MaxBy"] = "MinBy",
        ["OrderBy"] = "OrderByDescending",
        ["OrderByDescending"] = "OrderBy",
        ["Floor"] = "Ceiling",
        ["Ceiling"] = "Floor",
        ["IndexOf"] = "LastIndexOf",
        ["LastIndexOf"] = "IndexOf",
        ["StartsWith"] = "EndsWith",
        ["TryPeek"] = "TryDequeue",
    };

    private static readonly HashSet<string> Filters = new(StringComparer.Ordinal)
    {
        "Where", "Skip", "Take", "Distinct", "Concat", "Append", "Order", "Trim", "ToLowerInvariant", "ToUpperInvariant", "Clamp",
    };

    public static IEnumerable<Proposal> Propose(SyntaxNode node) => node switch
    {
        BinaryExpressionSyntax binary => OfBinary(binary),
        RelationalPatternSyntax pattern => Swap("boundary", pattern.OperatorToken, Boundaries),
        IsPatternExpressionSyntax test => OfPattern(test),
        IfStatementSyntax branch => OfIf(branch),
        ConditionalExpressionSyntax choice => [Negate("negated choice", choice.Condition)],
        CatchFilterClauseSyntax filter => [Negate("negated filter", filter.FilterExpression)],
        WhenClauseSyntax filter => [Negate("negated filter", filter.Condition)],
        PrefixUnaryExpressionSyntax prefix => OfPrefix(prefix),
        PostfixUnaryExpressionSyntax postfix => Swap("arithmetic", postfix.OperatorToken, Opposites),
        AssignmentExpressionSyntax assignment => OfAssignment(assignment),
        ExpressionStatementSyntax statement => OfStatement(statement),
        ThrowStatementSyntax { Parent: BlockSyntax } thrown => [new("throw removed", thrown, ";")],
        ContinueStatementSyntax next => [new("ended loop", next, "break;")],
        LiteralExpressionSyntax literal => OfLiteral(literal),
        InvocationExpressionSyntax call => OfCall(call),
        _ => OfBody(node),
    };

    private static IEnumerable<Proposal> OfBinary(BinaryExpressionSyntax binary)
    {
        if (binary.IsKind(SyntaxKind.CoalesceExpression)) return [new("no default", binary, binary.Right.ToString())];
        if (!binary.IsKind(SyntaxKind.LogicalAndExpression) && !binary.IsKind(SyntaxKind.LogicalOrExpression))
        {
            return Swap("boundary", binary.OperatorToken, Boundaries)
                .Concat(Swap(IsComparison(binary) ? "negated comparison" : "arithmetic", binary.OperatorToken, Opposites));
        }

        return
        [
            .. Swap("and/or", binary.OperatorToken, Opposites),
            new("condition dropped", binary, binary.Left.ToString()),
            new("condition dropped", binary, binary.Right.ToString()),
        ];
    }

    private static bool IsComparison(BinaryExpressionSyntax binary) =>
        binary.IsKind(SyntaxKind.EqualsExpression) || binary.IsKind(SyntaxKind.NotEqualsExpression);

    private static IEnumerable<Proposal> OfPattern(IsPatternExpressionSyntax test) => test.Pattern switch
    {
        UnaryPatternSyntax negated => [new("negated pattern", test.Pattern, negated.Pattern.ToString())],
        ConstantPatternSyntax => [new("negated pattern", test.Pattern, $"not {test.Pattern}")],
        BinaryPatternSyntax either when either.IsKind(SyntaxKind.OrPattern) =>
            [new("pattern dropped", either, either.Left.ToString()), new("pattern dropped", either, either.Right.ToString())],
        _ => [],
    };

    private static IEnumerable<Proposal> OfIf(IfStatementSyntax branch)
    {
        yield return Negate("negated if", branch.Condition);
        var only = branch.Statement is BlockSyntax { Statements: [var single] } ? single : branch.Statement;
        if (branch.Else is null && only is ReturnStatementSyntax or ThrowStatementSyntax or ContinueStatementSyntax or BreakStatementSyntax)
        {
            yield return new("guard removed", branch, ";");
        }
    }

    private static Proposal Negate(string name, ExpressionSyntax condition) =>
        condition is PrefixUnaryExpressionSyntax { RawKind: (int)SyntaxKind.LogicalNotExpression } negated
            ? new(name, condition, negated.Operand.ToString())
            : new(name, condition, $"!({condition})");

    private static IEnumerable<Proposal> OfPrefix(PrefixUnaryExpressionSyntax prefix) => prefix.Kind() switch
    {
        SyntaxKind.PreIncrementExpression or SyntaxKind.PreDecrementExpression => Swap("arithmetic", prefix.OperatorToken, Opposites),
        SyntaxKind.LogicalNotExpression or SyntaxKind.UnaryMinusExpression => [new("sign dropped", prefix, prefix.Operand.ToString())],
        _ => [],
    };

    private static IEnumerable<Proposal> OfAssignment(AssignmentExpressionSyntax assignment)
    {
        if (assignment.IsKind(SyntaxKind.CoalesceAssignmentExpression)) return [new("always assigned", assignment.OperatorToken, "=")];
        if (assignment.Parent is not InitializerExpressionSyntax list) return Swap("arithmetic", assignment.OperatorToken, Opposites);
        var others = list.Expressions.Where(expression => expression != assignment).Select(expression => expression.ToString());
        return [new("value left out", list, $"{{ {string.Join(", ", others)} }}")];
    }

    private static IEnumerable<Proposal> OfStatement(ExpressionStatementSyntax statement) =>
        [new(statement.Expression is AssignmentExpressionSyntax ? "assignment removed" : "call removed", statement, ";")];

    private static IEnumerable<Proposal> OfLiteral(LiteralExpressionSyntax literal) => literal.Kind() switch
    {
        SyntaxKind.TrueLiteralExpression => [new("constant", literal, "false")],
        SyntaxKind.FalseLiteralExpression => [new("constant", literal, "true")],
        SyntaxKind.NumericLiteralExpression => OfNumber(literal),
        SyntaxKind.StringLiteralExpression when literal.Token.ValueText.Length > 0 && IsKey(literal) => [new("key emptied", literal, "\"\"")],
        _ => [],
    };

    private static IEnumerable<Proposal> OfNumber(LiteralExpressionSyntax literal)
    {
        if (IsDuration(literal) && literal.Token.Value is int and > 1) yield return new("duration halved", literal, $"{literal} / 2.0");
        else if (literal.Token.Value is int and (0 or 1)) yield return new("constant", literal, literal.Token.Value is 0 ? "1" : "0");
        else if (literal.Token.Value is int number) yield return new("constant", literal, (number + 1).ToString(CultureInfo.InvariantCulture));
        else yield return new("constant", literal, $"({literal} * 2)");
    }

    private static bool IsDuration(LiteralExpressionSyntax literal) =>
        literal.Parent?.Parent?.Parent is InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax call }
        && call.ToString().StartsWith("TimeSpan.From", StringComparison.Ordinal);

    private static bool IsKey(LiteralExpressionSyntax literal) =>
        literal.Parent is ArgumentSyntax { Parent: BracketedArgumentListSyntax } or ConstantPatternSyntax
        || literal.FirstAncestorOrSelf<FieldDeclarationSyntax>() is { } field && field.Modifiers.Any(SyntaxKind.ConstKeyword);

    private static IEnumerable<Proposal> OfCall(InvocationExpressionSyntax call)
    {
        if (call.Expression is not MemberAccessExpressionSyntax access) yield break;
        var name = access.Name.Identifier.ValueText;
        if (Calls.TryGetValue(name, out var other)) yield return new("other call", access.Name.Identifier, other);
        if (Filters.Contains(name)) yield return new("filter dropped", call, access.Expression.ToString());
    }

    private static IEnumerable<Proposal> OfBody(SyntaxNode node)
    {
        var value = node switch
        {
            ReturnStatementSyntax statement => statement.Expression,
            ArrowExpressionClauseSyntax arrow => arrow.Expression,
            _ => null,
        };
        if (value is not null and not LiteralExpressionSyntax && ReturnsBool(node)) yield return Negate("negated result", value);
    }

    private static bool ReturnsBool(SyntaxNode node) => node.FirstAncestorOrSelf<MemberDeclarationSyntax>() switch
    {
        MethodDeclarationSyntax method => method.ReturnType.ToString() is "bool",
        PropertyDeclarationSyntax property => property.Type.ToString() is "bool",
        _ => false,
    };

    private static IEnumerable<Proposal> Swap(string name, SyntaxToken token, Dictionary<SyntaxKind, string> others) =>
        others.TryGetValue(token.Kind(), out var other) ? [new(name, token, other)] : [];
}
