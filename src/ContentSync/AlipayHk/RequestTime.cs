using System.Globalization;

namespace ContentSync.AlipayHk;

/// <summary>The text form of the Request-Time header. Captured once per attempt: header and string to sign must carry the same characters.</summary>
public static class RequestTime
{
    /// <summary>ISO 8601 with seconds and an offset with colon, such as 2024-05-22T06:42:21+05:30, whatever the culture.</summary>
    public static string Format(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

    /// <summary>Reads the time of an answer, for the clock comparison only. AlipayHK's family writes ISO 8601 in several dialects and epoch milliseconds.</summary>
    internal static bool TryParse(string text, out DateTimeOffset time)
    {
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time)) return true;
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)) return false;
        if (milliseconds > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()) return false;
        time = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        return true;
    }
}

/// <summary>Writes and reads times that are nearly always the same ones: the header's resolution is a second, and many items fall into one. Thread-safe.</summary>
internal sealed class RequestTimes
{
    private Known? _written;
    private Known? _read;

    /// <inheritdoc cref="RequestTime.Format"/>
    public string Format(DateTimeOffset time)
    {
        var second = new DateTimeOffset(time.Ticks - time.Ticks % TimeSpan.TicksPerSecond, time.Offset);
        if (_written is { } known && known.Time.EqualsExact(second)) return known.Text;
        known = new Known(RequestTime.Format(second), second);
        _written = known;
        return known.Text;
    }

    /// <inheritdoc cref="RequestTime.TryParse"/>
    public bool TryParse(string text, out DateTimeOffset time)
    {
        if (_read is { } known && known.Text == text)
        {
            time = known.Time;
            return true;
        }

        if (!RequestTime.TryParse(text, out time)) return false;
        _read = new Known(text, time);
        return true;
    }

    private sealed record Known(string Text, DateTimeOffset Time);
}
