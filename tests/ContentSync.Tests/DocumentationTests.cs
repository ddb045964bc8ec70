using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace ContentSync.Tests;

/// <summary>What the README files say about the repository is there.</summary>
public sealed partial class DocumentationTests
{
    private const int MaxReadmeLines = 130;

    private static readonly string Root = Path.GetFullPath(Path.Combine(Folder(), "..", ".."));

    public static TheoryData<string> Pages =>
    [
        .. Directory.EnumerateFiles(Root, "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules" or "artifacts")),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_link_leads_to_a_file_and_a_heading(string page)
    {
        foreach (Match link in Link().Matches(File.ReadAllText(Path.Combine(Root, page))))
        {
            var target = link.Groups[1].Value;
            if (target.StartsWith("http", StringComparison.Ordinal)) continue;
            var (path, heading) = target.Split('#') is [var before, var after] ? (before, after) : (target, null);
            var file = path.Length == 0 ? Path.Combine(Root, page) : Path.Combine(Root, Path.GetDirectoryName(page)!, path);
            Assert.True(File.Exists(file), $"{page} links to {target}, which does not exist.");
            if (heading is not null) Assert.True(Headings(file).Contains(heading), $"{page} links to {target}, which has no such heading.");
        }
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_test_that_a_page_names_exists(string page)
    {
        var sources = Directory.EnumerateFiles(Path.Combine(Root, "tests"), "*.cs", SearchOption.AllDirectories)
            .Select(file => Path.GetFileNameWithoutExtension(file))
            .ToHashSet(StringComparer.Ordinal);
        Assert.All(TestClass().Matches(File.ReadAllText(Path.Combine(Root, page))), name => Assert.Contains(name.Groups[1].Value, sources));
    }

    [Fact]
    public void The_README_stays_short() => Assert.InRange(File.ReadLines(Path.Combine(Root, "README.md")).Count(), 80, MaxReadmeLines);

    // As GitHub makes them: lower case, without punctuation, blanks as hyphens.
    private static HashSet<string> Headings(string file) => File.ReadLines(file)
        .Where(line => line.StartsWith('#'))
        .Select(line => Punctuation().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'))
        .ToHashSet(StringComparer.Ordinal);

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"`(\w+Tests)(\.\w+)?`")]
    private static partial Regex TestClass();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();
}
