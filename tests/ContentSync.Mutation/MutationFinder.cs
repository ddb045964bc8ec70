using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace ContentSync.Mutation;

/// <summary>Finds all changes that the operators propose for a file.</summary>
internal static class MutationFinder
{
    public static IEnumerable<Mutation> Of(string project, SourceFile file)
    {
        var numbers = file.Members.Select((member, index) => (member, index)).ToDictionary(pair => pair.member, pair => pair.index);
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var node in file.Root.DescendantNodes(IsEntered).Where(IsEntered))
        {
            var member = node.AncestorsAndSelf().FirstOrDefault(numbers.ContainsKey);
            var field = member is null ? FieldOf(node) : null;
            if (member is null && field is null) continue;
            foreach (var proposal in Operators.Propose(node))
            {
                var before = proposal.Place.ToString();
                var text = string.Join('|', file.Path, member is null ? field : NameOf(member), proposal.Operator, before, proposal.After);
                var repeated = seen[text] = seen.GetValueOrDefault(text) + 1;
                yield return new(
                    Repository.DigestOfText($"{text}|{repeated}")[..8],
                    project,
                    file.Path,
                    file.Text.Lines.GetLineFromPosition(proposal.Place.Span.Start).LineNumber + 1,
                    proposal.Operator,
                    proposal.Place.Span,
                    before,
                    proposal.After,
                    member is null ? null : numbers[member],
                    field);
            }
        }
    }

    // Attributes, log lines and the context of an await decide nothing; the text of an exception or an interpolated string is for people.
    private static bool IsEntered(SyntaxNode node) => node switch
    {
        AttributeListSyntax or InterpolatedStringExpressionSyntax or UsingDirectiveSyntax => false,
        ExpressionStatementSyntax { Expression: InvocationExpressionSyntax call } => !IsForPeople(call.Expression.ToString()),
        ArgumentListSyntax { Parent: ObjectCreationExpressionSyntax created } =>
            !created.Type.ToString().EndsWith("Exception", StringComparison.Ordinal),
        ArgumentListSyntax { Parent: InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax access } } =>
            access.Name.Identifier.ValueText != "ConfigureAwait",
        MethodDeclarationSyntax method => method.Identifier.ValueText is not ("ToString" or "Dispose" or "DisposeAsync" or "GetHashCode"),
        EnumDeclarationSyntax => false,
        _ => true,
    };

    private static bool IsForPeople(string call) =>
        call.StartsWith("Log", StringComparison.Ordinal) || call.StartsWith("logger.", StringComparison.Ordinal)
        || call.StartsWith("_logger.", StringComparison.Ordinal) || call.StartsWith("Argument", StringComparison.Ordinal)
        || call.Contains("elemetry", StringComparison.Ordinal) || call.StartsWith("activity", StringComparison.Ordinal)
        || call.StartsWith("GC.", StringComparison.Ordinal);

    private static string? FieldOf(SyntaxNode node) => node.AncestorsAndSelf().OfType<EqualsValueClauseSyntax>().LastOrDefault()?.Parent switch
    {
        VariableDeclaratorSyntax field => field.Identifier.ValueText,
        PropertyDeclarationSyntax property => property.Identifier.ValueText,
        _ => null,
    };

    private static string NameOf(SyntaxNode member) => member switch
    {
        MethodDeclarationSyntax method => method.Identifier.ValueText,
        PropertyDeclarationSyntax property => property.Identifier.ValueText,
        AccessorDeclarationSyntax { Parent.Parent: PropertyDeclarationSyntax property } => property.Identifier.ValueText,
        _ => member.Kind().ToString(),
    };
}
