using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ContentSync.Local.CommandLine;

namespace ContentSync.Tests;

/// <summary>What the README files say about the repository is there.</summary>
public sealed partial class DocumentationTests
{
    private const int MaxReadmeLines = 130;

    private static readonly string Root = Path.GetFullPath(Path.Combine(Folder(), "..", ".."));

    public static TheoryData<string> Pages => [.. Files()];

    private static IEnumerable<string> Files() =>
        Directory.EnumerateFiles(Root, "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Root, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "node_modules" or "artifacts"));

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
    public async Task Every_command_line_that_a_page_or_a_help_text_shows_can_be_parsed()
    {
        var shown = Files().SelectMany(page => Commands(page, File.ReadAllText(Path.Combine(Root, page)))).ToList();
        Assert.InRange(shown.Count, 15, int.MaxValue);
        foreach (var command in CommandLineProgram.Commands(Terminal.Of(TextWriter.Null, TextWriter.Null)).Subcommands)
        {
            using var help = new StringWriter();
            Assert.Equal(0, await CommandLineProgram.RunAsync([command.Name, "--help"], help, TextWriter.Null, CancellationToken.None));
            shown.AddRange(Commands(command.Name + " --help", help.ToString()));
        }

        // A pattern that no longer matches would find nothing wrong.
        Assert.InRange(shown.Count, 30, int.MaxValue);
        Assert.All(shown, command => Assert.Empty(Faults(command.Arguments).Select(fault => $"{command.Page}: {command.Arguments}: {fault}")));
    }

    [Fact]
    public void The_README_stays_short() => Assert.InRange(File.ReadLines(Path.Combine(Root, "README.md")).Count(), 80, MaxReadmeLines);

    private static IEnumerable<(string Page, string Arguments)> Commands(string page, string text) =>
        CommandLine().Matches(text)
            .Select(shown => (page, shown.Groups[1].Value.Split(" >")[0].Trim()))
            .Where(shown => !shown.Item2.EndsWith("[options]", StringComparison.Ordinal));

    private static IEnumerable<string> Faults(string arguments)
    {
        var terminal = Terminal.Of(TextWriter.Null, TextWriter.Null);
        var words = Placeholder().Replace(arguments, match => match.Value switch { "N" or "DAYS" => "5", "URL" => "https://a.example", _ => "x" });
        return CommandLineProgram.Commands(terminal).Parse(words).Errors.Select(fault => fault.Message);
    }

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

    /// <summary>What follows the command's name in a block or in a line, up to a pipe, a comment or the end.</summary>
    [GeneratedRegex(@"(?:^run (?=map|preview|sync)|^ *contentsync |`contentsync |(?:^|`) *dotnet run --project src/ContentSync\.Local -- )([a-z][^`|#\n]*)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"\b[A-Z]+\b|\$\w+|""\$\([^)]*\)""")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();
}
