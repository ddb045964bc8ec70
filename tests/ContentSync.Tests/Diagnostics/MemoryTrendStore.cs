using System.Runtime.CompilerServices;
using System.Threading.Channels;
using ContentSync.Diagnostics.Trends;

namespace ContentSync.Tests.Diagnostics;

/// <summary>The trends in memory. Thread-safe.</summary>
internal sealed class MemoryTrendStore : ITrendStore
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(DateTimeOffset, string), TrendRow> _rows = [];
    private readonly Channel<TrendRow> _written = Channel.CreateUnbounded<TrendRow>();

    public bool IsDown { get; set; }

    public int Writes { get; private set; }

    public int Reads { get; private set; }

    public int Deletions { get; private set; }

    /// <summary>Where the last read began.</summary>
    public DateTimeOffset ReadFrom { get; private set; }

    public IReadOnlyList<TrendRow> Rows
    {
        get
        {
            lock (_lock) return [.. _rows.Values];
        }
    }

    /// <summary>Waits for one write that this method has not returned for yet; writes come from other threads.</summary>
    public async Task WrittenAsync() => await _written.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

    public ValueTask WriteAsync(TrendRow row, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        lock (_lock)
        {
            _rows[(row.Quarter, row.Process)] = row;
            Writes++;
        }

        _written.Writer.TryWrite(row);
        return ValueTask.CompletedTask;
    }

    public async IAsyncEnumerable<TrendRow> ReadAsync(DateTimeOffset from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ThrowIfDown();
        await Task.CompletedTask;
        (Reads, ReadFrom) = (Reads + 1, from);
        foreach (var row in Rows.Where(row => row.Quarter >= from)) yield return row;
    }

    public ValueTask DeleteBeforeAsync(DateTimeOffset quarter, CancellationToken cancellationToken)
    {
        ThrowIfDown();
        Deletions++;
        lock (_lock)
        {
            foreach (var old in _rows.Keys.Where(key => key.Item1 < quarter).ToList()) _rows.Remove(old);
        }

        return ValueTask.CompletedTask;
    }

    private void ThrowIfDown()
    {
        if (IsDown) throw new TrendsUnavailableException("The store is away.");
    }
}
