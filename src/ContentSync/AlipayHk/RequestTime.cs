using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>
/// Format of the Request-Time header. Formatted once per request: the header and the string to sign must carry the same characters.
/// </summary>
public static class RequestTime
{
    /// <summary>ISO 8601 with seconds and an offset with a colon, such as 2024-05-22T06:42:21+05:30, in every culture.</summary>
    public static string Format(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

    /// <summary>
    /// Reads a Request-Time or Response-Time header, to compare them. AlipayHK's family of APIs sends ISO 8601 in several dialects, and
    /// epoch milliseconds.
    /// </summary>
    internal static bool TryParse(string text, out DateTimeOffset time)
    {
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time)) return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)) return false;
        if (milliseconds > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()) return false;
        time = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        return true;
    }
}

/// <summary>
/// Caches the last formatted and the last parsed time: the headers' resolution is one second, in which many items are sent.
/// Thread-safe.
/// </summary>
internal sealed class RequestTimeCache
{
    private CachedTime? _lastFormatted;
    private CachedTime? _lastParsed;

    /// <inheritdoc cref="RequestTime.Format"/>
    public string Format(DateTimeOffset time)
    {
        var second = new DateTimeOffset(time.Ticks - time.Ticks % TimeSpan.TicksPerSecond, time.Offset);
        if (_lastFormatted is { } cached && cached.Time.EqualsExact(second)) return cached.Text;
        cached = new CachedTime(RequestTime.Format(second), second);
        _lastFormatted = cached;
        return cached.Text;
    }

    /// <inheritdoc cref="RequestTime.TryParse"/>
    public bool TryParse(string text, out DateTimeOffset time)
    {
        if (_lastParsed is { } cached && cached.Text == text)
        {
            time = cached.Time;
            return true;
        }

        if (!RequestTime.TryParse(text, out time)) return false;
        _lastParsed = new CachedTime(text, time);
        return true;
    }

    private sealed record CachedTime(string Text, DateTimeOffset Time);
}
