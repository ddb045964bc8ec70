using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class StoreClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Machine _machine = new();
    private readonly StoreClock _clock;

    public StoreClockTests() => _clock = new StoreClock(_machine);

    [Fact]
    public void Starts_at_the_wall_clock_and_advances_with_the_monotonic_timer()
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
    public void Adopts_the_time_of_the_store(int seconds)
    {
        Observe(Start.AddSeconds(seconds), TimeSpan.Zero);
        _machine.Monotonic += TimeSpan.FromSeconds(5);
        Assert.Equal(Start.AddSeconds(seconds + 5), _clock.GetUtcNow());
    }

    [Fact]
    public void Is_not_set_back_by_a_delayed_response()
    {
        Observe(Start, TimeSpan.Zero);
        _machine.Monotonic += TimeSpan.FromSeconds(120);
        Observe(Start.AddSeconds(10), took: TimeSpan.FromSeconds(110));
        Assert.Equal(Start.AddSeconds(120), _clock.GetUtcNow());
    }

    [Fact]
    public void Moves_forward_to_the_time_of_the_store()
    {
        Observe(Start, TimeSpan.FromSeconds(30));
        Observe(Start.AddSeconds(30), TimeSpan.Zero);
        Assert.Equal(Start.AddSeconds(30), _clock.GetUtcNow());
    }

    [Fact]
    public void Moves_back_with_a_store_that_was_set_back_as_far_as_the_response_proves()
    {
        Observe(Start, TimeSpan.Zero);
        _machine.Monotonic += TimeSpan.FromSeconds(100);
        Observe(Start.AddSeconds(40), took: TimeSpan.FromSeconds(2));
        Assert.Equal(Start.AddSeconds(43), _clock.GetUtcNow());
    }

    [Fact]
    public void Is_not_set_back_within_the_one_second_resolution_of_the_header()
    {
        Observe(Start, TimeSpan.Zero);
        _machine.Monotonic += TimeSpan.FromSeconds(0.9);
        Observe(Start, TimeSpan.Zero);
        Assert.Equal(Start.AddSeconds(0.9), _clock.GetUtcNow());
    }

    private void Observe(DateTimeOffset storeTime, TimeSpan took) => _clock.Observe(storeTime, _machine.GetTimestamp() - took.Ticks);

    private sealed class Machine : TimeProvider
    {
        public TimeSpan Monotonic { get; set; }

        public TimeSpan WallClockOffset { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => Start + Monotonic + WallClockOffset;

        public override long GetTimestamp() => Monotonic.Ticks;
    }
}
