using System.Collections.Immutable;
using System.Text.Json;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Text;

namespace ContentSync.Mutation;

/// <summary>A project of src as the compiler sees it, compiled once and emitted once per mutant.</summary>
internal sealed class SourceProject
{
    // Characters of a build's output in an error: the first errors, not hundreds that follow from them.
    private const int MaxOutput = 2_000;

    private readonly CSharpCompilation _compilation;
    private readonly CSharpCommandLineArguments _arguments;
    private readonly Dictionary<string, int> _firstMembers = new(StringComparer.Ordinal);

    private SourceProject(string name, CSharpCompilation compilation, CSharpCommandLineArguments arguments, IReadOnlyList<SourceFile> files)
    {
        (Name, _compilation, _arguments, Files) = (name, compilation, arguments, files);
        var count = 0;
        foreach (var file in files)
        {
            _firstMembers[file.Path] = count;
            count += file.Members.Count;
        }
    }

    /// <summary>Name of the assembly.</summary>
    public string Name { get; }

    /// <summary>Files of src, in the order of their paths. Generated ones are compiled, but not mutated.</summary>
    public IReadOnlyList<SourceFile> Files { get; }

    /// <summary>Compiles a project as its build does, with the generated files of that build.</summary>
    /// <param name="repository">Where its sources are.</param>
    /// <param name="path">Path of the project file from the root of the repository.</param>
    /// <param name="cancellationToken">Ends the build.</param>
    /// <exception cref="MutationException">The project does not build.</exception>
    public static async Task<SourceProject> OpenAsync(Repository repository, string path, CancellationToken cancellationToken)
    {
        var project = Path.Combine(repository.Root, path);
        var folder = Path.GetDirectoryName(project)!;
        var generated = Path.Combine(folder, "obj", "mutation", "generated");
        var commandLine = await CommandLineAsync(repository, project, generated, cancellationToken).ConfigureAwait(false);
        var arguments = CSharpCommandLineParser.Default.Parse(commandLine, folder, sdkDirectory: null);
        var trees = arguments.SourceFiles.Select(file => file.Path)
            .Concat(Directory.EnumerateFiles(generated, "*.cs", SearchOption.AllDirectories))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .Select(file => Parse(file, arguments.ParseOptions, cancellationToken))
            .ToList();
        var options = arguments.CompilationOptions
            .WithGeneralDiagnosticOption(ReportDiagnostic.Default)
            .WithSpecificDiagnosticOptions(ImmutableDictionary<string, ReportDiagnostic>.Empty);
        var name = arguments.CompilationName ?? Path.GetFileNameWithoutExtension(project);
        var references = arguments.MetadataReferences
            .Select(reference => MetadataReference.CreateFromFile(reference.Reference, reference.Properties));
        var compilation = CSharpCompilation.Create(name, trees, references, options);
        return new(name, compilation, arguments, [.. trees.Select(File).OfType<SourceFile>()]);

        SourceFile? File(SyntaxTree tree)
        {
            var relative = Path.GetRelativePath(repository.Root, tree.FilePath).Replace('\\', '/');
            return relative.StartsWith("src/", StringComparison.Ordinal) && !relative.Contains("/obj/", StringComparison.Ordinal)
                ? new(relative, tree)
                : null;
        }
    }

    /// <summary>Number of a member of a file within the assembly.</summary>
    public int NumberOf(string file, int member) => _firstMembers[file] + member;

    /// <summary>Numbers of the members that may use a field: all of its own file, and those elsewhere that name it.</summary>
    public IEnumerable<int> MembersThatUse(string field, string file) => Files.SelectMany(candidate => candidate.Members
        .Select((member, index) => (member, index))
        .Where(pair => candidate.Path == file || Names(pair.member, field))
        .Select(pair => NumberOf(candidate.Path, pair.index)));

