using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using ContentSync.Local.CommandLine;
using SimulationArguments = ContentSync.Simulation.Arguments;

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

    [Theory]
    [MemberData(nameof(Pages))]
    public void Every_block_of_commands_is_run_or_says_why_it_is_not(string page)
    {
        var text = File.ReadAllText(Path.Combine(Root, page));
        foreach (Match block in Block().Matches(text))
        {
            var language = block.Groups[1].Value;
            if (ShellCommand().IsMatch(block.Groups[2].Value)) Assert.StartsWith("bash", language, StringComparison.Ordinal);
            if (language.StartsWith("bash", StringComparison.Ordinal)) Assert.Matches("^bash($| not run: .{10})", language);
        }

        // CI does not look for commands in an indented block.
        Assert.DoesNotMatch(IndentedCommand(), text);
    }

    [Fact]
    public void Every_filter_benchmark_and_seed_that_a_page_names_exists()
    {
        var classes = typeof(DocumentationTests).Assembly.GetTypes().Select(type => type.FullName + ".").ToList();
        var benchmarks = File.ReadAllText(Path.Combine(Root, "tests", "ContentSync.Benchmarks", "Program.cs"));
        var pages = string.Concat(Files().Select(page => File.ReadAllText(Path.Combine(Root, page))));
        var filters = Filter().Matches(pages).Select(match => match.Groups[1].Value).ToList();
        var programs = Benchmark().Matches(pages).Select(match => match.Groups[1].Value).ToList();
        var simulations = Simulation().Matches(pages).Select(match => match.Groups[1].Value.Trim().Split(' ')).ToList();

        Assert.NotEmpty(filters);
        Assert.NotEmpty(programs);
        Assert.NotEmpty(simulations);
        Assert.All(filters, filter => Assert.Contains(classes, name => name.Contains(filter, StringComparison.Ordinal)));
        Assert.All(programs, program => Assert.Contains($"case \"{program}\"", benchmarks, StringComparison.Ordinal));
        Assert.All(simulations, arguments => Assert.NotNull(SimulationArguments.Read(arguments)));
    }

    [Theory]
    [InlineData("try it", "src/ContentSync.Local/README.md")]
    [InlineData("send to it", "src/ContentSync/Http/README.md")]
    [InlineData("are on call", "src/ContentSync/ON-CALL.md")]
    [InlineData("change it", "CONTRIBUTING.md")]
    public void Each_reader_finds_their_page_from_the_README_in_one_step(string reader, string page)
    {
        var row = Assert.Single(File.ReadLines(Path.Combine(Root, "README.md")), line => line.StartsWith($"| {reader}", StringComparison.Ordinal));
        Assert.Contains($"({page}", row, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_page_is_found_from_the_README_in_two_steps()
    {
        var first = LinkedPages("README.md").ToHashSet(StringComparer.Ordinal);
        var reached = first.Concat(first.SelectMany(LinkedPages)).ToHashSet(StringComparer.Ordinal);

        Assert.All(Files().Where(page => page != "README.md"), page => Assert.Contains(page, reached));
    }

    [Fact]
    public void CI_runs_the_commands_in_the_tables_of_the_command_line_and_the_operator()
    {
        var runs = TablesRun().Matches(File.ReadAllText(Path.Combine(Root, ".ci", "run"))).Select(match => match.Groups[1].Value).ToList();
        var pages = Files().Where(page => TableCommand().IsMatch(File.ReadAllText(Path.Combine(Root, page)))).ToList();

        Assert.Equal(pages.Order(StringComparer.Ordinal), runs.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_README_stays_short() => Assert.InRange(File.ReadLines(Path.Combine(Root, "README.md")).Count(), 80, MaxReadmeLines);

    private static IEnumerable<string> LinkedPages(string page) =>
        Link().Matches(File.ReadAllText(Path.Combine(Root, page)))
            .Select(link => link.Groups[1].Value.Split('#')[0])
            .Where(target => target.EndsWith(".md", StringComparison.Ordinal) && !target.StartsWith("http", StringComparison.Ordinal))
            .Select(target => Path.GetRelativePath(Root, Path.GetFullPath(Path.Combine(Root, Path.GetDirectoryName(page)!, target))));

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

    [GeneratedRegex("""^```([^\n`]*)\n(.*?)^```""", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();

    [GeneratedRegex(@"^(dotnet|curl|contentsync|az|azd|infra/) ", RegexOptions.Multiline)]
    private static partial Regex ShellCommand();

    [GeneratedRegex(@"^(    |\t)(dotnet|curl|contentsync|az|azd|npm|docker) ", RegexOptions.Multiline)]
    private static partial Regex IndentedCommand();

    [GeneratedRegex(@"run_tables (\S+\.md)")]
    private static partial Regex TablesRun();

    /// <summary>A command in a row that needs no host in Azure.</summary>
    [GeneratedRegex(@"^\|(?!.*\(in Azure\)).*`contentsync [^`]+`", RegexOptions.Multiline)]
    private static partial Regex TableCommand();

    [GeneratedRegex(@"--filter FullyQualifiedName~([\w.]+)")]
    private static partial Regex Filter();

    [GeneratedRegex(@"`-- ([a-z][a-z-]+)")]
    private static partial Regex Benchmark();

    [GeneratedRegex(@"ContentSync\.Simulation -- ([^`|#\n]*)")]
    private static partial Regex Simulation();

    /// <summary>What follows the command's name in a block or in a line, up to a pipe, a comment or the end.</summary>
    [GeneratedRegex(@"(?:^run (?=map|preview|sync)|^ *contentsync |`contentsync |(?:^|`) *dotnet run --project src/ContentSync\.Local -- )([a-z][^`|#\n]*)", RegexOptions.Multiline)]
    private static partial Regex CommandLine();

    [GeneratedRegex(@"\b[A-Z]+\b|\$\w+|""\$\([^)]*\)""")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();
}
