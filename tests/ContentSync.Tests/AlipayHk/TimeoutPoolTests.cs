using ContentSync.AlipayHk;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.AlipayHk;

public sealed class TimeoutPoolTests
{
    [Fact]
    public void Cancels_when_the_timeout_elapses()
    {
        var time = new FakeTimeProvider();
        using var timeout = new TimeoutPool(TimeSpan.FromSeconds(5), time).Start(CancellationToken.None);
        time.Advance(TimeSpan.FromSeconds(4));
        Assert.False(timeout.Token.IsCancellationRequested);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(timeout.Token.IsCancellationRequested);
    }

    [Fact]
    public void Does_not_reuse_a_cancelled_timeout()
    {
        var pool = new TimeoutPool(TimeSpan.FromHours(1), TimeProvider.System);
        using var cancelled = new CancellationTokenSource();
        using (var first = pool.Start(cancelled.Token))
        {
            cancelled.Cancel();
            Assert.True(first.Token.IsCancellationRequested);
        }

        using var second = pool.Start(CancellationToken.None);
        Assert.False(second.Token.IsCancellationRequested);
    }

    [Fact]
    public void Does_not_let_an_earlier_caller_cancel_a_later_timeout()
    {
        var pool = new TimeoutPool(TimeSpan.FromHours(1), TimeProvider.System);
        using var earlier = new CancellationTokenSource();
        pool.Start(earlier.Token).Dispose();
        using var later = pool.Start(CancellationToken.None);
        earlier.Cancel();
        Assert.False(later.Token.IsCancellationRequested);
    }
}
