namespace ContentSync.Mutation;

/// <summary>Remembers which mutants compile, so that a sample of unchanged sources is chosen without compiling.</summary>
internal sealed class CompiledMutations
{
    private readonly string _path;
    private readonly string _sources;
    private readonly Dictionary<string, bool> _known = new(StringComparer.Ordinal);

    public CompiledMutations(Repository repository)
    {
        _path = Path.Combine(repository.Cache, "compiled.txt");
        _sources = repository.SourcesDigest();
        foreach (var cells in File.Exists(_path) ? File.ReadLines(_path).Select(line => line.Split(' ')) : [])
        {
            if (cells[0] == _sources) _known[cells[1]] = bool.Parse(cells[2]);
        }
    }

    public bool Compiles(Mutation mutation, Func<bool> compile)
    {
        if (_known.TryGetValue(mutation.Id, out var known)) return known;
        var compiles = _known[mutation.Id] = compile();
        File.AppendAllText(_path, $"{_sources} {mutation.Id} {compiles}\n");
        return compiles;
    }
}
