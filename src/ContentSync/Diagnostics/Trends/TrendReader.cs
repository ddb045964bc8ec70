using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Diagnostics.Trends;

/// <summary>
/// Adds up the minutes of all processes of the app. It keeps the sums of the last day in memory, reads only rows that may have changed, and
/// reads once for all viewers. Thread-safe; one per process.
/// </summary>
/// <param name="time">The system clock.</param>
/// <param name="store">Shared by all processes; null for a host that records nothing.</param>
public sealed class TrendReader([FromKeyedServices(Clocks.Wall)] TimeProvider time, ITrendStore? store = null) : IDisposable
{
    /// <summary>Minimum time between two reads of the store.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>How long after its end a minute is shown. By then each process that sends has renewed its lease and written the minute.</summary>
    public static readonly TimeSpan Lag = TimeSpan.FromSeconds(15);

    /// <summary>Codes of a series that have a name; the rest together are <see cref="TrendMinute.Other"/>.</summary>
    public const int MaxCodes = 12;

    /// <summary>A process writes a quarter hour while it has it in memory, so an older one no longer changes.</summary>
    private static readonly TimeSpan Settled = (TrendRecorder.MaxUnsavedQuarters + 1) * TrendRecorder.Quarter;

    private readonly SemaphoreSlim _lock = new(1, 1);
    private readonly SortedDictionary<DateTimeOffset, TrendMinute> _minutes = [];
    private long? _readAt;
    private DateTimeOffset _readFrom;

    /// <summary>The figures of the time before now, in equal steps.</summary>
    /// <param name="step">Length of a step: whole minutes.</param>
    /// <param name="count">Number of steps; all of them together at most <see cref="TrendRecorder.Retention"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="TrendsUnavailableException">The store is unavailable.</exception>
    public async ValueTask<TrendSeries> ReadAsync(TimeSpan step, int count, CancellationToken cancellationToken)
    {
        await _lock.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var now = time.GetUtcNow();
            if (store is not null && (_readAt is not { } readAt || time.GetElapsedTime(readAt) >= Interval))
                await RefreshAsync(store, now, cancellationToken).ConfigureAwait(false);
            var end = TrendRecorder.MinuteOf(now - Lag);
            var steps = new TrendMinute[count];
            for (var i = 0; i < count; i++) steps[i] = new TrendMinute(end - ((count - i) * step));
            var named = NamedCodes(_minutes.Values.Where(minute => minute.At >= steps[0].At && minute.At < end));
            foreach (var minute in _minutes.Values)
            {
                var at = (int)Math.Floor((minute.At - steps[0].At) / step);
                if (at >= 0 && at < count) AddTo(steps[at], minute, named);
            }

            return new TrendSeries(steps[0].At, end, step, steps);
        }
        finally
        {
            _lock.Release();
        }
    }

    public void Dispose() => _lock.Dispose();

    private async Task RefreshAsync(ITrendStore rows, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var oldest = TrendRecorder.QuarterOf(now - TrendRecorder.Retention);
        var from = _readAt is null || _readFrom < oldest ? oldest : _readFrom;
        var read = new SortedDictionary<DateTimeOffset, TrendMinute>();
        var began = time.GetTimestamp();
        await foreach (var row in rows.ReadAsync(from, cancellationToken).ConfigureAwait(false))
        {
            foreach (var minute in TrendText.Read(row.Minutes))
            {
                if (read.TryGetValue(minute.At, out var known)) known.Add(minute);
                else read[minute.At] = minute;
            }
        }

        foreach (var at in _minutes.Keys.Where(at => at < oldest || at >= from).ToList()) _minutes.Remove(at);
        foreach (var (at, minute) in read) _minutes[at] = minute;
        _readAt = began;
        _readFrom = TrendRecorder.QuarterOf(now - Settled);
    }

    private static HashSet<string> NamedCodes(IEnumerable<TrendMinute> minutes) => minutes
        .SelectMany(minute => minute.Outcomes)
        .Where(outcome => outcome.Key != TrendMinute.Other)
        .GroupBy(outcome => outcome.Key, outcome => outcome.Value, StringComparer.Ordinal)
        .OrderByDescending(code => code.Sum())
        .ThenBy(code => code.Key, StringComparer.Ordinal)
        .Take(MaxCodes)
        .Select(code => code.Key)
        .ToHashSet(StringComparer.Ordinal);

    private static void AddTo(TrendMinute step, TrendMinute minute, HashSet<string> named)
    {
        foreach (var (code, count) in minute.Outcomes) step.CountOutcome(named.Contains(code) ? code : TrendMinute.Other, count);
        step.Signing.Add(minute.Signing);
        step.AlipayHk.Add(minute.AlipayHk);
        step.SetBudget(minute.BudgetPerSecond);
        step.SetPending(minute.OldestPending, minute.Backlog);
    }
}

/// <summary>Figures of the whole app in equal steps of time.</summary>
/// <param name="From">Start of the first step.</param>
/// <param name="To">End of the last step.</param>
/// <param name="Step">Length of a step.</param>
/// <param name="Steps">One for each step, also for one in which nothing happened.</param>
public sealed record TrendSeries(DateTimeOffset From, DateTimeOffset To, TimeSpan Step, IReadOnlyList<TrendMinute> Steps);
