using System.IO.Compression;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;

namespace ContentSync.Tests.Catalog;

/// <summary>Packed catalogs: one or more complete gzip members, and nothing else.</summary>
public sealed class GzipCatalogTests
{
    private static readonly byte[] First = Pack(Lines(0, 40));
    private static readonly byte[] Second = Pack(Lines(40, 20));

    public static TheoryData<string> Damaged => new(Damages.Keys);

    private static Dictionary<string, Func<byte[]>> Damages { get; } = new(StringComparer.Ordinal)
    {
        ["lines appended unpacked"] = () => [.. First, .. Encoding.UTF8.GetBytes(Lines(40, 5))],
        ["one line feed appended"] = () => [.. First, (byte)'\n'],
        ["one zero byte appended"] = () => [.. First, 0],
        ["zero padding up to a block"] = () => [.. First, .. new byte[512]],
        ["zero bytes before a second member"] = () => [.. First, 0, 0, 0, .. Second],
        ["zero bytes after a second member"] = () => [.. First, .. Second, 0, 0, 0],
        ["first byte of a second member damaged"] = () => [.. First, 0x1E, .. Second[1..]],
        ["second byte of a second member damaged"] = () => [.. First, 0x1F, 0x8A, .. Second[2..]],
        ["method of a second member damaged"] = () => [.. First, .. Second[..2], 7, .. Second[3..]],
        ["reserved flag of a second member set"] = () => [.. First, .. Second[..3], 0x80, .. Second[4..]],
        ["data of a second member damaged"] = () => [.. First, .. Changed(Second, Second.Length / 2)],
        ["CRC of the first of two members damaged"] = () => [.. Changed(First, First.Length - 8), .. Second],
        ["length in the trailer damaged"] = () => Changed(First, First.Length - 1),
        ["second member without its trailer"] = () => [.. First, .. Second[..^8]],
        ["second member cut off in its header"] = () => [.. First, .. Second[..5]],
        ["second member cut off in its trailer"] = () => [.. First, .. Second[..^3]],
        ["empty member and zero bytes"] = () => [.. First, .. Pack(""), 0, 0],
        ["empty stored member and zero bytes"] = () => [.. First, .. EmptyStored, 0, 0],
    };

