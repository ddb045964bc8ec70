namespace ContentSync.Diagnostics.Trends;

/// <summary>What happened in one minute: in one process, or in all of them once their minutes are added up. Not thread-safe.</summary>
/// <param name="at">When the minute began, in UTC.</param>
public sealed class TrendMinute(DateTimeOffset at)
{
    /// <summary>Distinct codes that are counted, because AlipayHK chooses them. Others count as <see cref="Other"/>.</summary>
    public const int MaxCodes = 12;

    /// <summary>Max characters of a code that is counted by its name.</summary>
    public const int MaxCodeLength = 40;

    /// <summary>The name of what exceeds <see cref="MaxCodes"/> or <see cref="MaxCodeLength"/>.</summary>
    public const string Other = "(other)";

    private readonly Dictionary<string, long> _outcomes = new(StringComparer.Ordinal);

    /// <summary>When the minute began, in UTC.</summary>
    public DateTimeOffset At { get; } = at;

    /// <summary>Attempts by the code of their result.</summary>
    public IReadOnlyDictionary<string, long> Outcomes => _outcomes;

    /// <summary>Duration of signing, the rate limiters' delay included. Its total is the number of signatures.</summary>
    public LatencyCounts Signing { get; init; } = new();

    /// <summary>Time from the first byte sent to AlipayHK until its response begins. Its total is the number of requests.</summary>
    public LatencyCounts AlipayHk { get; init; } = new();

    /// <summary>The send budget of all processes together, in requests per second; null if none was in force or nothing was sent.</summary>
    public double? BudgetPerSecond { get; private set; }

    /// <summary>Age of the oldest item that was pending past its due time; 0 without one, null if the sweep did not run.</summary>
    public TimeSpan? OldestPending { get; private set; }

    /// <summary>Pending items; null if the sweep did not run.</summary>
    public long? Backlog { get; private set; }

    /// <summary>Counts attempts.</summary>
    public void CountOutcome(string code, long count)
    {
        if (code.Length > MaxCodeLength || (HasAllNames && !_outcomes.ContainsKey(code))) code = Other;
        _outcomes[code] = _outcomes.GetValueOrDefault(code) + count;
    }

    /// <summary>Sets the budget in force; of several in one minute, the highest counts.</summary>
    public void SetBudget(double? perSecond) => BudgetPerSecond = Max(BudgetPerSecond, perSecond);

    /// <summary>Sets what the sweep found; of several sweeps in one minute, the highest figures count.</summary>
    public void SetPending(TimeSpan? oldest, long? backlog) => (OldestPending, Backlog) = (Max(OldestPending, oldest), Max(Backlog, backlog));

    /// <summary>Adds the minute of another process, or another minute.</summary>
    public void Add(TrendMinute other)
    {
        foreach (var (code, count) in other.Outcomes) CountOutcome(code, count);
        Signing.Add(other.Signing);
        AlipayHk.Add(other.AlipayHk);
        SetBudget(other.BudgetPerSecond);
        SetPending(other.OldestPending, other.Backlog);
    }

    private bool HasAllNames => _outcomes.Count >= MaxCodes && (_outcomes.Count > MaxCodes || !_outcomes.ContainsKey(Other));

    private static T? Max<T>(T? one, T? other)
        where T : struct, IComparable<T> =>
        one is null || (other is { } value && value.CompareTo(one.Value) > 0) ? other : one;
}
