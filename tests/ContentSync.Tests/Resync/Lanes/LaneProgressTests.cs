using ContentSync.Resync;
using ContentSync.Resync.Lanes;

namespace ContentSync.Tests.Resync.Lanes;

public sealed class LaneProgressTests
{
    private static readonly RunCounts One = new() { Sent = 1 };

    [Fact]
    public void Counts_each_pack_once_in_any_order()
    {
        var random = new Random(7);
        for (var round = 0; round < 200; round++)
        {
            var packs = Enumerable.Range(0, 30).Concat(Enumerable.Range(0, 30).Where(_ => random.Next(2) == 0)).ToArray();
            random.Shuffle(packs);
            var progress = new LaneProgress { RunId = "r", Lane = 0 };
            foreach (var pack in packs) progress = progress.With(pack, One) ?? progress;

            Assert.Equal((30, "0-29"), (progress.Counts.Sent, progress.Packs));
        }
    }

    [Fact]
    public void Remembers_which_packs_were_counted()
    {
        var progress = new LaneProgress { RunId = "r", Lane = 0 };
        foreach (var pack in new[] { 3L, 0, 1, 7 }) progress = progress.With(pack, One)!;

        Assert.Equal("0-1,3,7", progress.Packs);
        Assert.Null(progress.With(1, One));
        Assert.Null(progress.With(7, One));
        Assert.Equal("0-3,7", progress.With(2, One)!.Packs);
    }
}
