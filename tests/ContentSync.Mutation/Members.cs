using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace ContentSync.Mutation;

/// <summary>Members of a file that execute: methods, constructors, operators and accessors with a body.</summary>
internal static class Members
{
    /// <summary>In the order of the file, which gives each its number.</summary>
    public static IReadOnlyList<SyntaxNode> Of(SyntaxNode root) => [.. root.DescendantNodes().Where(IsMember)];

    private static bool IsMember(SyntaxNode node) => node switch
    {
        BaseMethodDeclarationSyntax method => method.Body is not null || method.ExpressionBody is not null,
        AccessorDeclarationSyntax accessor => accessor.Body is not null || accessor.ExpressionBody is not null,
        PropertyDeclarationSyntax property => property.ExpressionBody is not null,
        IndexerDeclarationSyntax indexer => indexer.ExpressionBody is not null,
        _ => false,
    };

    /// <summary>The block or the expression that the member executes.</summary>
    public static SyntaxNode BodyOf(SyntaxNode member) => member switch
    {
        BaseMethodDeclarationSyntax method => (SyntaxNode?)method.Body ?? method.ExpressionBody!,
        AccessorDeclarationSyntax accessor => (SyntaxNode?)accessor.Body ?? accessor.ExpressionBody!,
        PropertyDeclarationSyntax property => property.ExpressionBody!,
        _ => ((IndexerDeclarationSyntax)member).ExpressionBody!,
    };

    /// <summary>The part of the file that its body executes: the block with its braces, or the expression.</summary>
    public static TextSpan CodeOf(SyntaxNode member) =>
        BodyOf(member) is ArrowExpressionClauseSyntax arrow ? arrow.Expression.Span : BodyOf(member).Span;

    /// <summary>Code of a member as statements, so that others can stand beside it.</summary>
    /// <param name="member">The member.</param>
    /// <param name="code">What it executes, perhaps changed.</param>
    public static string Statements(SyntaxNode member, string code) => BodyOf(member) switch
    {
        BlockSyntax => code,
        ArrowExpressionClauseSyntax { Expression: ThrowExpressionSyntax } => $"{code};",
        _ when ReturnsNothing(member) => $"{code};",
        _ => $"return {code};",
    };

    /// <summary>Replaces the body of a member by a block.</summary>
    /// <param name="member">The member.</param>
    /// <param name="statements">What the block holds.</param>
    public static TextChange Replace(SyntaxNode member, string statements)
    {
        if (BodyOf(member) is not ArrowExpressionClauseSyntax arrow) return new(BodyOf(member).Span, $"{{ {statements} }}");
        var block = member is PropertyDeclarationSyntax or IndexerDeclarationSyntax ? $"{{ get {{ {statements} }} }}" : $"{{ {statements} }}";
        return new(TextSpan.FromBounds(arrow.SpanStart, arrow.GetLastToken().GetNextToken().Span.End), block);
    }

    /// <summary>Whether its expression body is a statement, not the value that it returns.</summary>
    public static bool ReturnsNothing(SyntaxNode member) => member switch
    {
        MethodDeclarationSyntax method => method.ReturnType.ToString() is "void"
            || (method.ReturnType.ToString() is "Task" or "ValueTask" && method.Modifiers.Any(SyntaxKind.AsyncKeyword)),
        ConstructorDeclarationSyntax or DestructorDeclarationSyntax => true,
        AccessorDeclarationSyntax accessor => !accessor.IsKind(SyntaxKind.GetAccessorDeclaration),
        _ => false,
    };
}
