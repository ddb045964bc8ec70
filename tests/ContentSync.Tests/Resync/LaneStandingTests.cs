using ContentSync.Resync;
using ContentSync.Resync.Lanes;

namespace ContentSync.Tests.Resync;

public sealed class LaneStandingTests
{
    private static readonly RunCounts One = new() { Sent = 1 };

    [Fact]
    public void Counts_each_pack_once_in_whatever_order_they_come()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var packs = Enumerable.Range(0, 30).Concat(Enumerable.Range(0, 30).Where(_ => random.Next(2) == 0)).ToArray();
            random.Shuffle(packs);
            var standing = new LaneProgress { RunId = "r", Lane = 0 };
            foreach (var pack in packs) standing = standing.With(pack, One) ?? standing;

            Assert.Equal((30, "0-29"), (standing.Counts.Sent, standing.Packs));
        }
    }

    [Fact]
    public void Knows_which_packs_it_has_counted()
    {
        var standing = new LaneProgress { RunId = "r", Lane = 0 };
        foreach (var pack in new[] { 3L, 0, 1, 7 }) standing = standing.With(pack, One)!;

        Assert.Equal("0-1,3,7", standing.Packs);
        Assert.Null(standing.With(1, One));
        Assert.Null(standing.With(7, One));
        Assert.Equal("0-3,7", standing.With(2, One)!.Packs);
    }
}
