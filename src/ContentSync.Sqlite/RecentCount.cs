namespace ContentSync.Sqlite;

/// <summary>Counts what happened in the last minute, to the second. Thread-safe.</summary>
internal sealed class RecentCount(TimeProvider time)
{
    private const int Seconds = 60;

    private readonly Lock _lock = new();
    private readonly (long Second, long Count)[] _buckets = new (long, long)[Seconds];

    public void Add()
    {
        var second = Now();
        lock (_lock)
        {
            ref var bucket = ref _buckets[second % Seconds];
            bucket = bucket.Second == second ? bucket with { Count = bucket.Count + 1 } : (second, 1);
        }
    }

    public long Read()
    {
        var oldest = Now() - Seconds + 1;
        lock (_lock) return _buckets.Where(bucket => bucket.Second >= oldest).Sum(bucket => bucket.Count);
    }

    private long Now() => time.GetUtcNow().ToUnixTimeSeconds();
}