    /// <summary>Whether the changed file compiles. Cheaper than to emit it, because only its own tree is bound.</summary>
    public bool Compiles(Mutation mutation, CancellationToken cancellationToken)
    {
        var (file, tree) = Changed(mutation);
        var model = _compilation.ReplaceSyntaxTree(file.Tree, tree).GetSemanticModel(tree);
        return !model.GetDiagnostics(cancellationToken: cancellationToken).Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    /// <summary>Emits the assembly with one change.</summary>
    /// <returns>The assembly; null when the change does not compile.</returns>
    public byte[]? Emit(Mutation mutation, CancellationToken cancellationToken)
    {
        var (file, tree) = Changed(mutation);
        return Emit(_compilation.ReplaceSyntaxTree(file.Tree, tree), cancellationToken).Assembly;
    }

    /// <summary>Emits the assembly so that each member marks that it was executed.</summary>
    /// <param name="target">Path of the assembly.</param>
    /// <param name="cancellationToken">Ends the compilation.</param>
    /// <exception cref="MutationException">The instrumented project does not compile, which is a fault of this program.</exception>
    public void EmitInstrumented(string target, CancellationToken cancellationToken)
    {
        var compilation = _compilation;
        foreach (var file in Files)
        {
            var instrumented = file.Tree.WithChangedText(CoverageMarks.Instrument(file, Name, _firstMembers[file.Path]));
            compilation = compilation.ReplaceSyntaxTree(file.Tree, instrumented);
        }

        var marks = CSharpSyntaxTree.ParseText(
            CoverageMarks.Source(Name, Files.Sum(file => file.Members.Count)), _arguments.ParseOptions, cancellationToken: cancellationToken);
        var (assembly, error) = Emit(compilation.AddSyntaxTrees(marks), cancellationToken);
        File.WriteAllBytes(target, assembly ?? throw new MutationException($"{Name} does not compile with marks for coverage: {error}"));
    }

    /// <summary>Emits the assembly with many mutants, none of which is on.</summary>
    /// <param name="mutants">Mutants with their numbers.</param>
    /// <param name="target">Path of the assembly.</param>
    /// <param name="cancellationToken">Ends the compilation.</param>
    /// <returns>The mutants that it holds. Those of a file that does not compile with them are left out.</returns>
    public IReadOnlyList<(Mutation Mutation, int Number)> EmitSwitched(
        IReadOnlyList<(Mutation Mutation, int Number)> mutants, string target, CancellationToken cancellationToken)
    {
        var held = mutants.Where(mutant => MutantSwitch.Fits(mutant.Mutation, FileOf(mutant.Mutation))).ToList();
        while (true)
        {
            var compilation = _compilation.AddSyntaxTrees(
                CSharpSyntaxTree.ParseText(MutantSwitch.Source(Name), _arguments.ParseOptions, cancellationToken: cancellationToken));
            foreach (var group in held.GroupBy(mutant => mutant.Mutation.File))
            {
                var file = FileOf(group.First().Mutation);
                compilation = compilation.ReplaceSyntaxTree(file.Tree, file.Tree.WithChangedText(MutantSwitch.Weave(file, Name, group)));
            }

            var (assembly, error) = Emit(compilation, cancellationToken);
            if (assembly is not null)
            {
                File.WriteAllBytes(target, assembly);
                return held;
            }

            if (held.RemoveAll(mutant => error!.Contains(mutant.Mutation.File, StringComparison.Ordinal)) == 0)
            {
                throw new MutationException($"{Name} does not compile with switches for its mutants: {error}");
            }
        }
    }

    private SourceFile FileOf(Mutation mutation) => Files.Single(candidate => candidate.Path == mutation.File);

    private (SourceFile File, SyntaxTree Tree) Changed(Mutation mutation)
    {
        var file = FileOf(mutation);
        return (file, file.Tree.WithChangedText(file.Text.WithChanges(new TextChange(mutation.Span, mutation.After))));
    }

    private (byte[]? Assembly, string? Error) Emit(CSharpCompilation compilation, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream();
        var result = compilation.Emit(
            stream,
            manifestResources: _arguments.ManifestResources,
            options: _arguments.EmitOptions.WithEmitMetadataOnly(false),
            cancellationToken: cancellationToken);
        return result.Success
            ? (stream.ToArray(), null)
            : (null, result.Diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).ToString());
    }

    private static bool Names(SyntaxNode member, string field) =>
        member.DescendantTokens().Any(token => token.IsKind(SyntaxKind.IdentifierToken) && token.ValueText == field);

    private static SyntaxTree Parse(string file, CSharpParseOptions options, CancellationToken cancellationToken)
    {
        using var stream = File.OpenRead(file);
        return CSharpSyntaxTree.ParseText(SourceText.From(stream), options, file, cancellationToken);
    }

    // The build of unchanged sources and project files need not be asked again.
    private static async Task<IReadOnlyList<string>> CommandLineAsync(
        Repository repository, string project, string generated, CancellationToken cancellationToken)
    {
        var path = Path.Combine(repository.Cache, Path.GetFileNameWithoutExtension(project) + ".rsp");
        var key = $"# {repository.SourcesDigest()} {repository.BuildDigest()}";
        var lines = File.Exists(path) ? await File.ReadAllLinesAsync(path, cancellationToken).ConfigureAwait(false) : [];
        if (lines is [var first, .. var known] && first == key) return known;

        var arguments = await AskBuildAsync(project, generated, cancellationToken).ConfigureAwait(false);
        await File.WriteAllLinesAsync(path, [key, .. arguments], cancellationToken).ConfigureAwait(false);
        return arguments;
    }

    private static async Task<IReadOnlyList<string>> AskBuildAsync(string project, string generated, CancellationToken cancellationToken)
    {
        // The compiler writes to an existing folder only, and what an earlier build left there would be compiled as well.
        if (Directory.Exists(generated)) Directory.Delete(generated, recursive: true);
        Directory.CreateDirectory(generated);
        // A property that no file satisfies makes the compiler run even when its output is up to date.
        var (code, output, errors) = await Command.RunAsync(
            "dotnet",
            [
                "msbuild", project, "-t:PrepareResources;Compile", "-p:Configuration=Release",
                "-p:BuildProjectReferences=false", "-p:RunAnalyzers=false",
                "-p:EnforceCodeStyleInBuild=false", "-p:ProvideCommandLineArgs=true", "-p:NonExistentFile=none",
                "-p:EmitCompilerGeneratedFiles=true",
                $"-p:CompilerGeneratedFilesOutputPath={generated}", "-getItem:CscCommandLineArgs",
            ],
            cancellationToken).ConfigureAwait(false);
        if (code != 0)
        {
            var all = errors + output;
            throw new MutationException($"{project} does not build. Build this program in Release first.\n{all[..Math.Min(all.Length, MaxOutput)]}");
        }

        using var json = JsonDocument.Parse(output);
        return
        [
            .. json.RootElement.GetProperty("Items").GetProperty("CscCommandLineArgs").EnumerateArray()
                .Select(item => item.GetProperty("Identity").GetString()!),
        ];
    }
}
