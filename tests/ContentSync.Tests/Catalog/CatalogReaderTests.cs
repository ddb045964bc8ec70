using System.IO.Compression;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;

namespace ContentSync.Tests.Catalog;

public sealed class CatalogReaderTests
{
    private readonly ContentOptions _options = new() { MaxItemBytes = 2_000 };

    private CatalogReader Reader => new(new ContentReader(_options, TimeProvider.System), _options);

    private async Task<(List<CatalogEntry> Entries, CatalogFormatException? Fault)> Read(Stream stream)
    {
        var entries = new List<CatalogEntry>();
        try
        {
            await foreach (var entry in Reader.ReadAsync(stream, CancellationToken.None))
                entries.Add(entry);
            return (entries, null);
        }
        catch (CatalogFormatException fault)
        {
            return (entries, fault);
        }
    }

    private Task<(List<CatalogEntry> Entries, CatalogFormatException? Fault)> Read(byte[] bytes) => Read(new MemoryStream(bytes));

    private Task<(List<CatalogEntry> Entries, CatalogFormatException? Fault)> Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    private static string Item(string id, string info = """{"n":1}""") =>
        $$"""{"contentId":"{{id}}","contentType":"SKU","contentStatus":1,"contentInfo":{{info}}}""";

    private static string[] Ids(IEnumerable<CatalogEntry> entries) =>
        [.. entries.Select(entry => entry.Result.Item?.ContentId ?? entry.Result.Violations[^1].Code)];

