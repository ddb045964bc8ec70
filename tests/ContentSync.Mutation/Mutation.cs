using Microsoft.CodeAnalysis.Text;

namespace ContentSync.Mutation;

/// <summary>One mechanical change of one source file.</summary>
/// <param name="Id">Eight hexadecimal digits that stay the same while the member keeps the place that is changed.</param>
/// <param name="Project">Name of the assembly.</param>
/// <param name="File">Path from the root of the repository, with slashes.</param>
/// <param name="Line">Line of the change, from 1.</param>
/// <param name="Operator">Kind of the change.</param>
/// <param name="Span">The replaced part of the file.</param>
/// <param name="Before">The replaced text.</param>
/// <param name="After">Its replacement.</param>
/// <param name="Member">Number of the member within its file; null outside members that execute, as in the initializer of a field.</param>
/// <param name="Field">Name of the field or property whose initializer is changed; null inside a member.</param>
internal sealed record Mutation(
    string Id, string Project, string File, int Line, string Operator, TextSpan Span, string Before, string After, int? Member, string? Field)
{
    /// <summary>The folder that a table sums up.</summary>
    public string Folder => Folders.Of(File);

    /// <summary>The change on one line, cut to a readable length.</summary>
    public string Change => $"{OneLine(Before)} → {OneLine(After)}";

    private static string OneLine(string text)
    {
        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? "(nothing)" : line.Length > 70 ? line[..67] + "..." : line;
    }
}
