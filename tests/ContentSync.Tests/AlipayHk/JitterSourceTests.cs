using ContentSync.AlipayHk;

namespace ContentSync.Tests.AlipayHk;

public sealed class JitterSourceTests
{
    [Fact]
    public void Draws_from_the_whole_range_below_1()
    {
        var source = new JitterSource();
        var drawn = Enumerable.Range(0, 1_000).Select(_ => source.Draw()).ToList();
        Assert.All(drawn, number => Assert.InRange(number, 0, 1 - double.Epsilon));
        Assert.True(drawn.Min() < 0.05 && drawn.Max() > 0.95 && drawn.Average() is > 0.4 and < 0.6);
    }
}