    private static byte[] Gzip(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Fastest)) gzip.Write(bytes);
        return compressed.ToArray();
    }

    [Fact]
    public async Task Reads_one_item_per_line()
    {
        var (entries, fault) = await Read($"{Item("a")}\n{Item("b")}\r\n\n   \n{Item("c")}");
        Assert.Null(fault);
        Assert.Equal(["a", "b", "c"], Ids(entries));
        Assert.Equal([1, 2, 5], entries.Select(entry => entry.Line));
        Assert.All(entries, entry => Assert.Null(entry.Index));
        Assert.Equal("line 5", entries[2].ToString());
    }

    [Fact]
    public async Task Reads_a_JSON_array()
    {
        var (entries, fault) = await Read($" [\n{Item("a")} ,\n\n  {Item("b", """{"t":"],[}{\\\""}""")},{Item("c")}\n] \n");
        Assert.Null(fault);
        Assert.Equal(["a", "b", "c"], Ids(entries));
        Assert.Equal([(2, 0), (4, 1), (4, 2)], entries.Select(entry => (entry.Line, entry.Index!.Value)));
        Assert.Equal("line 4, element 1", entries[1].ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \r\n\t")]
    [InlineData("\uFEFF")]
    [InlineData("[]")]
    [InlineData("\uFEFF [ ] ")]
    public async Task Accepts_a_file_without_items(string text)
    {
        var (entries, fault) = await Read(text);
        Assert.Null(fault);
        Assert.Empty(entries);
    }

    [Fact]
    public async Task Tolerates_a_byte_order_mark()
    {
        Assert.Equal(["a", "b"], Ids((await Read($"\uFEFF{Item("a")}\n{Item("b")}\n")).Entries));
        Assert.Equal(["a"], Ids((await Read($"\uFEFF[{Item("a")}]")).Entries));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(4_096)]
    public async Task Reads_the_same_in_chunks_of_any_size_and_compressed(int chunk)
    {
        var ids = Enumerable.Range(0, 300).Select(i => $"id-{i}").ToArray();
        var lines = Encoding.UTF8.GetBytes("\uFEFF" + string.Join("\r\n", ids.Select(id => Item(id, """{"t":"奶\\茶\"\n😀"}"""))));
        var array = Encoding.UTF8.GetBytes("[" + string.Join(" ,\n", ids.Select(id => Item(id, """{"t":"奶\\茶\"\n😀","o":[{},{}]}"""))) + "]");
        foreach (var bytes in new[] { lines, array, Gzip(lines), Gzip(array) })
        {
            var (entries, fault) = await Read(new ChunkedStream(bytes, chunk));
            Assert.Null(fault);
            Assert.Equal(ids, Ids(entries));
        }
    }

    [Fact]
    public async Task Reads_gzip_of_several_members()
    {
        var first = Gzip(Encoding.UTF8.GetBytes(Item("a") + "\n"));
        var second = Gzip(Encoding.UTF8.GetBytes(Item("b")));
        Assert.Equal(["a", "b"], Ids((await Read([.. first, .. second])).Entries));
    }

    [Fact]
    public async Task Continues_after_a_broken_line()
    {
        var (entries, fault) = await Read($"{Item("a")}\n{{\"contentId\":\"b\",\n12\n[1]\nnonsense\n{Item("c")}\n");
        Assert.Null(fault);
        Assert.Equal(["a", "malformed-json", "wrong-type", "wrong-type", "malformed-json", "c"], Ids(entries));
        Assert.Equal("b", entries[1].Result.ContentId);
    }

    [Fact]
    public async Task Continues_after_a_line_in_another_encoding()
    {
        var broken = new byte[] { (byte)'{', 0xA4, 0xA4 };
        var (entries, _) = await Read(
            [.. Encoding.UTF8.GetBytes(Item("a")), (byte)'\n', .. broken, (byte)'\n', .. Encoding.UTF8.GetBytes(Item("b"))]);
        Assert.Equal(["a", "invalid-utf8", "b"], Ids(entries));
    }

    [Theory]
    [InlineData(2_001)]
    [InlineData(2_002)]
    [InlineData(500_000)]
    public async Task Reports_and_skips_a_line_that_is_too_long(int length)
    {
        var tooLong = Item("x").PadRight(length - 1) + "!";
        foreach (var end in new[] { "\n", "\r\n" })
        {
            var (entries, fault) = await Read($"{Item("a")}{end}{tooLong}{end}{Item("b")}");
            Assert.Null(fault);
            Assert.Equal(["a", ViolationCodes.ItemTooLarge, "b"], Ids(entries));
            Assert.Contains("the limit is 2,000", entries[1].Result.Violations[0].Message, StringComparison.Ordinal);
            Assert.Equal([1, 2, 3], entries.Select(entry => entry.Line));
        }

        Assert.Equal([ViolationCodes.ItemTooLarge], Ids((await Read("{" + tooLong)).Entries));
    }

    [Fact]
    public async Task Accepts_a_line_of_exactly_the_limit()
    {
        var largest = Item("x", $"{{\"t\":\"{new string('t', 2_000 - Item("x", "{\"t\":\"\"}").Length)}\"}}");
        Assert.Equal(2_000, largest.Length);
        Assert.Equal(["x", "x"], Ids((await Read($"{largest}\r\n{largest}")).Entries));
        Assert.Equal(["x"], Ids((await Read($"[{largest}]")).Entries));
    }

    [Theory]
    [InlineData(2_500)]
    [InlineData(500_000)]
    public async Task Reports_and_skips_an_element_that_is_too_long(int length)
    {
        var tooLong = Item("x", $"{{\"t\":\"{new string('}', length)}\"}}");
        var (entries, fault) = await Read($"[{Item("a")},\n{tooLong},\n{Item("b")}]");
        Assert.Null(fault);
        Assert.Equal(["a", ViolationCodes.ItemTooLarge, "b"], Ids(entries));
        Assert.Contains($"{tooLong.Length:N0} bytes", entries[1].Result.Violations[0].Message, StringComparison.Ordinal);
        Assert.Equal([1, 2, 3], entries.Select(entry => entry.Line));
    }

    [Fact]
    public async Task Continues_after_an_element_that_is_broken_inside()
    {
        var (entries, fault) = await Read($"[{Item("a")},{{\"x\":[}},{{\"y\":}},nul,12,\"text, ] and \\\"more\",[1,[2]],{Item("b")}]");
        Assert.Null(fault);
        Assert.Equal(["a", "malformed-json", "malformed-json", "malformed-json", "wrong-type", "wrong-type", "wrong-type", "b"], Ids(entries));
    }

    [Theory]
    [InlineData("[A\n", 2, "closing ]")]
    [InlineData("[A,\nA", 2, "closing ]")]
    [InlineData("[A,\n", 2, "closing ]")]
    [InlineData("[A,\n]", 2, "another element")]
    [InlineData("[A,\n,A]", 2, "before the comma")]
    [InlineData("[A\nA]", 2, "a comma or ]")]
    [InlineData("[A]\nA", 2, "Something follows")]
    [InlineData("[A,\n{\"contentId\":\"b", 2, "in the middle of element 1")]
    [InlineData("[A,\n{\"contentId\":\"b\n\"},A]", 2, "not closed before the end of its line")]
    public async Task Returns_the_items_before_a_broken_place_in_the_array_and_says_where_it_is(string text, int line, string message)
    {
        var (entries, fault) = await Read(text.Replace("A", Item("a"), StringComparison.Ordinal));
        Assert.Equal("a", Ids(entries)[0]);
        Assert.NotNull(fault);
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
        Assert.Contains($"(line {line}, byte {fault.ByteOffset})", fault.Message, StringComparison.Ordinal);
        Assert.Equal(line, fault.Line);
        Assert.True(fault.ByteOffset > Item("a").Length);
    }

    [Theory]
    [InlineData(",")]
    [InlineData("12")]
    [InlineData("\"text\"")]
    [InlineData("contentId,contentType")]
    public async Task Refuses_what_is_not_a_catalog(string text)
    {
        var (_, fault) = await Read(text);
        Assert.Contains("one JSON object per line, or one JSON array", fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Recognizes_common_wrong_file_formats()
    {
        Assert.Contains("0x89", (await Read([0x89, (byte)'P', (byte)'N', (byte)'G'])).Fault!.Message, StringComparison.Ordinal);
        byte[] utf16 = [.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("{}")];
        Assert.Contains("UTF-16", (await Read(utf16)).Fault!.Message, StringComparison.Ordinal);
        Assert.Contains("zip", (await Read([(byte)'P', (byte)'K', 3, 4, 0])).Fault!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\n  \"contentId\": \"a\",\n  \"contentType\": \"SKU\"\n}", 2)]
    [InlineData("{ \"contentId\": \"a\",\n\n\n  \"contentInfo\": {} }", 4)]
    [InlineData("{\n]xxx\n\n", 2)]
    [InlineData("{", 1)]
    public async Task Recognizes_one_object_over_several_lines(string text, long line)
    {
        var (entries, fault) = await Read(text);
        Assert.Empty(entries);
        Assert.Contains("one object over several lines", fault!.Message, StringComparison.Ordinal);
        Assert.Equal(line, fault.Line);
    }

    [Fact]
    public async Task Treats_an_incomplete_first_line_as_one_broken_line_if_an_item_follows()
    {
        var (entries, fault) = await Read($"{{\"contentId\":\"a\",\n{Item("b")}");
        Assert.Null(fault);
        Assert.Equal(["malformed-json", "b"], Ids(entries));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Returns_the_items_before_the_end_of_truncated_gzip_and_reports_it(int part)
    {
        var random = new Random(1);
        var text = string.Join('\n', Enumerable.Range(0, 2_000).Select(i => Item($"id-{i}", $"{{\"n\":{random.NextInt64()}}}")));
        var compressed = Gzip(Encoding.UTF8.GetBytes(text));
        var cut = part switch { 0 => 5, 1 => compressed.Length / 2, _ => compressed.Length - 3 };
        var (entries, fault) = await Read(compressed[..cut]);
        Assert.NotNull(fault);
        Assert.Contains("gzip", fault.Message, StringComparison.Ordinal);
        Assert.Equal(part > 0, entries.Count > 100);
        Assert.True(entries.Take(Math.Max(0, entries.Count - 1)).All(entry => entry.Result.Item is not null));
    }

    [Fact]
    public async Task Reports_damaged_gzip()
    {
        var compressed = Gzip(Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 500).Select(i => Item($"id-{i}")))));
        compressed[^6] ^= 0xFF;
        Assert.Contains("gzip", (await Read(compressed)).Fault!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leaves_the_stream_open_and_stops_when_cancelled()
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(string.Join('\n', Enumerable.Range(0, 50_000).Select(i => Item($"id-{i}")))));
        using var cancellation = new CancellationTokenSource();
        var read = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var entry in Reader.ReadAsync(stream, cancellation.Token))
            {
                if (++read == 10) await cancellation.CancelAsync();
            }
        });
        Assert.InRange(read, 10, 5_000);
        Assert.True(stream.CanRead);
    }

    [Fact]
    public async Task Uses_no_more_memory_for_a_larger_file()
    {
        // The memory of the whole process says nothing here, because other tests run beside this one.
        var line = Encoding.UTF8.GetBytes(Item("a") + "\n");
        using var large = new RepeatingStream(line, times: 300_000);
        var count = 0;
        var samples = new List<WeakReference>();
        await foreach (var entry in Reader.ReadAsync(large, CancellationToken.None))
        {
            if (++count % 1_000 == 0) samples.Add(new WeakReference(entry.Result.Item));
        }

        Assert.Equal(300_000, count);
        GC.Collect();
        Assert.InRange(samples.Count(sample => sample.IsAlive), 0, 5);
        Assert.InRange(large.MaxRead, 1, 1024 * 1024);
    }

    /// <summary>Returns at most <paramref name="chunk"/> bytes per read, as a slow pipe would.</summary>
    private sealed class ChunkedStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(chunk, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(chunk, count));

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            return base.Read(buffer.Span[..Math.Min(chunk, buffer.Length)]);
        }
    }

    /// <summary>Repeats the same bytes.</summary>
    private sealed class RepeatingStream(byte[] bytes, long times) : Stream
    {
        private long _left = bytes.Length * times;
        private int _at;

        /// <summary>The largest number of bytes that a reader has asked for, which is at most the size of its buffer.</summary>
        public int MaxRead { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            MaxRead = Math.Max(MaxRead, count);
            var length = (int)Math.Min(Math.Min(count, bytes.Length - _at), _left);
            bytes.AsSpan(_at, length).CopyTo(buffer.AsSpan(offset));
            _at = (_at + length) % bytes.Length;
            _left -= length;
            return length;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
