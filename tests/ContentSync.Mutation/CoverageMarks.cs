using Microsoft.CodeAnalysis.Text;

namespace ContentSync.Mutation;

/// <summary>Rewrites a file so that each member marks that it was executed.</summary>
internal static class CoverageMarks
{
    private const string Prefix = "MutationMarks_";

    /// <summary>Field of the class that holds the marks, a bool array in the order of the numbers.</summary>
    public const string Field = "All";

    public static string ClassOf(string assembly) => Prefix + assembly.Replace('.', '_').Replace('-', '_');

    /// <summary>The class that an instrumented assembly needs besides.</summary>
    /// <param name="assembly">Its name.</param>
    /// <param name="count">Number of members.</param>
    public static string Source(string assembly, int count) => $$"""
        internal static class {{ClassOf(assembly)}}
        {
            internal static readonly bool[] {{Field}} = new bool[{{count}}];
            internal static void Hit(int member) => {{Field}}[member] = true;
        }
        """;

    /// <param name="file">The file.</param>
    /// <param name="assembly">Name of its assembly.</param>
    /// <param name="first">Number of its first member within the assembly.</param>
    public static SourceText Instrument(SourceFile file, string assembly, int first)
    {
        var changes = file.Members.Select((member, index) =>
        {
            var code = Members.Statements(member, file.Text.ToString(Members.CodeOf(member)));
            return Members.Replace(member, $"global::{ClassOf(assembly)}.Hit({first + index}); {code}");
        });
        return file.Text.WithChanges(changes);
    }
}