    [Theory]
    [MemberData(nameof(Damaged))]
    public async Task Refuses_a_packed_file_that_is_not_made_of_complete_members(string damage)
    {
        foreach (var chunk in new[] { 1, 7, 4_096, int.MaxValue })
        {
            var fault = await Assert.ThrowsAsync<CatalogFormatException>(async () => await IdsAsync(Damages[damage](), chunk));
            Assert.Contains("gzip", fault.Message, StringComparison.Ordinal);
            Assert.EndsWith(").", fault.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Says_where_the_other_bytes_begin_and_what_to_do()
    {
        var fault = await Assert.ThrowsAsync<CatalogFormatException>(
            async () => await IdsAsync([.. First, .. Encoding.UTF8.GetBytes(Lines(40, 5))], int.MaxValue));

        Assert.Contains($"(packed byte {First.Length})", fault.Message, StringComparison.Ordinal);
        Assert.Contains("add lines to the text and compress it again", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8_192)]
    [InlineData(int.MaxValue)]
    public async Task Reads_members_of_every_size_one_after_the_other(int chunk)
    {
        var random = new Random(7);
        var large = string.Concat(Enumerable.Range(0, 3_000).Select(i => Line($"large-{i}", random.NextInt64().ToString("x16"))));
        byte[] packed =
        [
            .. Pack(""), .. Pack(Lines(0, 1)), .. Pack(""), .. EmptyStored, .. Pack(large), .. Named(Pack(Lines(1, 200))), .. Pack(Lines(201, 1)), .. Bgzf,
        ];

        var ids = await IdsAsync(packed, chunk);

        Assert.Equal(3_202, ids.Count);
        Assert.Equal(["0", "large-0"], ids.Take(2));
        Assert.Equal("201", ids[^1]);
    }

    [Fact]
    public async Task Finds_the_end_of_members_at_every_position_of_a_chunk()
    {
        // Stored blocks: the packed length grows byte by byte with the text.
        for (var length = 8_100; length < 8_300; length++)
        {
            var first = Pack(Line("a", new string('x', length)), CompressionLevel.NoCompression);
            Assert.Equal(["a", "b"], await IdsAsync([.. first, .. Pack(Line("b", "1"))], int.MaxValue));
            await Assert.ThrowsAsync<CatalogFormatException>(async () => await IdsAsync([.. first, 0, .. Pack(Line("b", "1"))], int.MaxValue));
        }
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(int.MaxValue)]
    public async Task Reads_members_of_many_times_the_size_of_a_buffer(int chunk)
    {
        var random = new Random(11);
        string Large(string prefix) => string.Concat(Enumerable.Range(0, 8_000).Select(i =>
            Line($"{prefix}-{i}", Convert.ToHexString(BitConverter.GetBytes(random.NextInt64())) + random.NextInt64().ToString("x16"))));
        byte[] packed = [.. Pack(Large("a")), .. Pack(Large("b"), CompressionLevel.NoCompression), .. Pack(Lines(0, 1))];
        Assert.True(packed.Length > 500_000);

        var ids = await IdsAsync(packed, chunk);

        Assert.Equal((16_001, "a-0", "a-7999", "b-0", "b-7999", "0"), (ids.Count, ids[0], ids[7_999], ids[8_000], ids[15_999], ids[^1]));
    }

    [Fact]
    public void Computes_the_checksum_of_RFC_1952()
    {
        var crc = new Crc32();
        var text = Encoding.ASCII.GetBytes("123456789");
        crc.Add(text.AsSpan(0, 2));
        crc.Add(text.AsSpan(2));
        Assert.Equal((0xCBF43926u, 9L), (crc.Value, crc.Length));
    }

    // The empty member with which bgzip ends a file: 28 bytes, with an extra field and more zeros than its trailer has.
    private static byte[] Bgzf { get; } = Convert.FromHexString("1f8b08040000000000ff0600424302001b0003000000000000000000");

    // An empty member whose data is a stored block of no bytes.
    private static byte[] EmptyStored => Convert.FromHexString("1f8b0800000000000003010000ffff0000000000000000");

    private static string Lines(int from, int count) =>
        string.Concat(Enumerable.Range(from, count).Select(i => Line(i.ToString(System.Globalization.CultureInfo.InvariantCulture), "1")));

    private static string Line(string id, string content) => TestSnapshot.Line(id, content);

    private static byte[] Changed(byte[] bytes, int at)
    {
        byte[] changed = [.. bytes];
        changed[at] ^= 0x55;
        return changed;
    }

    private static byte[] Pack(string text, CompressionLevel level = CompressionLevel.Optimal)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, level, leaveOpen: true)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return packed.Length > 0 ? packed.ToArray() : Convert.FromHexString("1f8b080000000000000303000000000000000000");
    }

    /// <summary>The same member with an extra field, a name, a comment, and a checksum of the header.</summary>
    private static byte[] Named(byte[] member) =>
    [
        .. member[..3], 2 | 4 | 8 | 16, .. member[4..10], 3, 0, 0x1F, 0x8B, 8, .. "export.ndjson\0"u8, .. "nightly\0"u8, 0xAB, 0xCD, .. member[10..],
    ];

    private static async Task<List<string>> IdsAsync(byte[] packed, int chunk)
    {
        var options = new ContentOptions { MaxItemBytes = 20_000 };
        var reader = new CatalogReader(new ContentReader(options, TimeProvider.System), options);
        var ids = new List<string>();
        using var stream = new PieceStream(packed, chunk);
        await foreach (var entry in reader.ReadAsync(stream, default)) ids.Add(entry.Result.Item!.ContentId);
        return ids;
    }

    /// <summary>Returns at most this many bytes per read.</summary>
    private sealed class PieceStream(byte[] bytes, int max) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, max)], cancellationToken);
    }
}
