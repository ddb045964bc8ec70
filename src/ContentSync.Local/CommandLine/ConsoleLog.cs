using System.Diagnostics;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using ContentSync.Synchronization;
using Microsoft.Extensions.Logging;
using Spectre.Console;

namespace ContentSync.Local.CommandLine;

/// <summary>How the log is written.</summary>
internal enum LogFormat
{
    /// <summary>Time, level and sentence.</summary>
    Text,

    /// <summary>One JSON object per line.</summary>
    Json,
}

/// <summary>
/// Writes log messages to standard error, one line each. Of an exception it writes the type and the methods, never the message: that may quote
/// what was being processed.
/// </summary>
internal sealed class ConsoleLog : ILoggerProvider
{
    /// <summary>Lines of the same event that are written per <see cref="RepeatWindow"/>. The next window says how many were left out.</summary>
    public const int MaxRepeats = 5;

    /// <summary>An outage would otherwise write a line for every item.</summary>
    public static readonly TimeSpan RepeatWindow = TimeSpan.FromMinutes(1);

    private const int MaxFrames = 30;

    private static readonly JsonWriterOptions JsonOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Category, int EventId), Repeats> _repeats = [];
    private readonly IAnsiConsole _screen;
    private readonly LogFormat _format;
    private readonly bool _isVerbose;
    private readonly TimeProvider _time;

    private ConsoleLog(IAnsiConsole screen, LogFormat format, bool isVerbose, TimeProvider time)
    {
        _screen = screen;
        _format = format;
        _isVerbose = isVerbose;
        _time = time;
    }

    /// <summary>
    /// What an operator must know by default; single items only if <paramref name="isVerbose"/>, because one outage concerns thousands of them.
    /// </summary>
    public static ILoggerFactory Create(IAnsiConsole screen, LogFormat format, bool isVerbose, TimeProvider time) =>
        LoggerFactory.Create(builder =>
        {
            builder.SetMinimumLevel(isVerbose ? LogLevel.Debug : LogLevel.Information);
            builder.AddFilter("Microsoft", LogLevel.Warning);
            if (!isVerbose) builder.AddFilter(typeof(ContentSynchronizer).FullName, LogLevel.Error);
            builder.AddProvider(new ConsoleLog(screen, format, isVerbose, time));
        });

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        // There is nothing to release.
    }

    private void Write(LogLevel level, EventId eventId, string category, string message, object? state, Exception? exception)
    {
        lock (_lock)
        {
            if (!TryEnter((category, eventId.Id), out var leftOut)) return;
            if (leftOut > 0) message = $"{message} ({Wording.Count(leftOut, "similar line was", "similar lines were")} left out)";
            if (_format == LogFormat.Json) _screen.Profile.Out.Writer.WriteLine(Json(level, eventId, category, message, state, exception));
            else WriteText(level, message, exception);
        }
    }

    private bool TryEnter((string Category, int EventId) key, out long leftOut)
    {
        leftOut = 0;
        if (_isVerbose) return true;
        var repeats = _repeats.GetValueOrDefault(key);
        if (repeats.Count == 0 || _time.GetElapsedTime(repeats.Since) >= RepeatWindow)
        {
            leftOut = Math.Max(0, repeats.Count - MaxRepeats);
            repeats = new Repeats(_time.GetTimestamp(), 0);
        }

        _repeats[key] = repeats with { Count = repeats.Count + 1 };
        return repeats.Count < MaxRepeats;
    }

    private void WriteText(LogLevel level, string message, Exception? exception)
    {
        var time = _time.GetUtcNow().ToString("u", CultureInfo.InvariantCulture);
        var fault = exception is null ? "" : $" {Describe(exception)}";
        if (!_screen.Profile.Out.IsTerminal)
        {
            // A line of a file or pipe must not be wrapped.
            _screen.Profile.Out.Writer.WriteLine($"{time} {Name(level)}: {TerminalText.Plain(message + fault)}");
            return;
        }

        if (level >= LogLevel.Error) _screen.Line($"[grey]{time}[/] [red]{Name(level)}: {message}{fault}[/]");
        else if (level == LogLevel.Warning) _screen.Line($"[grey]{time}[/] [yellow]{Name(level)}: {message}{fault}[/]");
        else _screen.Line($"[grey]{time} {Name(level)}:[/] {message}{fault}");
    }

    private string Json(LogLevel level, EventId eventId, string category, string message, object? state, Exception? exception)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, JsonOptions))
        {
            json.WriteStartObject();
            json.WriteString("time", _time.GetUtcNow().ToString("O", CultureInfo.InvariantCulture));
            json.WriteString("level", Name(level));
            json.WriteNumber("event", eventId.Id);
            json.WriteString("category", category);
            json.WriteString("message", message);
            if (Activity.Current is { } activity) json.WriteString("trace", activity.TraceId.ToHexString());
            if (exception is not null) json.WriteString("exception", Describe(exception));
            if (state is IEnumerable<KeyValuePair<string, object?>> values) WriteValues(json, values);
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteValues(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, object?>> values)
    {
        json.WriteStartObject("values");
        foreach (var (name, value) in values.Where(pair => pair.Key != "{OriginalFormat}"))
            json.WriteString(JsonNamingPolicy.CamelCase.ConvertName(name), Convert.ToString(value, CultureInfo.InvariantCulture));
        json.WriteEndObject();
    }

    private string Describe(Exception exception)
    {
        var frames = new StackTrace(exception).GetFrames().Select(frame => DiagnosticMethodInfo.Create(frame)).OfType<DiagnosticMethodInfo>();
        var shown = frames.Take(_isVerbose ? MaxFrames : 1).Select(method => $"{method.DeclaringTypeName}.{method.Name}");
        return $"{exception.GetType().Name} in {string.Join(" < ", shown)}";
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Critical or LogLevel.Error => "error",
        LogLevel.Warning => "warning",
        LogLevel.Information => "info",
        _ => "debug",
    };

    private readonly record struct Repeats(long Since, long Count);

    private sealed class Logger(ConsoleLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Write(logLevel, eventId, category, formatter(state, exception), state, exception);
    }
}
