using System.IO.Compression;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Mapping.Feeds;

namespace ContentSync.Tests.Mapping;

public sealed class FeedReaderTests
{
    private FeedShape? _shape;

    [Theory]
    [InlineData("id,title\n1,a\n", ',')]
    [InlineData("id\ttitle\n1\ta\n", '\t')]
    [InlineData("id;title\r\n1;a\r\n", ';')]
    [InlineData("\"id\"|\"a, b\"\n1|a\n", '|')]
    public async Task Detects_the_separator(string feed, char separator)
    {
        Assert.Single(await ReadAsync(feed));

        Assert.Equal(FeedFormat.Csv, _shape!.Format);
        Assert.Equal(separator, _shape.Separator);
    }

    [Fact]
    public async Task Reads_quotes_line_breaks_and_separators_inside_a_cell_and_names_the_line_it_starts_on()
    {
        var records = await ReadAsync("id,title,text\n1,\"a, b\",\"two\r\nlines, \"\"q\"\"\"\n\n2,12\" pizza,\n# 3,c,d\n");

        Assert.Equal([(2L, "1"), (5L, "2"), (6L, "# 3")], records.Select(record => (record.Line, Text(record, "id"))));
        Assert.Equal("a, b", Text(records[0], "title"));
        Assert.Equal("two\r\nlines, \"q\"", Text(records[0], "text"));
        Assert.Equal("12\" pizza", Text(records[1], "title"));
        Assert.True(records[1].Fields!.Get("text").IsNil());
    }

    [Fact]
    public async Task Reports_a_line_with_the_wrong_number_of_cells_and_reads_on()
    {
        var records = await ReadAsync("id,title\n1,a,b\n2\n3,c,,\n");

        Assert.Equal("The line has 3 cells and the header 2 columns; check its separators, quotes and line breaks.", records[0].Fault);
        Assert.NotNull(records[1].Fault);
        Assert.Equal("c", Text(records[2], "title"));
    }

    [Theory]
    [InlineData("id,title\n1,a\n2,\"b\n3,c\n")]
    [InlineData("id,title\n1,a\n2,\"b\"x\n3,c\n")]
    public async Task Refuses_a_quote_that_is_not_closed_and_names_its_line(string feed)
    {
        var fault = await Assert.ThrowsAsync<CatalogFormatException>(() => ReadAsync(feed));

        Assert.Equal(3, fault.Line);
        Assert.EndsWith("(line 3).", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Finds_a_column_by_its_name_and_as_an_identifier()
    {
        var record = Assert.Single(await ReadAsync("Variant SKU,Weight (lbs),image link,image link\nA-1,.5,u1,u2\n"));

        Assert.Equal("A-1", Text(record, "Variant SKU"));
        Assert.Equal("A-1", Text(record, "variant_sku"));
        Assert.Equal(".5", Text(record, "weight_lbs"));
        Assert.Equal("u2", Text(record, "image_link_2"));
    }

    [Theory]
    [InlineData("utf-8", false)]
    [InlineData("utf-16", false)]
    [InlineData("utf-16BE", false)]
    [InlineData("big5", true)]
    [InlineData("gb18030", true)]
    [InlineData("windows-1252", true)]
    public async Task Detects_the_encoding(string name, bool isGuessed)
    {
        var encoding = CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name);
        var text = name switch
        {
            "windows-1252" => "id,title\n1,Café crème brûlée\n2,plain\n3,Müsli\n",
            "gb18030" => "id,title\n1,手工曲奇饼干礼盒\n2,港式奶茶\n3,冻柠茶\n",
            _ => "id,title\n1,手工曲奇餅乾禮盒\n2,港式奶茶\n3,凍檸茶與菠蘿包\n",
        };

        var records = await ReadAsync([.. encoding.GetPreamble(), .. encoding.GetBytes(text)]);

        Assert.Equal(encoding.WebName, _shape!.Encoding.WebName);
        Assert.Equal(isGuessed, _shape.IsEncodingGuessed);
        Assert.Contains(Text(records[0], "title"), text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Detects_the_encoding_of_a_feed_that_ends_inside_a_word_with_an_accent()
    {
        var records = await ReadAsync(CodePagesEncodingProvider.Instance.GetEncoding(1252)!.GetBytes("id,title\n1,crème\n2,Café"));

        Assert.Equal(["crème", "Café"], records.Select(record => Text(record, "title")));
    }

    [Fact]
    public async Task A_simplified_name_with_one_character_outside_of_the_common_set_does_not_make_a_feed_traditional()
    {
        var record = Assert.Single(await ReadAsync(CodePagesEncodingProvider.Instance.GetEncoding("gb18030")!.GetBytes("id,title\n1,朱镕基手工曲奇饼干礼\n")));

        Assert.Equal("朱镕基手工曲奇饼干礼", Text(record, "title"));
    }

    [Fact]
    public async Task A_given_encoding_and_separator_win_over_the_detected_ones()
    {
        var layout = new FeedLayout { Encoding = "big5", Separator = ';' };

        var record = Assert.Single(await ReadAsync(CodePagesEncodingProvider.Instance.GetEncoding("big5")!.GetBytes("a,b;c\n曲,奇;餅\n"), layout));

        Assert.Equal("曲,奇", Text(record, "a,b"));
    }

    [Fact]
    public async Task Reads_gzip_like_the_plain_feed()
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true)) await gzip.WriteAsync("id,title\n1,a\n"u8.ToArray());

        Assert.Single(await ReadAsync(packed.ToArray()));
        Assert.True(_shape!.IsGzip);
        await Assert.ThrowsAsync<CatalogFormatException>(() => ReadAsync(packed.ToArray()[..^4]));
    }

