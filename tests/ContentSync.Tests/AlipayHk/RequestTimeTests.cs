using System.Globalization;
using ContentSync.AlipayHk;

namespace ContentSync.Tests.AlipayHk;

public sealed class RequestTimeTests
{
    [Fact]
    public void Formats_seconds_and_an_offset_with_a_colon()
    {
        var east = new DateTimeOffset(2024, 5, 22, 6, 42, 21, 999, new TimeSpan(5, 30, 0));
        var west = new DateTimeOffset(2026, 1, 2, 3, 4, 5, new TimeSpan(-9, -30, 0));
        Assert.Equal("2024-05-22T06:42:21+05:30", RequestTime.Format(east));
        Assert.Equal("2026-01-02T03:04:05+00:00", RequestTime.Format(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero)));
        Assert.Equal("2026-01-02T03:04:05-09:30", RequestTime.Format(west));
    }

    [Fact]
    public void Caches_only_the_same_second_at_the_same_offset()
    {
        var cache = new RequestTimeCache();
        var second = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        DateTimeOffset[] times = [second, second.AddMilliseconds(999), second.AddSeconds(1), second, second.ToOffset(TimeSpan.FromHours(8))];
        Assert.Equal(times.Select(RequestTime.Format), times.Select(cache.Format));

        string[] texts =
        [
            "2026-01-02T03:04:05+00:00",
            "2026-01-02T03:04:05+00:00",
            "no time",
            "2026-01-02T03:04:06+00:00",
            "2026-01-02T03:04:05+00:00",
        ];
        foreach (var text in texts)
        {
            Assert.Equal(RequestTime.TryParse(text, out var expected), cache.TryParse(text, out var parsed));
            Assert.Equal(expected, parsed);
        }
    }

    [Fact]
    public void Ignores_the_current_culture()
    {
        var before = CultureInfo.CurrentCulture;
        var odd = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        odd.DateTimeFormat.TimeSeparator = ".";
        odd.DateTimeFormat.DateSeparator = "/";
        odd.DateTimeFormat.Calendar = new GregorianCalendar();
        try
        {
            CultureInfo.CurrentCulture = odd;
            Assert.Equal("2024-05-22T06:42:21+00:00", RequestTime.Format(new DateTimeOffset(2024, 5, 22, 6, 42, 21, TimeSpan.Zero)));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("2024-05-22T06:42:21+05:30")]
    [InlineData("2024-05-22T01:12:21Z")]
    [InlineData("2024-05-22T01:12:21.000Z")]
    [InlineData("2024-05-22T01:12:21.0000000Z")]
    [InlineData("2024-05-22T06:42:21+0530")]
    [InlineData("1716340341000")]
    public void Reads_every_dialect_of_the_same_time(string text)
    {
        Assert.True(RequestTime.TryParse(text, out var time));
        Assert.Equal(new DateTimeOffset(2024, 5, 22, 1, 12, 21, TimeSpan.Zero), time);
    }

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("99999999999999999999")]
    [InlineData("9223372036854775807")]
    [InlineData("-1")]
    public void Does_not_read_text_that_is_not_a_time(string text) => Assert.False(RequestTime.TryParse(text, out _));
}
