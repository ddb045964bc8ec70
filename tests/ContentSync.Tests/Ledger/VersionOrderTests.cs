using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

/// <summary>Enumerates all short histories of changes of every kind, with repeats, in any order of arrival.</summary>
public sealed class VersionOrderTests
{
    private static readonly DateTimeOffset Start = new(2026, 3, 1, 8, 0, 0, TimeSpan.Zero);

    /// <summary>Numbers, given times on both sides of their receipt, times too far ahead, and neither.</summary>
    private static readonly ChangeVersion[] Changes =
    [
        Number(1, 4), Number(2, 0), Number(3, 2),
        Given(1, 3), Given(4, 2), Given(2, 5),
        Given(180, 1), Given(600_000, 4),
        Received(0), Received(3), Received(5),
    ];

    [Fact]
    public void A_redelivery_never_changes_the_outcome() => Enumerate(5, history =>
    {
        VersionOrder? order = null;
        var now = At(10);
        for (var i = 0; i < history.Length; i++, now += TimeSpan.FromMinutes(1))
        {
            var isRepeat = history.AsSpan(0, i).Contains(history[i]);
            var (verdict, next) = Judge(order, history[i], now);
            if (isRepeat)
            {
                Assert.NotEqual(VersionVerdict.Newer, verdict);
                Assert.Same(order, next);
            }

            order = next;
        }
    });

    [Fact]
    public void A_number_or_a_given_time_never_wins_twice_even_if_its_first_receipt_is_forgotten() => Enumerate(4, history =>
    {
        var order = Play(history);
        foreach (var change in history.Where(change => change.Kind != VersionKind.Received))
        {
            var (verdict, _) = order.Judge(change with { FirstReceivedAt = At(30) }, null, At(30));
            Assert.NotEqual(VersionVerdict.Newer, verdict);
        }
    });

    [Fact]
    public void Every_change_raises_what_was_seen_and_the_change_time_never_goes_back() => Enumerate(4, history =>
    {
        VersionOrder? order = null;
        foreach (var change in history)
        {
            var (_, next) = Judge(order, change, At(10));
            Assert.False(next.HighestNumber < change.Number);
            if (change.Kind == VersionKind.Given) Assert.True(next.LatestGivenTime >= ChangedAt(change));
            Assert.True(next.ChangedAt >= (order?.ChangedAt ?? default));
            Assert.True(next.ChangedAt >= ChangedAt(next.Current));
            order = next;
        }
    });

    [Theory]
    [InlineData(VersionKind.Number)]
    [InlineData(VersionKind.Given)]
    [InlineData(VersionKind.Received)]
    public void The_greatest_of_one_kind_wins_in_whatever_order_they_arrive(VersionKind kind) => Enumerate(4, history =>
    {
        if (!history.All(change => change.Kind == kind)) return;
        var expected = history.MaxBy(change => change.Number ?? ChangedAt(change).UtcTicks);

        Assert.Equal(expected, Play(history).Current);
    });

    [Fact]
    public void A_change_of_another_kind_wins_only_if_it_changed_later() => Enumerate(2, history =>
    {
        var (first, second) = (history[0], history[1]);
        if (first.Kind == second.Kind) return;

        Assert.Equal(ChangedAt(second) > ChangedAt(first) ? second : first, Play(history).Current);
    });

    [Fact]
    public void A_rollback_supersedes_everything_first_received_or_dated_before_it() => Enumerate(3, history =>
    {
        foreach (var catalog in (ChangeVersion[])[Number(2, 0), Given(1, 0), Received(0)])
        {
            var (verdict, order) = Play(history).Judge(catalog, At(20), At(21));
            Assert.Equal((VersionVerdict.Newer, catalog), (verdict, order.Current));
            foreach (var change in Changes)
            {
                var (late, next) = order.Judge(change, null, At(25));
                Assert.NotEqual(VersionVerdict.Newer, late);
                Assert.Same(order, next);
            }

            Assert.NotEqual(VersionVerdict.Newer, order.Judge(catalog, At(20), At(25)).Verdict);
            Assert.Equal(VersionVerdict.Newer, order.Judge(Received(22), null, At(25)).Verdict);
            Assert.Equal(VersionVerdict.Newer, order.Judge(Given(23, 24), null, At(25)).Verdict);
            Assert.NotEqual(VersionVerdict.Newer, order.Judge(Given(20, 24), null, At(25)).Verdict);
            var highest = order.HighestNumber ?? 0;
            if (catalog.Number is { } number) Assert.Equal(number, highest);
            Assert.Equal(VersionVerdict.Newer, order.Judge(Number(highest + 1, 24), null, At(25)).Verdict);
            if (highest > 0) Assert.NotEqual(VersionVerdict.Newer, order.Judge(Number(highest, 24), null, At(25)).Verdict);
        }
    });

    [Fact]
    public void A_second_rollback_wins_over_the_first() =>
        Assert.Equal(
            VersionVerdict.Newer,
            Play([Number(3, 2)]).Judge(Number(1, 0), At(10), At(11)).Next.Judge(Received(0), At(12), At(13)).Verdict);

    [Theory]
    [InlineData(300, true)]
    [InlineData(301, false)]
    public void A_time_up_to_five_minutes_ahead_counts_as_given(int seconds, bool isTaken)
    {
        var given = At(0).AddSeconds(seconds);
        var order = VersionOrder.First(new ChangeVersion(null, given, At(0)), null, At(0));

        Assert.Equal(isTaken ? given : At(0), order.ChangedAt);
        Assert.Equal(!isTaken, VersionOrder.Timed(order.Current, At(0)).IsAhead);
        Assert.Equal(isTaken ? VersionVerdict.Older : VersionVerdict.Newer, order.Judge(Given(1, 1), null, At(1)).Verdict);
    }

