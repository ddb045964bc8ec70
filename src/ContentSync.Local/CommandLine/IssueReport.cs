using System.Text.Json;
using ContentSync.Local.Pipeline;

namespace ContentSync.Local.CommandLine;

/// <summary>Collects the failed items: the first few for the screen, all of them for the report file. Thread-safe.</summary>
internal sealed class IssueReport : IDisposable
{
    /// <summary>Number of issues kept for the screen.</summary>
    public const int MaxShown = 15;

    private readonly Lock _lock = new();
    private readonly List<SyncIssue> _first = [];
    private readonly StreamWriter? _file;
    private IOException? _failure;

    /// <exception cref="CommandException">The report file cannot be written.</exception>
    public IssueReport(string? file)
    {
        if (file is null) return;
        try
        {
            _file = new StreamWriter(file, append: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"The report '{file}' cannot be written: {e.Message}", e);
        }
    }

    /// <summary>The first issues, by line.</summary>
    public IReadOnlyList<SyncIssue> First
    {
        get
        {
            lock (_lock) return [.. _first.OrderBy(issue => issue.Line)];
        }
    }

    /// <summary>Number of all issues.</summary>
    public long Count { get; private set; }

    /// <summary>Why the report file is incomplete, or null.</summary>
    public string? Failure => _failure?.Message;

    public void Add(SyncIssue issue)
    {
        lock (_lock)
        {
            Count++;
            if (_first.Count < MaxShown) _first.Add(issue);
            if (_file is null || _failure is not null) return;
            try
            {
                _file.WriteLine(JsonSerializer.Serialize(issue, SummaryJson.Relaxed.SyncIssue));
            }
            catch (IOException e)
            {
                _failure = e;
            }
        }
    }

    public void Dispose()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException e)
        {
            _failure ??= e;
        }
    }
}
