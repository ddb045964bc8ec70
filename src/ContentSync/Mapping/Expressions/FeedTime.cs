using System.Globalization;
using System.Text.RegularExpressions;

namespace ContentSync.Mapping.Expressions;

/// <summary>Times as feeds write them. A time without a zone needs one from the mapping, because it would differ from machine to machine.</summary>
internal static partial class FeedTime
{
    private static readonly string[] Formats =
    [
        "yyyy-MM-dd", "yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss", "yyyy-MM-ddTHH:mm:ss.FFFFFFF", "yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm:ss",
        "yyyy/MM/dd", "yyyy/MM/dd HH:mm:ss", "dd/MM/yyyy", "dd/MM/yyyy HH:mm",
    ];

    /// <exception cref="ExpressionException">Not a time, or without a zone and none is given.</exception>
    public static DateTimeOffset Parse(string text, string? zone)
    {
        text = OffsetWithoutColon().Replace(text.Trim(), "$1:$2");
        if (Offset().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time)) return time;
        if (!DateTime.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
            throw new ExpressionException($"'{Content.Excerpt.Of(text)}' is not a time such as 2026-05-22T06:42:21+08:00 or 2026-05-22");
        if (zone is null) throw new ExpressionException($"'{Content.Excerpt.Of(text)}' has no zone; name one, as in time: 'Asia/Hong_Kong'");
        return new DateTimeOffset(local, Zone(zone).GetUtcOffset(local));
    }

    /// <exception cref="ExpressionException">There is no such zone.</exception>
    public static TimeZoneInfo Zone(string name) => TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone)
        ? zone
        : throw new ExpressionException($"there is no time zone '{Content.Excerpt.Of(name)}'; use a name such as Asia/Hong_Kong");

    public static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"([+-]\d\d)(\d\d)$")]
    private static partial Regex OffsetWithoutColon();

    [GeneratedRegex(@"(Z|[+-]\d\d:\d\d| GMT)$")]
    private static partial Regex Offset();
}
