using ContentSync.Local.CommandLine;
using ContentSync.Synchronization;
using ContentSync.Tests.Local.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Local.CommandLine;

public sealed partial class ConsoleLogTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 25, 10, 30, 0, TimeSpan.Zero));

    [Fact]
    public void Writes_one_line_with_time_level_and_sentence()
    {
        using var log = new CapturedLog(time: _time);
        LogItem(log.Loggers.CreateLogger("Any"), "A[red]\u001b\n-1 :cookie: " + new string('x', 300));
        var line = Assert.Single(log.Lines);
        Assert.Equal("2026-11-25 10:30:00Z warning: Item A[red]\uFFFD\uFFFD-1 :cookie: " + new string('x', 300), line);
    }

    [Fact]
    public void Writes_a_JSON_object_per_line_with_every_value()
    {
        using var log = new CapturedLog(LogFormat.Json, time: _time);
        LogItem(log.Loggers.CreateLogger("Any"), "港式\n\"奶茶\"");
        var line = Assert.Single(log.Objects);
        Assert.Equal("2026-11-25T10:30:00.0000000+00:00", line.GetProperty("time").GetString());
        Assert.Equal("warning", line.GetProperty("level").GetString());
        Assert.Equal(1, line.GetProperty("event").GetInt32());
        Assert.Equal("Any", line.GetProperty("category").GetString());
        Assert.Equal("港式\n\"奶茶\"", line.GetProperty("values").GetProperty("contentId").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Names_an_exception_without_its_message(bool isJson)
    {
        using var log = new CapturedLog(isJson ? LogFormat.Json : LogFormat.Text);
        try
        {
            throw new InvalidOperationException("a secret");
        }
        catch (InvalidOperationException e)
        {
            LogFault(log.Loggers.CreateLogger("Any"), e);
        }

        Assert.Contains("InvalidOperationException in ", log.Text, StringComparison.Ordinal);
        Assert.Contains(nameof(Names_an_exception_without_its_message), log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("a secret", log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Leaves_out_repeated_lines_and_counts_them_in_the_next_minute()
    {
        using var log = new CapturedLog(time: _time);
        var logger = log.Loggers.CreateLogger("Any");
        for (var i = 0; i < 20; i++) LogItem(logger, $"A-{i}");
        Assert.Equal(ConsoleLog.MaxRepeats, log.Lines.Count);
        _time.Advance(ConsoleLog.RepeatWindow);
        LogItem(logger, "A-20");
        Assert.EndsWith("Item A-20 (15 similar lines were left out)", log.Lines[^1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 20)]
    public void Says_of_single_items_nothing_unless_it_is_verbose(bool isVerbose, int lines)
    {
        using var log = new CapturedLog(isVerbose: isVerbose, time: _time);
        var logger = log.Loggers.CreateLogger(typeof(ContentSynchronizer).FullName!);
        for (var i = 0; i < 20; i++) LogItem(logger, $"A-{i}");
        Assert.Equal(lines, log.Lines.Count);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "Item {ContentId}")]
    private static partial void LogItem(ILogger logger, string contentId);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "A fault")]
    private static partial void LogFault(ILogger logger, Exception exception);
}
