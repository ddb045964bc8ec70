using ContentSync.Local.CommandLine;
using Microsoft.Extensions.Time.Testing;
using Spectre.Console.Testing;

namespace ContentSync.Tests.Local.CommandLine;

public sealed class ProgressScreenTests
{
    [Theory]
    [InlineData(80)]
    [InlineData(40)]
    [InlineData(20)]
    public void Fits_into_a_terminal_of_any_width_and_takes_text_as_it_is(int width)
    {
        using var console = new TestConsole().Width(width);
        string[] lines = ["1,217 read, 1,003 in sync", "312 per second, about 41 s left", "failed attempts: A[red]B 12"];
        console.Write(ProgressScreen.Render(new ProgressState("catalog [v2].ndjson", 0.437, lines), width));
        Assert.All(console.Lines, line => Assert.InRange(line.TrimEnd().Length, 0, width));
        Assert.Contains("43 %", console.Output, StringComparison.Ordinal);
        Assert.Contains("[red]", console.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_the_most_frequent_codes_first_and_counts_the_others()
    {
        var codes = new Dictionary<string, long> { ["A"] = 1, ["B"] = 2_000, ["C"] = 3, ["D"] = 4, [""] = 1 };
        Assert.Equal("failed: B 2,000, D 4, C 3, 2 other codes", ProgressScreen.CodesLine("failed", codes));
        Assert.Null(ProgressScreen.CodesLine("failed", new Dictionary<string, long>()));
    }

    [Theory]
    [InlineData(0.4, 1, "0.4 per second, about 1 s left")]
    [InlineData(1_234.5, 41, "1,234 per second, about 41 s left")]
    [InlineData(12, 1_000, "12 per second, about 17 min left")]
    [InlineData(12, 11_100, "12 per second, about 3 h 5 min left")]
    public void Says_how_fast_it_is_and_how_long_the_rest_takes(double perSecond, int seconds, string expected) =>
        Assert.Equal(expected, ProgressScreen.RateLine(perSecond, TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void The_rate_is_that_of_the_last_ten_seconds()
    {
        var time = new FakeTimeProvider();
        var meter = new RateMeter(time);
        Assert.Equal(0, meter.Add(0));
        var rate = 0.0;
        for (var second = 1; second <= 60; second++)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            rate = meter.Add(second <= 30 ? second * 1_000 : 30_000 + ((second - 30) * 10));
        }

        Assert.Equal(10, rate, tolerance: 0.001);
    }
}