    [Fact]
    public void A_wrong_clock_freezes_nothing()
    {
        var order = VersionOrder.First(Given(400 * 24 * 60, 0), null, At(0));

        Assert.Equal(VersionVerdict.Newer, order.Judge(Given(1, 1), null, At(1)).Verdict);
        Assert.Equal(VersionVerdict.Newer, order.Judge(Given(180, 1), null, At(1)).Verdict);
        Assert.Equal(VersionVerdict.Newer, order.Judge(Number(1, 1), null, At(1)).Verdict);
        Assert.Equal(VersionVerdict.Newer, order.Judge(Received(1), null, At(1)).Verdict);
        Assert.Equal(VersionVerdict.Repeat, order.Judge(Given(400 * 24 * 60, 2), null, At(2)).Verdict);
    }

    [Fact]
    public void A_catalog_dated_ahead_of_the_clock_counts_as_of_now_and_its_repeat_is_recognised()
    {
        var order = VersionOrder.First(Received(180), null, At(0));

        var (verdict, changed) = order.Judge(Received(1), null, At(1));

        Assert.Equal((VersionVerdict.Newer, At(1)), (verdict, changed.ChangedAt));
        Assert.Equal(VersionVerdict.Repeat, order.Judge(Received(180), null, At(5)).Verdict);
        Assert.Equal(VersionVerdict.Older, changed.Judge(Received(180), null, At(5)).Verdict);
        Assert.Equal(VersionVerdict.Older, changed.Judge(Received(180), null, At(200)).Verdict);
    }

    [Fact]
    public void A_record_that_the_store_wrote_with_a_clock_ahead_of_now_is_repaired()
    {
        var ahead = At(400 * 24 * 60);
        var received = VersionOrder.First(new ChangeVersion(null, null, ahead), null, ahead);
        var given = VersionOrder.First(new ChangeVersion(null, ahead, ahead), null, ahead);
        var rolledBack = VersionOrder.First(new ChangeVersion(7, null, At(0)), ahead, ahead);

        foreach (var order in (VersionOrder[])[received, given, rolledBack])
        {
            foreach (var change in (ChangeVersion[])[Number(8, 1), Given(1, 1), Received(1)])
            {
                var (verdict, next) = order.Judge(change, null, At(2));
                Assert.Equal((VersionVerdict.Newer, At(1)), (verdict, next.ChangedAt));
                Assert.NotEqual(VersionVerdict.Newer, next.Judge(change, null, At(3)).Verdict);
            }
        }
    }

    [Fact]
    public void A_record_of_the_earlier_format_keeps_its_order_and_a_future_time_is_repaired()
    {
        var number = VersionOrder.OfEarlierFormat(7, default, At(3));
        var time = VersionOrder.OfEarlierFormat(null, At(2), At(3));
        var future = VersionOrder.OfEarlierFormat(null, At(600), At(3));

        Assert.Equal((7, At(3), (DateTimeOffset?)null), (number.HighestNumber, number.ChangedAt, number.LatestGivenTime));
        Assert.Equal(((long?)null, At(2), At(2)), (time.HighestNumber, time.ChangedAt, time.LatestGivenTime));
        Assert.Equal((At(3), At(3)), (future.ChangedAt, future.LatestGivenTime));
        Assert.Equal(VersionVerdict.Repeat, time.Judge(Given(2, 5), null, At(6)).Verdict);
        Assert.Equal(VersionVerdict.Repeat, future.Judge(Given(600, 5), null, At(6)).Verdict);
        Assert.Equal(VersionVerdict.Newer, future.Judge(Given(4, 5), null, At(6)).Verdict);
        Assert.Equal(VersionVerdict.Older, future.Judge(Given(2, 5), null, At(6)).Verdict);
    }

    [Fact]
    public void Mixed_kinds_have_no_order_that_is_independent_of_arrival()
    {
        // The example of VERSIONS.md: revision 7 first received at 10:05, a time given as 10:03, and revision 8 first received at 10:01.
        ChangeVersion seven = Number(7, 5), time = Given(3, 6), eight = Number(8, 1);

        Assert.Equal(eight, Play([seven, time, eight]).Current);
        Assert.Equal(time, Play([eight, time, seven]).Current);
    }

    private static VersionOrder Play(ChangeVersion[] history) =>
        history.Aggregate((VersionOrder?)null, (order, change) => Judge(order, change, At(10)).Next)!;

    private static (VersionVerdict Verdict, VersionOrder Next) Judge(VersionOrder? order, ChangeVersion change, DateTimeOffset now) =>
        order is null ? (VersionVerdict.Newer, VersionOrder.First(change, null, now)) : order.Judge(change, null, now);

    // An implementation of its own, for changes that were received before now.
    private static DateTimeOffset ChangedAt(ChangeVersion change) =>
        change.GivenTime is { } given && given <= change.FirstReceivedAt.AddMinutes(5) ? given : change.FirstReceivedAt;

    private static void Enumerate(int length, Action<ChangeVersion[]> check)
    {
        var history = new ChangeVersion[length];
        for (var number = 0; number < (int)Math.Pow(Changes.Length, length); number++)
        {
            for (int i = 0, rest = number; i < length; i++, rest /= Changes.Length) history[i] = Changes[rest % Changes.Length];
            check(history);
        }
    }

    private static DateTimeOffset At(int minute) => Start.AddMinutes(minute);

    private static ChangeVersion Number(long number, int received) => new(number, null, At(received));

    private static ChangeVersion Given(int minute, int received) => new(null, At(minute), At(received));

    private static ChangeVersion Received(int received) => new(null, null, At(received));
}
