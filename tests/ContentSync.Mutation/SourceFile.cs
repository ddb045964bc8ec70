using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace ContentSync.Mutation;

/// <summary>A parsed file of the project.</summary>
/// <param name="Path">Path from the root of the repository, with slashes.</param>
/// <param name="Tree">Its syntax tree in the compilation.</param>
internal sealed record SourceFile(string Path, SyntaxTree Tree)
{
    public SyntaxNode Root { get; } = Tree.GetRoot();

    public SourceText Text { get; } = Tree.GetText();

    /// <summary>The members that execute, each at its number.</summary>
    public IReadOnlyList<SyntaxNode> Members { get; } = MembersOf(Tree);

    private static IReadOnlyList<SyntaxNode> MembersOf(SyntaxTree tree) => ContentSync.Mutation.Members.Of(tree.GetRoot());
}
