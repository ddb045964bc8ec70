using System.Text;
using ContentSync.Content;
using ContentSync.Ledger;

namespace ContentSync.Tests.Ledger;

public sealed class TableLedgerBodyTests
{
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(60_000, 1)]
    [InlineData(70_000, 2)]
    [InlineData(700_000, 11)]
    public void Splits_an_incompressible_body_into_pieces_and_restores_it(int length, int pieces)
    {
        var body = Noise(length);

        var compressed = TableLedgerBody.Compress(body)!;

        Assert.Equal(pieces, compressed.Length);
        Assert.All(compressed, piece => Assert.InRange(piece.Length, 1, 64 * 1024));
        Assert.Equal(body, TableLedgerBody.Decompress(compressed, length));
    }

    [Fact]
    public void Has_room_for_the_largest_body_of_contentInfo_within_the_limit()
    {
        // Every byte escaped to six, plus 4 KiB for the rest of the request. Random bytes do not compress.
        var worst = Noise((6 * ContentOptions.ContentInfoBytesLimit) + 4096);

        Assert.NotNull(TableLedgerBody.Compress(worst));
    }

    [Fact]
    public void Has_no_room_for_more_than_twelve_pieces()
    {
        Assert.Null(TableLedgerBody.Compress(Noise(TableLedgerBody.MaxCompressedBytes + 1)));
        Assert.NotNull(TableLedgerBody.Compress(new byte[4 * TableLedgerBody.MaxCompressedBytes]));
    }

    [Fact]
    public void Reduces_an_ordinary_body_by_at_least_a_quarter()
    {
        var info = """{\"title\":\"Ocean Park 海洋公園 1-day ticket\",\"price\":\"498.50\",\"currency\":\"HKD\",\"city\":\"Hong Kong\","""
            + """\"images\":[\"https://cdn.example.com/img/81723_0.jpg\",\"https://cdn.example.com/img/81723_1.jpg\"],"""
            + """\"startTime\":\"2026-03-01T08:00:00+08:00\",\"endTime\":\"2026-12-31T23:59:59+08:00\","""
            + """\"jumpUrl\":\"https://m.example.com/p/8472918\"}""";
        var body = Encoding.UTF8.GetBytes(
            """{"requestId":"0af7651916cd43dd8448eb211c80319c","contentId":"110123450002","contentType":"SKU","contentStatus":1"""
            + $$""","contentInfo":"{{info}}"}""");

        Assert.InRange(Assert.Single(TableLedgerBody.Compress(body)!).Length, 1, body.Length * 3 / 4);
    }

    [Fact]
    public void Detects_a_damaged_body()
    {
        var compressed = TableLedgerBody.Compress(Noise(100_000))!;

        Assert.Throws<InvalidDataException>(() => TableLedgerBody.Decompress(compressed[..1], 100_000));
        Assert.Throws<InvalidDataException>(() => TableLedgerBody.Decompress(compressed, 99_999));
        Assert.Throws<InvalidDataException>(() => TableLedgerBody.Decompress(compressed, 100_001));
        Assert.Throws<InvalidDataException>(() => TableLedgerBody.Decompress([[.. compressed[0].Reverse()]], 100_000));
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }
}
