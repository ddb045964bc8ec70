using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class TableLedgerKeyTests
{
    // These keys locate stored entities, so changing the encoding would lose every ledger.
    [Theory]
    [InlineData("110123450002", "65", "110123450002")]
    [InlineData("Sku-1_a.b", "9b", "Sku-1_a.b")]
    [InlineData("a/b\\c#d?e%f", "4b", "a~002fb~005cc~0023d~003fe~0025f")]
    [InlineData("票~", "46", "~7968~007e")]
    public void Never_changes_the_key_of_an_item(string contentId, string partition, string row)
    {
        Assert.True(TableLedgerKey.TryOf(contentId, out var key));

        Assert.Equal(new TableLedgerKey(partition, row), key);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("~0041")]
    [InlineData("100% \t\u0000\u007f\u0085 / \\ # ? ' \" + & é é 🎬")]
    [InlineData("\ud83c lone")]
    [InlineData("")]
    public void Restores_the_contentId(string contentId)
    {
        Assert.True(TableLedgerKey.TryOf(contentId, out var key));

        Assert.Equal(contentId, TableLedgerKey.ContentIdOf(key.Value.Row));
        Assert.Matches("^[A-Za-z0-9._~-]*$", key.Value.Row);
    }

    [Fact]
    public void Has_room_for_every_id_within_the_limit_and_for_longer_plain_ones()
    {
        Assert.True(TableLedgerKey.TryOf(new string('字', ContentOptions.ContentIdLengthLimit), out _));
        Assert.False(TableLedgerKey.TryOf(new string('字', ContentOptions.ContentIdLengthLimit + 1), out _));
        Assert.True(TableLedgerKey.TryOf(new string('a', TableLedgerKey.MaxRowLength), out _));
        Assert.False(TableLedgerKey.TryOf(new string('a', TableLedgerKey.MaxRowLength + 1), out _));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1101234500")]
    [InlineData("商品-")]
    public void Spreads_numbered_ids_evenly_over_all_partitions(string prefix)
    {
        var sizes = Enumerable.Range(0, 100_000)
            .Select(i => prefix + i.ToString("d6", System.Globalization.CultureInfo.InvariantCulture))
            .Select(id => TableLedgerKey.TryOf(id, out var key) ? key.Value.Partition : "")
            .CountBy(p => p)
            .ToDictionary();

        Assert.Equal(256, sizes.Count);
        Assert.InRange(sizes.Values.Max(), 390, 600);
        Assert.InRange(sizes.Values.Min(), 200, 390);
    }
}
