using System.Globalization;
using ContentSync.Content;

namespace ContentSync.Tests.Content;

public sealed class ZonedTimeTests
{
    [Theory]
    [InlineData("2024-05-22T06:42:21+08:00")]
    [InlineData("2024-05-22T06:42:21+0800")]
    [InlineData("2024-05-21T22:42:21Z")]
    [InlineData("2024-05-21T22:42:21z")]
    [InlineData("2024-05-21t22:42:21z")]
    [InlineData("2024-05-21T22:42:21.000Z")]
    [InlineData("2024-05-21T22:42:21.0000000000+0000")]
    [InlineData("2024-05-21T15:42:21-0700")]
    public void Reads_every_form_of_a_time(string text)
    {
        Assert.True(ZonedTime.TryParse(text, out var time));
        Assert.Equal("2024-05-21T22:42:21Z", time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("2024-05-21T22:42z", 0)]
    [InlineData("2024-05-21T22:42+0800", -8)]
    public void Reads_a_time_without_seconds(string text, int offset)
    {
        Assert.True(ZonedTime.TryParse(text, out var time));
        Assert.Equal(new DateTimeOffset(2024, 5, 21, 22, 42, 0, TimeSpan.FromHours(-offset)), time);
    }

    [Theory]
    [InlineData("")]
    [InlineData("2024-05-21T22:42:21")]
    [InlineData("2024-05-21 22:42:21Z")]
    [InlineData("2024-05-21T22:42:21+08")]
    [InlineData("2024-05-21T22:42:21+8:00")]
    [InlineData("2024-05-21T22:42:21+08000")]
    [InlineData("2024-05-21T22:42:21 +0800")]
    [InlineData("2024-05-21T22:42:21zz")]
    [InlineData("2024-05-21T22:42:21+2500")]
    [InlineData("2024-13-21T22:42:21Z")]
    [InlineData("2024-05-21T22:42:21Z\"")]
    [InlineData("2024-05-21T22:42:21.00000000000000000000000000000000000000000000000000Z")]
    [InlineData("Tue, 21 May 2024 22:42:21 GMT")]
    public void Refuses_everything_else(string text) => Assert.False(ZonedTime.TryParse(text, out _));
}
