using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using ContentSync.Diagnostics;

namespace ContentSync.Tests.Diagnostics;

/// <summary>All metrics of the process, and the spans of the library and of other sources, as text.</summary>
internal sealed class CapturedTelemetry : IDisposable
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly MeterListener _metrics;
    private readonly ActivityListener _traces;

    /// <param name="sources">Other sources. HttpClient is no good one: most of its spans here are the test's own.</param>
    public CapturedTelemetry(params string[] sources)
    {
        _metrics = new MeterListener { InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument) };
        _metrics.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Add(instrument, tags));
        _metrics.SetMeasurementEventCallback<int>((instrument, _, tags, _) => Add(instrument, tags));
        _metrics.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Add(instrument, tags));
        _metrics.Start();
        _traces = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.Name || sources.Contains(source.Name),
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = Add,
        };
        ActivitySource.AddActivityListener(_traces);
    }

    /// <summary>One line per measurement, without its value, and per span.</summary>
    public IReadOnlyCollection<string> Lines => _lines;

    public void Dispose()
    {
        _metrics.Dispose();
        _traces.Dispose();
    }

    private void Add(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        _lines.Enqueue($"{instrument.Name} {string.Join(' ', tags.ToArray())}");

    private void Add(Activity span)
    {
        var line = new StringBuilder()
            .Append(span.OperationName).Append(' ')
            .Append(span.DisplayName).Append(' ')
            .Append(span.StatusDescription).Append(' ')
            .AppendJoin(' ', span.TagObjects).Append(' ')
            .AppendJoin(' ', span.Baggage);
        foreach (var happened in span.Events) line.Append(' ').Append(happened.Name).Append(' ').AppendJoin(' ', happened.Tags);
        _lines.Enqueue(line.ToString());
    }
}
