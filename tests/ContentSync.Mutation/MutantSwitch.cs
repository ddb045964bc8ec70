using Microsoft.CodeAnalysis.Text;

namespace ContentSync.Mutation;

/// <summary>
/// Puts many mutants into one build: a member executes its changed code while the number of that mutant is set, otherwise its own. So one
/// process tries one mutant after the other, with everything compiled.
/// </summary>
internal static class MutantSwitch
{
    private const string Prefix = "MutationSwitch_";

    /// <summary>Field of the class that holds the number of the mutant that is on; 0 if none is.</summary>
    public const string Field = "Active";

    public static string ClassOf(string assembly) => Prefix + assembly.Replace('.', '_').Replace('-', '_');

    /// <summary>The class that such an assembly needs besides.</summary>
    public static string Source(string assembly) => $$"""
        internal static class {{ClassOf(assembly)}}
        {
            internal static volatile int {{Field}};
            internal static bool Is(int mutant) => {{Field}} == mutant;
        }
        """;

    /// <summary>Whether a change is inside code that a member executes. The initializer of a field runs once per process.</summary>
    public static bool Fits(Mutation mutation, SourceFile file) =>
        mutation.Member is { } member && Members.CodeOf(file.Members[member]).Contains(mutation.Span);

    /// <param name="file">The file.</param>
    /// <param name="assembly">Name of its assembly.</param>
    /// <param name="mutants">Its mutants with their numbers; each fits.</param>
    public static SourceText Weave(SourceFile file, string assembly, IEnumerable<(Mutation Mutation, int Number)> mutants) =>
        file.Text.WithChanges(mutants
            .GroupBy(mutant => mutant.Mutation.Member!.Value)
            .OrderBy(member => member.Key)
            .Select(group =>
            {
                var member = file.Members[group.Key];
                var span = Members.CodeOf(member);
                var code = file.Text.ToString(span);
                var changed = group.Select(mutant =>
                {
                    var start = mutant.Mutation.Span.Start - span.Start;
                    var text = code[..start] + mutant.Mutation.After + code[(start + mutant.Mutation.Span.Length)..];
                    return $"if (global::{ClassOf(assembly)}.Is({mutant.Number})) {{ {Members.Statements(member, text)} }} else ";
                });
                return Members.Replace(member, $"{string.Concat(changed)}{{ {Members.Statements(member, code)} }}");
            }));
}
