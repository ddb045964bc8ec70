using System.Globalization;
using System.Text.RegularExpressions;
using ContentSync.Content;

namespace ContentSync.Local.CommandLine;

/// <summary>Times as people type them: a zoned time, a date of this machine's time zone, <c>yesterday</c>, or an age such as <c>2h</c>.</summary>
internal static partial class CommandLineTime
{
    /// <summary>Completes "must be".</summary>
    public const string Expected =
        "a time: now, today, yesterday, an age such as 90s, 30m, 2h or 7d, a date such as 2026-11-25, or 2026-11-25T06:42:21+08:00";

    public static bool TryParse(string text, TimeProvider time, out DateTimeOffset result)
    {
        var now = time.GetLocalNow();
        DateTimeOffset? read = text switch
        {
            "now" => now,
            "today" => Midnight(now.Date, time),
            "yesterday" => Midnight(now.Date.AddDays(-1), time),
            _ when Age().Match(text) is { Success: true } age => Before(now, age),
            _ when DateOnly.TryParseExact(text, "yyyy-MM-dd", out var date) => Midnight(date.ToDateTime(TimeOnly.MinValue), time),
            _ => ZonedTime.TryParse(text, out var zoned) ? zoned : null,
        };
        result = read ?? default;
        return read is not null;
    }

    private static DateTimeOffset Midnight(DateTime date, TimeProvider time) => new(date, time.LocalTimeZone.GetUtcOffset(date));

    private static DateTimeOffset? Before(DateTimeOffset now, Match age)
    {
        var count = int.Parse(age.Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        var span = age.Groups[2].Value switch
        {
            "s" => TimeSpan.FromSeconds(count),
            "m" => TimeSpan.FromMinutes(count),
            "h" => TimeSpan.FromHours(count),
            _ => TimeSpan.FromDays(count),
        };
        return now - span;
    }

    [GeneratedRegex(@"^([0-9]{1,5})([smhd])$", RegexOptions.CultureInvariant)]
    private static partial Regex Age();
}
