namespace ContentSync.Mapping;

/// <summary>What mapping a feed found. Thread-safe; a reading adds its counts batch by batch.</summary>
public sealed class MappingTally
{
    // Titles beyond this number are not compared: 8 bytes each, and as much again for the table.
    private const int MaxTitles = 2_000_000;

    private const int MaxExamples = 3;

    private readonly Lock _lock = new();
    private readonly HashSet<int> _titles = [];
    private readonly SortedDictionary<LintKind, (long Count, List<string> Examples)> _warnings = [];
    private readonly SortedDictionary<string, long> _faults = new(StringComparer.Ordinal);

    /// <summary>How the feed was read; null before the first record.</summary>
    public string? Shape { get; internal set; }

    /// <summary>Records of the feed.</summary>
    public long Records { get; private set; }

    /// <summary>Records, or groups of records, that became items.</summary>
    public long Mapped { get; private set; }

    /// <summary>Records, or groups of records, that could not be mapped.</summary>
    public long Failed { get; private set; }

    /// <summary>Records that the selection left out; they count as absent.</summary>
    public long LeftOut { get; private set; }

    /// <summary>Warnings by kind, with the first places.</summary>
    public IReadOnlyList<(LintKind Kind, long Count, IReadOnlyList<string> Examples)> Warnings
    {
        get
        {
            lock (_lock) return [.. _warnings.Select(kind => (kind.Key, kind.Value.Count, (IReadOnlyList<string>)[.. kind.Value.Examples]))];
        }
    }

    /// <summary>Faults by field.</summary>
    public IReadOnlyList<(string Field, long Count)> Faults
    {
        get
        {
            lock (_lock) return [.. _faults.Select(fault => (fault.Key, fault.Value))];
        }
    }

    /// <summary>Starts again.</summary>
    internal void Clear()
    {
        lock (_lock)
        {
            (Records, Mapped, Failed, LeftOut) = (0, 0, 0, 0);
            _titles.Clear();
            _warnings.Clear();
            _faults.Clear();
        }
    }

    internal void Add(MappedBatch batch)
    {
        lock (_lock)
        {
            Records += batch.Records;
            LeftOut += batch.LeftOut;
            foreach (var item in batch.Items)
            {
                if (item.Fault is null) Mapped++;
                else Failed++;
                foreach (var violation in item.Fault?.Violations ?? []) _faults[violation.Pointer] = _faults.GetValueOrDefault(violation.Pointer) + 1;
            }

            foreach (var warning in batch.Warnings) Add(warning.Kind, warning.Place);
            foreach (var (title, place) in batch.Titles)
            {
                if (_titles.Count < MaxTitles && !_titles.Add(title)) Add(LintKind.DuplicateTitle, place);
            }
        }
    }

    private void Add(LintKind kind, string place)
    {
        var (count, examples) = _warnings.TryGetValue(kind, out var before) ? before : (0, []);
        if (examples.Count < MaxExamples) examples.Add(place);
        _warnings[kind] = (count + 1, examples);
    }
}
