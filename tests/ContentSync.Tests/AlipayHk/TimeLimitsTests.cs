using ContentSync.AlipayHk;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

public sealed class TimeLimitsTests
{
    [Fact]
    public void Ends_when_the_time_is_over()
    {
        var time = new FakeTimeProvider();
        using var limit = new TimeoutPool(TimeSpan.FromSeconds(5), time).Start(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(limit.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(limit.Token.IsCancellationRequested);
    }

    [Fact]
    public void Does_not_hand_an_ended_limit_to_the_next_caller()
    {
        var limits = new TimeoutPool(TimeSpan.FromHours(1), TimeProvider.System);
        using var gone = new CancellationTokenSource();
        using (var first = limits.Start(gone.Token))
        {
            gone.Cancel();
            Assert.True(first.Token.IsCancellationRequested);
        }

        using var second = limits.Start(CancellationToken.None);
        Assert.False(second.Token.IsCancellationRequested);
    }

    [Fact]
    public void Does_not_let_an_earlier_caller_end_a_later_limit()
    {
        var limits = new TimeoutPool(TimeSpan.FromHours(1), TimeProvider.System);
        using var earlier = new CancellationTokenSource();
        limits.Start(earlier.Token).Dispose();
        using var later = limits.Start(CancellationToken.None);
        earlier.Cancel();
        Assert.False(later.Token.IsCancellationRequested);
    }
}
