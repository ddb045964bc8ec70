using Microsoft.Extensions.Logging;

namespace ContentSync.Diagnostics.Trends;

/// <summary>
/// Counts what this process does, by the minute, and writes each minute to the shared store once it is over: when the process renews its
/// lease of the send budget, when the sweep runs, and when something is counted in a later minute. Thread-safe; one per process.
/// </summary>
/// <remarks>
/// A row holds the minutes of a quarter hour and is written anew each minute, so that repeating a write is harmless. That is 60 writes an hour
/// in which the process is busy, 4 queries for rows to delete and about 4 transactions that delete them; one write for each sweep of a process
/// that does not send; none while it is idle. A process that dies loses the minute in which it dies.
/// </remarks>
/// <param name="store">Shared by all processes; null to record nothing.</param>
/// <param name="time">The system clock.</param>
/// <param name="process">Identifies this process: 32 hex digits, new ones for each start.</param>
/// <param name="logger">Receives faults of the store.</param>
public sealed partial class TrendRecorder(ITrendStore? store, TimeProvider time, string process, ILogger<TrendRecorder> logger)
    : IAsyncDisposable, IDisposable
{
    /// <summary>For how long figures are kept, besides the quarter hour in which this ends.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(1);

    /// <summary>For how long what cannot be written is kept in memory: this many quarter hours.</summary>
    public const int MaxUnsavedQuarters = 4;

    /// <summary>Length of a row's quarter hour.</summary>
    internal static readonly TimeSpan Quarter = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>How long the last write may take when the process ends.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly SemaphoreSlim _saving = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Counted> _minutes = [];
    private DateTimeOffset _pruned;
    private string? _fault;

    /// <summary>Counts an attempt.</summary>
    /// <param name="code">AlipayHK's resultCode, or one of this app's own.</param>
    public void CountOutcome(string code) => Count(code, static (minute, code) => minute.CountOutcome(code, 1));

    /// <summary>Counts a signature.</summary>
    /// <param name="duration">The rate limiter's delay included.</param>
    public void CountSignature(TimeSpan duration) => Count(duration, static (minute, duration) => minute.Signing.Add(duration));

    /// <summary>Counts a request to AlipayHK.</summary>
    /// <param name="duration">From its first byte until the response begins, or until it failed.</param>
    public void CountRequest(TimeSpan duration) => Count(duration, static (minute, duration) => minute.AlipayHk.Add(duration));

    /// <summary>Records the budget of all processes together.</summary>
    /// <param name="perSecond">Requests per second.</param>
    public void SetBudget(double perSecond) => Count(perSecond, static (minute, perSecond) => minute.SetBudget(perSecond));

    /// <summary>Records what the sweep found.</summary>
    /// <param name="oldest">Age of the oldest item that is pending past its due time; zero without one.</param>
    /// <param name="backlog">Pending items.</param>
    public void SetPending(TimeSpan oldest, long backlog) =>
        Count((oldest, backlog), static (minute, pending) => minute.SetPending(pending.oldest, pending.backlog));

    /// <summary>Whether this process has recorded no backlog in the current minute. Counting items costs more than a sweep may.</summary>
    public bool NeedsBacklog
    {
        get
        {
            if (store is null) return false;
            lock (_lock) return _minutes.LastOrDefault() is not { } last || last.Minute.At != CurrentMinute() || last.Minute.Backlog is null;
        }
    }

    /// <summary>Writes the minutes that are over, in the background.</summary>
    /// <param name="all">Also the current minute, because nothing may follow it for a while.</param>
    public void Save(bool all = false)
    {
        if (HasUnsaved(all)) _ = Task.Run(() => SaveAsync(all, _stopping.Token));
    }

    /// <summary>Writes the minutes that are over. A fault is logged; what could not be written is tried again with the next minute.</summary>
    /// <param name="all">Also the current minute.</param>
    /// <param name="cancellationToken">Ends the wait; rows may have been written.</param>
    public async Task SaveAsync(bool all, CancellationToken cancellationToken)
    {
        if (store is null) return;
        try
        {
            await _saving.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                // Bounded, because a busy process changes its current minute again and again.
                for (var rows = 0; rows <= MaxUnsavedQuarters && NextRow(all) is { } row; rows++)
                    await SaveAsync(row, cancellationToken).ConfigureAwait(false);
                _fault = null;
            }
            catch (TrendsUnavailableException e)
            {
                if (_fault != e.Message) LogUnavailable(e.Message);
                _fault = e.Message;
            }
            finally
            {
                _saving.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // The process ends.
        }
    }

    /// <summary>Writes everything.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping.IsCancellationRequested) return;
        using var timeout = new CancellationTokenSource(StopTimeout, time);
        await SaveAsync(all: true, timeout.Token).ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
    }

    /// <summary>Stops without writing.</summary>
    public void Dispose() => _stopping.Cancel();

    /// <summary>The quarter hour of a time.</summary>
    internal static DateTimeOffset QuarterOf(DateTimeOffset at) => Floor(at, Quarter);

    /// <summary>The minute of a time.</summary>
    internal static DateTimeOffset MinuteOf(DateTimeOffset at) => Floor(at, Minute);

    private static DateTimeOffset Floor(DateTimeOffset at, TimeSpan step) => new(at.UtcTicks - (at.UtcTicks % step.Ticks), TimeSpan.Zero);

    private DateTimeOffset CurrentMinute() => MinuteOf(time.GetUtcNow());

    private void Count<T>(T what, Action<TrendMinute, T> count)
    {
        if (store is null) return;
        bool isNew;
        lock (_lock)
        {
            var at = CurrentMinute();
            var counted = _minutes.LastOrDefault();
            isNew = counted?.Minute.At != at;
            if (isNew) counted = Open(at);
            count(counted!.Minute, what);
            counted.IsSaved = false;
        }

        if (isNew) Save();
    }

    /// <summary>The minute that is not the one counted last: a new one, or an earlier one after the clock was set back.</summary>
    private Counted Open(DateTimeOffset at)
    {
        if (_minutes.Find(earlier => earlier.Minute.At == at) is { } known) return known;
        _minutes.RemoveAll(earlier => earlier.Minute.At < QuarterOf(at) - ((MaxUnsavedQuarters - 1) * Quarter));
        var counted = new Counted(new TrendMinute(at));
        _minutes.Add(counted);
        return counted;
    }

    private bool HasUnsaved(bool all)
    {
        if (store is null) return false;
        lock (_lock) return _minutes.Exists(counted => !counted.IsSaved && (all || counted.Minute.At < CurrentMinute()));
    }

    /// <summary>The oldest row with a minute to write; null if there is none. Its minutes count as saved until a write fails.</summary>
    private (TrendRow Row, IReadOnlyList<Counted> Minutes)? NextRow(bool all)
    {
        lock (_lock)
        {
            var now = CurrentMinute();

            // A row is written as a whole, so a quarter hour stays until all of its minutes are written.
            foreach (var past in _minutes.GroupBy(counted => QuarterOf(counted.Minute.At)).Where(past => past.Key < QuarterOf(now)).ToList())
            {
                if (past.All(counted => counted.IsSaved)) _minutes.RemoveAll(past.Contains);
            }

            var unsaved = _minutes.Where(counted => !counted.IsSaved && (all || counted.Minute.At < now)).ToList();
            if (unsaved.Count == 0) return null;
            var quarter = unsaved.Min(counted => QuarterOf(counted.Minute.At));
            var minutes = _minutes.Where(counted => QuarterOf(counted.Minute.At) == quarter).ToList();
            foreach (var counted in minutes) counted.IsSaved = true;
            return (new TrendRow(quarter, process, TrendText.Write(minutes.Select(counted => counted.Minute))), minutes);
        }
    }

    private async Task SaveAsync((TrendRow Row, IReadOnlyList<Counted> Minutes) next, CancellationToken cancellationToken)
    {
        try
        {
            await store!.WriteAsync(next.Row, cancellationToken).ConfigureAwait(false);
            if (next.Row.Quarter <= _pruned) return;
            await store.DeleteBeforeAsync(QuarterOf(time.GetUtcNow() - Retention), cancellationToken).ConfigureAwait(false);
            _pruned = next.Row.Quarter;
        }
        catch (Exception e) when (e is TrendsUnavailableException or OperationCanceledException)
        {
            lock (_lock)
            {
                foreach (var counted in next.Minutes) counted.IsSaved = false;
            }

            throw;
        }
    }

    [LoggerMessage(
        EventId = 2402, Level = LogLevel.Warning, Message = "The figures of this process cannot be added to the trends of the board. {Reason}")]
    private partial void LogUnavailable(string reason);

    /// <summary>A minute, and whether the store holds it as it is.</summary>
    private sealed class Counted(TrendMinute minute)
    {
        public TrendMinute Minute => minute;

        public bool IsSaved { get; set; }
    }
}
