using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Tests.Resync.Planning;

public sealed class MassDelistGuardTests
{
    private static readonly ResyncOptions Options = new();

    [Theory]
    [InlineData(100, 10, false)]
    [InlineData(100, 11, true)]
    [InlineData(1_000, 101, true)]
    [InlineData(0, 0, false)]
    [InlineData(1, 1, true)]
    public void Stops_above_the_share_that_may_be_delisted(long listed, long delisting, bool stops) =>
        Assert.Equal(stops, MassDelistGuard.Check(Options, new PlanCounts { Listed = listed, Delisting = delisting }, null, 0, null) is not null);

    [Theory]
    [InlineData(100L, 80, false)]
    [InlineData(100L, 79, true)]
    [InlineData(100L, 200, false)]
    [InlineData(0L, 0, false)]
    [InlineData(null, 0, false)]
    public void Stops_when_the_catalog_shrank_too_much(long? before, long items, bool stops) =>
        Assert.Equal(stops, MassDelistGuard.Check(Options, new PlanCounts { Items = items }, before, 0, null) is not null);

    [Theory]
    [InlineData(100, 91, 9, true)]
    [InlineData(100, 100, 9, false)]
    [InlineData(90, 100, 9, false)]
    [InlineData(0, 100, 9, false)]
    [InlineData(100, 50, 0, false)]
    public void Adds_up_what_was_delisted_since_more_items_were_listed(long before, long listed, long delisting, bool stops) =>
        Assert.Equal(
            stops, MassDelistGuard.Check(Options, new PlanCounts { Listed = listed, Delisting = delisting }, null, before, null) is not null);

    [Fact]
    public void Allows_the_share_that_its_refusal_names()
    {
        var plan = new PlanCounts { Listed = 1_000, Delisting = 123 };
        var refusal = MassDelistGuard.Check(Options, plan, null, 0, null)!;

        Assert.Contains("allow a share of 0.13", refusal.Reason, StringComparison.Ordinal);
        Assert.NotNull(MassDelistGuard.Check(Options, plan, null, 0, 0.12));
        Assert.Null(MassDelistGuard.Check(Options, plan, null, 0, 0.13));
    }
}
