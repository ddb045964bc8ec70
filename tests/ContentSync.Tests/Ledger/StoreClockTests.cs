using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class StoreClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Machine _machine = new();
    private readonly StoreClock _clock;

    public StoreClockTests() => _clock = new StoreClock(_machine);

    [Fact]
    public void Counts_on_from_the_wall_clock_at_the_start()
    {
        _machine.Monotonic += TimeSpan.FromHours(3);
        Assert.Equal(Start.AddHours(3), _clock.GetUtcNow());
    }

    [Theory]
    [InlineData(24)]
    [InlineData(-24)]
    public void Does_not_jump_with_the_wall_clock(int hours)
    {
        _machine.WallClockOffset = TimeSpan.FromHours(hours);
        _machine.Monotonic += TimeSpan.FromSeconds(1);
        Assert.Equal(Start.AddSeconds(1), _clock.GetUtcNow());
    }

    [Theory]
    [InlineData(3_600)]
    [InlineData(-3_600)]
    public void Takes_the_stores_time(int seconds)
    {
        _clock.Observe(Start.AddSeconds(seconds));
        _machine.Monotonic += TimeSpan.FromSeconds(5);
        Assert.Equal(Start.AddSeconds(seconds + 5), _clock.GetUtcNow());
    }

    [Fact]
    public void Is_not_set_back_by_an_answer_that_was_some_time_on_its_way()
    {
        _machine.Monotonic += TimeSpan.FromSeconds(10);
        _clock.Observe(Start.AddSeconds(8.5));
        Assert.Equal(Start.AddSeconds(10), _clock.GetUtcNow());
    }

    [Fact]
    public void Recovers_from_an_answer_that_was_very_long_on_its_way()
    {
        _machine.Monotonic += TimeSpan.FromSeconds(60);
        _clock.Observe(Start.AddSeconds(20));
        _clock.Observe(Start.AddSeconds(60));
        Assert.Equal(Start.AddSeconds(60), _clock.GetUtcNow());
    }

    private sealed class Machine : TimeProvider
    {
        public TimeSpan Monotonic { get; set; }

        public TimeSpan WallClockOffset { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Start + Monotonic + WallClockOffset;

        public override long GetTimestamp() => Monotonic.Ticks;
    }
}
