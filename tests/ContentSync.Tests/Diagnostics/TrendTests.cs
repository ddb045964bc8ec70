using ContentSync.Diagnostics.Trends;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Diagnostics;

/// <summary>Processes that record trends in one store, and the reader that adds them up.</summary>
public sealed class TrendTests
{
    private static readonly DateTimeOffset Noon = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Noon);
    private readonly MemoryTrendStore _store = new();

    [Fact]
    public async Task Adds_up_two_processes_and_keeps_what_one_wrote_before_it_died()
    {
        using var one = Process("one");
        using var two = Process("two");
        foreach (var process in (TrendRecorder[])[one, two])
        {
            process.CountOutcome("SUCCESS");
            process.CountRequest(TimeSpan.FromMilliseconds(100));
            process.SetBudget(200);
        }

        await NextMinuteAsync(one, two);
        one.CountOutcome("SUCCESS");
        two.CountOutcome("SUCCESS");

        // The second process dies: its current minute is lost, the one before is not.
        two.Dispose();
        await NextMinuteAsync(one);
        var steps = await LastAsync(2);
        Assert.Equal(2, steps[0].Outcomes["SUCCESS"]);
        Assert.Equal(2, steps[0].AlipayHk.Total);
        Assert.Equal(200, steps[0].BudgetPerSecond);
        Assert.Equal(1, steps[1].Outcomes["SUCCESS"]);
        Assert.Null(steps[1].BudgetPerSecond);
    }

    [Fact]
    public async Task A_process_that_is_stopped_writes_its_current_minute()
    {
        var process = Process("one");
        process.CountOutcome("SUCCESS");
        await process.DisposeAsync();
        _time.Advance(TimeSpan.FromMinutes(1) + TrendReader.Lag);
        Assert.Equal(1, (await LastAsync(1))[0].Outcomes["SUCCESS"]);
    }

    [Fact]
    public async Task Writes_each_minute_once_and_nothing_while_idle()
    {
        using var process = Process("one");
        for (var minute = 0; minute < 60; minute++)
        {
            // The first count of a minute writes the one before; the renewals in it find nothing to write.
            process.CountOutcome("SUCCESS");
            for (var renewals = 0; renewals < 6; renewals++)
            {
                _time.Advance(TimeSpan.FromSeconds(10));
                process.CountOutcome("SUCCESS");
                if (renewals < 5) await process.SaveAsync(all: false, default);
                else await _store.WrittenAsync();
            }
        }

        Assert.InRange(_store.Writes, 59, 60);
        Assert.InRange(_store.Deletions, 4, 5);
        Assert.InRange(_store.Rows.Count, 4, 5);
        await process.SaveAsync(all: true, default);
        var writes = _store.Writes;
        _time.Advance(TimeSpan.FromHours(1));
        await process.SaveAsync(all: true, default);
        Assert.Equal(writes, _store.Writes);
    }

    [Fact]
    public async Task Keeps_rows_for_a_day_whichever_process_wrote_them()
    {
        for (var quarter = 0; quarter < 2 * 96; quarter++)
        {
            var process = Process($"p{quarter}");
            process.CountOutcome("SUCCESS");
            await process.DisposeAsync();
            _time.Advance(TimeSpan.FromMinutes(15));
        }

        Assert.Equal(97, _store.Rows.Count);
        var day = await Reader().ReadAsync(TimeSpan.FromMinutes(15), 96, default);
        Assert.InRange(day.Steps.Sum(step => step.Outcomes.GetValueOrDefault("SUCCESS")), 95, 96);
        Assert.Equal(TimeSpan.FromDays(1), day.To - day.From);
    }

    [Fact]
    public async Task Writes_up_to_an_hour_later_what_could_not_be_written()
    {
        using var process = Process("one");
        _store.IsDown = true;
        for (var minute = 0; minute < 40; minute++)
        {
            process.CountOutcome("TIMEOUT");
            await NextMinuteAsync(process);
        }

        _store.IsDown = false;
        await NextMinuteAsync(process);
        Assert.Equal(40, (await LastAsync(60)).Sum(step => step.Outcomes.GetValueOrDefault("TIMEOUT")));
        _store.IsDown = true;
        for (var minute = 0; minute < 300; minute++)
        {
            process.CountOutcome("TIMEOUT");
            await NextMinuteAsync(process);
        }

        _store.IsDown = false;
        await NextMinuteAsync(process);
        Assert.InRange((await LastAsync(300)).Sum(step => step.Outcomes.GetValueOrDefault("TIMEOUT")), 45, 61);
    }

    [Fact]
    public async Task A_reader_sees_what_another_process_wrote_late()
    {
        using var process = Process("one");
        var reader = Reader();
        process.CountOutcome("SUCCESS");
        _time.Advance(TimeSpan.FromMinutes(50));
        Assert.Equal(0, (await reader.ReadAsync(TimeSpan.FromMinutes(1), 60, default)).Steps.Sum(step => step.Outcomes.Count));
        await process.SaveAsync(all: false, default);
        _time.Advance(TrendReader.Interval);
        Assert.Equal(1, (await reader.ReadAsync(TimeSpan.FromMinutes(1), 60, default)).Steps.Sum(step => step.Outcomes.Count));
    }

    [Fact]
    public async Task A_reader_reads_once_for_all_viewers_and_then_only_what_may_have_changed()
    {
        using var process = Process("one");
        var reader = Reader();
        for (var minute = 0; minute < 300; minute++)
        {
            process.CountOutcome("SUCCESS");
            await NextMinuteAsync(process);
        }

        for (var viewers = 0; viewers < 5; viewers++) await reader.ReadAsync(TimeSpan.FromMinutes(1), 60, default);
        Assert.Equal(1, _store.Reads);
        _time.Advance(TrendReader.Lag);
        var day = await reader.ReadAsync(TimeSpan.FromMinutes(15), 96, default);
        Assert.Equal(2, _store.Reads);
        Assert.InRange(_time.GetUtcNow() - _store.ReadFrom, TimeSpan.FromMinutes(60), TimeSpan.FromMinutes(90));
        Assert.Equal(300, day.Steps.Sum(step => step.Outcomes.GetValueOrDefault("SUCCESS")));
    }

    [Fact]
    public async Task Bounds_the_codes_and_the_size_of_a_row()
    {
        using var process = Process("one");
        for (var minute = 0; minute < 15; minute++)
        {
            for (var code = 0; code < 200; code++) process.CountOutcome($"{new string('港', 36)}{code % 16:d4}");
            process.CountOutcome(new string('x', 5_000));
            for (var range = 0; range < LatencyCounts.Ranges; range++)
            {
                var duration = TimeSpan.FromMilliseconds(0.25 * Math.Pow(2, range / 2.0));
                for (var i = 0; i < 1_000; i++)
                {
                    process.CountRequest(duration);
                    process.CountSignature(duration);
                }
            }

            process.SetPending(TimeSpan.FromDays(999), long.MaxValue);
            await NextMinuteAsync(process);
        }

        Assert.All(_store.Rows, row => Assert.InRange(row.Minutes.Length, 10_000, TrendText.MaxLength));
        var steps = await LastAsync(15);
        Assert.All(steps, step => Assert.Equal(TrendMinute.MaxCodes + 1, step.Outcomes.Count));
        Assert.All(steps, step => Assert.Equal(201, step.Outcomes.Values.Sum()));
        Assert.All(steps, step => Assert.Equal(36_000, step.AlipayHk.Total));
    }

    [Fact]
    public async Task Leaves_out_rows_that_are_damaged_or_of_a_newer_version()
    {
        using var process = Process("one");
        process.CountOutcome("SUCCESS");
        await NextMinuteAsync(process);
        await _store.WriteAsync(new TrendRow(Noon, "two", "not JSON"), default);
        await _store.WriteAsync(new TrendRow(Noon, "three", _store.Rows[0].Minutes.Replace("\"f\":1", "\"f\":2", StringComparison.Ordinal)), default);
        Assert.Equal(1, (await LastAsync(1))[0].Outcomes["SUCCESS"]);
    }

    [Fact]
    public void Needs_the_backlog_once_a_minute()
    {
        using var process = Process("one");
        Assert.True(process.NeedsBacklog);
        process.SetPending(TimeSpan.FromMinutes(3), 7);
        Assert.False(process.NeedsBacklog);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(process.NeedsBacklog);
    }

    [Fact]
    public async Task Says_that_the_store_is_away_and_records_nothing_without_one()
    {
        _store.IsDown = true;
        await Assert.ThrowsAsync<TrendsUnavailableException>(async () => await LastAsync(1));
        using var process = new TrendRecorder(null, _time, "one", NullLogger<TrendRecorder>.Instance);
        process.CountOutcome("SUCCESS");
        await process.SaveAsync(all: true, default);
        Assert.False(process.NeedsBacklog);
        Assert.Empty((await new TrendReader(_time).ReadAsync(TimeSpan.FromMinutes(1), 1, default)).Steps[0].Outcomes);
    }

    [Theory]
    [InlineData(0.001)]
    [InlineData(0.080)]
    [InlineData(3)]
    public void A_quantile_is_off_by_a_fifth_at_most(double seconds)
    {
        var counts = new LatencyCounts();
        Assert.Null(counts.Quantile(0.5));
        for (var i = 1; i <= 1000; i++) counts.Add(TimeSpan.FromSeconds(2 * seconds * i / 1000));
        Assert.InRange(counts.Quantile(0.5)!.Value, 0.8 * seconds, 1.2 * seconds);
        Assert.InRange(counts.Quantile(0.95)!.Value, 0.8 * 1.9 * seconds, 1.2 * 1.9 * seconds);
        var longest = new LatencyCounts();
        longest.Add(TimeSpan.FromHours(1));
        Assert.InRange(longest.Quantile(1)!.Value, 30, 3600);
    }

    private TrendRecorder Process(string id) => new(_store, _time, id, NullLogger<TrendRecorder>.Instance);

    private TrendReader Reader() => new(_time, _store);

    /// <summary>Each process renews its lease of the budget after the minute has ended.</summary>
    private async Task NextMinuteAsync(params TrendRecorder[] processes)
    {
        _time.Advance(TimeSpan.FromMinutes(1));
        foreach (var process in processes) await process.SaveAsync(all: false, default);
    }

    private async Task<IReadOnlyList<TrendMinute>> LastAsync(int minutes)
    {
        _time.Advance(TrendReader.Lag);
        return (await Reader().ReadAsync(TimeSpan.FromMinutes(1), minutes, default)).Steps;
    }
}
