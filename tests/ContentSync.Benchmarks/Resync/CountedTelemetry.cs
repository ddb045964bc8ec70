using System.Diagnostics;
using ContentSync.Diagnostics;
using Microsoft.Extensions.Logging;

namespace ContentSync.Benchmarks.Resync;

/// <summary>
/// Counts the telemetry that a run would store: each log line at Information and above, and each span, unsampled, as text plus the
/// envelope that Application Insights stores with it. Metrics are aggregated before export, so they cost nothing per item.
/// </summary>
internal sealed class CountedTelemetry : ILoggerFactory
{
    // Time, operation and parent ids, role, instance, version and the like: about the size of those columns in a row.
    private const int Envelope = 500;

    private readonly ActivityListener _listener;
    private long _bytes;

    public CountedTelemetry()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => Add(
                activity.OperationName.Length + activity.TagObjects.Sum(tag => tag.Key.Length + (tag.Value?.ToString()?.Length ?? 0))),
        };
        ActivitySource.AddActivityListener(_listener);
    }

    public long Bytes => Interlocked.Read(ref _bytes);

    public ILogger CreateLogger(string categoryName) => new CountingLogger(this);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose() => _listener.Dispose();

    private void Add(int characters) => Interlocked.Add(ref _bytes, Envelope + characters);

    private sealed class CountingLogger(CountedTelemetry telemetry) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            telemetry.Add(formatter(state, exception).Length + (exception?.ToString().Length ?? 0));
    }
}