    [Fact]
    public async Task Reads_the_items_of_a_google_feed_and_prefers_its_names()
    {
        const string Feed = """
            <?xml version="1.0"?>
            <rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>
            <g:price>outside of an item</g:price>
            <item><title>rss</title><g:title>google</g:title><g:id>1</g:id><link>https://a.example/1</link>
              <g:additional_image_link>u1</g:additional_image_link><g:additional_image_link>u2</g:additional_image_link>
              <g:shipping><g:country>HK</g:country><g:price>5.00 HKD</g:price></g:shipping><description><![CDATA[<b>x</b>]]></description></item>
            <item><g:id>2</g:id><title/></item>
            </channel></rss>
            """;

        var records = await ReadAsync(Feed);

        Assert.Equal([4L, 7L], records.Select(record => record.Line));
        Assert.Equal("google", Text(records[0], "title"));
        Assert.Equal("<b>x</b>", Text(records[0], "description"));
        Assert.Equal("""["u1","u2"]""", FeedJson.Of(records[0].Fields!.Get("additional_image_link")));
        Assert.Equal("""{"country":"HK","price":"5.00 HKD"}""", FeedJson.Of(records[0].Fields!.Get("shipping")));
        Assert.Equal(["id"], records[1].Fields!.Names);
    }

    [Fact]
    public async Task Reads_the_entries_of_an_atom_feed()
    {
        const string Feed = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Shop</title><entry><id>1</id><link href="https://a.example/1"/></entry></feed>""";

        var record = Assert.Single(await ReadAsync(Feed));

        Assert.Equal("""{"id":"1","link":{"href":"https://a.example/1"}}""", FeedJson.Of(record.Fields!));
    }

    [Theory]
    [InlineData("<!DOCTYPE x [<!ENTITY a \"aa\">]><rss><item><id>&a;</id></item></rss>", "The document type (<!DOCTYPE) is not allowed; remove it (line 1).")]
    [InlineData("<rss><channel><item><id>1</id></item>\n", "(line 2).")]
    public async Task Refuses_broken_xml_and_document_types(string feed, string end)
    {
        var fault = await Assert.ThrowsAsync<CatalogFormatException>(() => ReadAsync(feed));

        Assert.EndsWith(end, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"id":"\ud800"}""")]
    [InlineData("""{"\uD800":1}""")]
    [InlineData("""{"id":[{"a":"\udc00"}]}""")]
    public async Task Half_of_a_surrogate_pair_spoils_only_its_own_record(string record)
    {
        var records = await ReadAsync($$"""[{{record}},{"id":"2"}]""");

        Assert.Null(records[0].Fields);
        Assert.Contains("surrogate", records[0].Fault, StringComparison.Ordinal);
        Assert.Equal("""{"id":"2"}""", FeedJson.Of(records[1].Fields!));
    }

    [Fact]
    public async Task A_record_longer_than_the_limit_is_reported_and_not_kept()
    {
        var huge = new string('x', FeedLimits.MaxRecordLength + 1);

        var records = await ReadAsync($"<rss><item><id>1</id><d>{huge}</d></item><item><id>2</id></item></rss>");

        Assert.StartsWith("The element is longer", records[0].Fault, StringComparison.Ordinal);
        Assert.Equal("2", Text(records[1], "id"));
    }

    [Theory]
    [InlineData("{\"id\":1}\n{\"id\":2}\n", null, FeedFormat.Ndjson)]
    [InlineData("[{\"id\":1},\n{\"id\":2}]", null, FeedFormat.Json)]
    [InlineData("{\"meta\":{\"products\":[9]},\n\"products\":[{\"id\":1},{\"id\":2}],\"next\":null}", "/products", FeedFormat.Json)]
    [InlineData("{\"a\":[{\"x\":1}],\"data\":{\"x\":{\"list\":0},\"a/b\":[{\"id\":1},{\"id\":2}]}}", "/data/a~1b", FeedFormat.Json)]
    public async Task Reads_json_lines_and_arrays_anywhere_in_a_document(string feed, string? records, FeedFormat format)
    {
        var read = await ReadAsync(Encoding.UTF8.GetBytes(feed), new FeedLayout { Records = records });

        Assert.Equal(format, _shape!.Format);
        Assert.Equal(["1", "2"], read.Select(record => Text(record, "id")));
    }

    [Fact]
    public async Task Finds_the_array_behind_more_than_one_buffer_of_other_members()
    {
        var other = string.Join(',', Enumerable.Range(0, 60_000).Select(i => $"\"m{i}\":{{\"products\":[{i}],\"text\":\"{i} and more text\"}}"));

        var read = await ReadAsync(Encoding.UTF8.GetBytes($"{{{other},\"products\":[{{\"id\":7}}]}}"), new FeedLayout { Records = "/products" });

        Assert.Equal("7", Text(Assert.Single(read), "id"));
    }

    [Theory]
    [InlineData("{\"items\":[{\"id\":1}]}", "/products", "The document has no array at /products")]
    [InlineData("{\"a\":{\"x\":1},\"b\":{\"list\":[{\"id\":1}]}}", "/a/list", "The document has no array at /a/list")]
    [InlineData("{\"a\":1,\"b\":{\"list\":[{\"id\":1}]}}", "/a/list", "The document has no array at /a/list")]
    [InlineData("{\"items\":[{\"id\":1}],\"x\":[{}]}", null, "The document is not an array; name the array of records")]
    [InlineData("{\"products\":[{\"id\":1}]", "/products", "The file ends before its JSON document does")]
    public async Task Names_what_is_wrong_with_a_json_document(string feed, string? records, string start)
    {
        var fault = await Assert.ThrowsAsync<CatalogFormatException>(() => ReadAsync(Encoding.UTF8.GetBytes(feed), new FeedLayout { Records = records }));

        Assert.StartsWith(start, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_every_digit_of_a_number()
    {
        var record = Assert.Single(await ReadAsync("""{"id":12345678901234567890,"price":1.10,"big":123456789012345678901234567890123}"""));

        Assert.Equal("""{"id":12345678901234567890,"price":1.10,"big":"123456789012345678901234567890123"}""", FeedJson.Of(record.Fields!));
    }

    [Fact]
    public async Task Refuses_a_workbook()
    {
        var fault = await Assert.ThrowsAsync<CatalogFormatException>(() => ReadAsync([(byte)'P', (byte)'K', 3, 4, 0, 0]));

        Assert.Contains("save it as CSV", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_feed_has_no_records() => Assert.Empty(await ReadAsync(""));

    private static string Text(FeedRecord record, string name) => record.Fields!.Get(name).ToStringValue();

    private Task<List<FeedRecord>> ReadAsync(string feed) => ReadAsync(Encoding.UTF8.GetBytes(feed));

    private async Task<List<FeedRecord>> ReadAsync(byte[] feed, FeedLayout? layout = null)
    {
        var reader = new FeedReader(layout ?? new FeedLayout()) { OnShape = shape => _shape = shape };
        var records = new List<FeedRecord>();
        await foreach (var record in reader.ReadAsync(new MemoryStream(feed), CancellationToken.None)) records.Add(record);
        return records;
    }
}
