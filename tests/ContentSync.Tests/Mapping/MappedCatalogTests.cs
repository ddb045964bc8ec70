using System.Globalization;
using System.Text;
using ContentSync.Catalog;
using ContentSync.Content;
using ContentSync.Mapping;
using ContentSync.Mapping.Feeds;
using ContentSync.Resync;
using ContentSync.Tests.Catalog;
using ContentSync.Tests.Resync;

namespace ContentSync.Tests.Mapping;

public sealed class MappedCatalogTests
{
    private readonly MappingTally _tally = new();

    [Fact]
    public async Task A_record_becomes_an_item_with_typed_and_nested_fields()
    {
        const string Mapping = """
            {"contentId":"{{ id }}","contentType":"SKU","contentStatus":[{"when":"stock == '0'","status":0}],"version":{"revision":"{{ rev }}"},
             "fields":{"name":{"source":"title"},"shop/city":{"source":"city"},"shop/open":{"source":"open","type":"boolean"},
                       "price":{"source":"price","type":"money","currency":"HKD"},"tags":{"value":"{{ tags | split: ',' }}","type":"list"},
                       "weight":{"source":"w","type":"decimal"},"rank":{"source":"rank","type":"integer","default":3}}}
            """;

        var item = Assert.Single(await ReadAsync(Mapping, "id;title;city;open;price;tags;w;rank;stock;rev\n007; 曲奇 ;Central;yes;HK$15,50;a, b;0.10;;0;12\n")).Result.Item!;

        Assert.Equal(("007", ContentStatus.Invalid, 12L), (item.ContentId, item.ContentStatus, item.Number));
        Assert.Equal(
            """{"name":"曲奇","shop":{"city":"Central","open":true},"price":1550,"tags":["a","b"],"weight":0.10,"rank":3}""",
            Encoding.UTF8.GetString(item.ContentInfo.Span));
    }

    [Fact]
    public async Task A_record_that_cannot_be_mapped_names_line_field_rule_and_value()
    {
        const string Mapping = """{"contentId":"{{ id }}","contentType":"SKU","fields":{"price":{"value":"{{ price | money_cents }}","required":true}}}""";

        var entry = (await ReadAsync(Mapping, "id,price\na,1\nb,call us\nc,\n"))[1];

        Assert.Equal((3L, "b"), (entry.Line, entry.Result.ContentId));
        var violation = Assert.Single(entry.Result.Violations);
        Assert.Equal(("/contentInfo/price", ViolationCodes.Mapping), (violation.Pointer, violation.Code));
        Assert.StartsWith("rule {{ price | money_cents }}: 'call us' is not an amount", violation.Message, StringComparison.Ordinal);
        Assert.Equal((3, 1, 2), (_tally.Records, _tally.Mapped, _tally.Failed));
    }

    [Fact]
    public async Task The_selection_leaves_records_out()
    {
        const string Mapping = """{"select":["brand == 'A'"],"contentId":"{{ id }}","contentType":"SKU","fields":{}}""";

        Assert.Equal(["1", "3"], (await ReadAsync(Mapping, "id,brand\n1,A\n2,B\n3,A\n")).Select(entry => entry.Result.ContentId));
        Assert.Equal(1, _tally.LeftOut);
    }

    [Fact]
    public async Task Variants_are_completed_from_the_line_above_and_grouped()
    {
        const string Mapping = """
            {"fill":{"by":"Handle","fields":["Title"]},"groupBy":"{{ handle }}","contentId":"{{ handle }}","contentType":"SKU",
             "fields":{"name":{"source":"Title"},"from":{"value":"{{ variants | map: 'price' | money_cents | min }}","type":"integer"},
                       "sizes":{"value":"{{ variants | map: 'size' }}","type":"list"},"names":{"value":"{{ variants | map: 'Title' | uniq | size }}","type":"integer"}}}
            """;

        var entries = await ReadAsync(Mapping, "Handle,Title,size,price\na,Tea,S,12.50\na,,M,9\nb,Cup,,3\n");

        Assert.Equal(
            ["""{"name":"Tea","from":900,"sizes":["S","M"],"names":1}""", """{"name":"Cup","from":300,"names":1}"""],
            entries.Select(entry => Encoding.UTF8.GetString(entry.Result.Item!.ContentInfo.Span)));
    }

    [Fact]
    public async Task A_list_inside_a_record_is_split_into_items()
    {
        const string Mapping = """
            {"split":"variants","contentId":"{{ sku }}","contentType":"SKU","fields":{"name":{"value":"{{ product.title }} {{ size }}"},"id":{"source":"id"}}}
            """;

        var entries = await ReadAsync(Mapping, """[{"id":1,"title":"Tea","variants":[{"id":11,"sku":"A","size":"S"},{"sku":"B","size":"M"}]}]""");

        Assert.Equal(["A", "B"], entries.Select(entry => entry.Result.ContentId));
        Assert.Equal("""{"name":"Tea M","id":"1"}""", Encoding.UTF8.GetString(entries[1].Result.Item!.ContentInfo.Span));
    }

    [Fact]
    public async Task A_column_that_the_feed_does_not_have_refuses_the_feed()
    {
        const string Mapping = """{"contentId":"{{ id }}","contentType":"SKU","fields":{"name":{"source":"titel"}}}""";

        var fault = await Assert.ThrowsAsync<CatalogFormatException>(() => ReadAsync(Mapping, "id,title\n1,a\n"));

        Assert.Equal("The mapping reads the column 'titel', which the feed does not have; its columns are id, title (line 1).", fault.Message);
    }

    [Theory]
    [InlineData("A &amp; B", LintKind.HtmlEntity)]
    [InlineData("a<br/>b", LintKind.HtmlTag)]
    [InlineData("a\u200Bb", LintKind.InvisibleCharacter)]
    [InlineData("CafÃ©", LintKind.WrongEncoding)]
    [InlineData("a\uFFFDb", LintKind.WrongEncoding)]
    [InlineData("SPECIAL OFFER", LintKind.AllCapitals)]
    [InlineData("Long text...", LintKind.TruncatedText)]
    public async Task Warnings_are_counted_by_kind_and_block_only_if_configured(string title, LintKind kind)
    {
        const string Mapping = """{"contentId":"{{ id }}","contentType":"SKU","fields":{"name":{"source":"title"}}}""";
        var feed = $"id,title\n1,{title}\n2,harmless text\n";

        Assert.All(await ReadAsync(Mapping, feed), entry => Assert.NotNull(entry.Result.Item));
        var warning = Assert.Single(_tally.Warnings);
        Assert.Equal((kind, 1L, "1"), (warning.Kind, warning.Count, warning.Examples[0]));

        var blocking = Mapping.Insert(1, $"\"blockOn\":[\"{LintKinds.NameOf(kind)}\"],");
        Assert.Null((await ReadAsync(blocking, feed))[0].Result.Item);
    }

    [Fact]
    public async Task Addresses_prices_languages_and_titles_have_warnings_of_their_own()
    {
        const string Mapping = """
            {"contentId":"{{ id }}","contentType":"SKU","fields":{"name":{"source":"title","locale":"zh-HK","maxLength":4,"tooLong":"truncate"},
             "url":{"source":"url","type":"url"},"price":{"source":"price","type":"money"}}}
            """;

        await ReadAsync(Mapping, "id,title,url,price\n1,曲奇餅乾盒,http://a.example/,0.00\n2,曲奇餅乾,https://a.example/,1\n3,Tea,https://a.example/,1\n");

        Assert.Equal(
            [LintKind.TruncatedText, LintKind.MissingLanguage, LintKind.InsecureUrl, LintKind.ZeroPrice, LintKind.DuplicateTitle],
            _tally.Warnings.Select(warning => warning.Kind));
    }

    [Fact]
    public async Task Many_batches_keep_the_order_of_the_feed()
    {
        const string Mapping = """{"contentId":"{{ id }}","contentType":"SKU","fields":{"name":{"source":"id"}}}""";
        var ids = Enumerable.Range(0, 3_000).Select(i => i.ToString(CultureInfo.InvariantCulture)).ToList();

        var entries = await ReadAsync(Mapping, "id,x\n" + string.Concat(ids.Select(id => $"{id},\n")));

        Assert.Equal(ids, entries.Select(entry => entry.Result.ContentId));
        Assert.Equal(Enumerable.Range(2, 3_000).Select(line => (long)line), entries.Select(entry => entry.Line));
    }

    [Fact]
    public async Task A_run_sends_mapped_items_and_delists_what_the_feed_and_the_selection_leave_out()
    {
        using var world = new ResyncWorld();
        Assert.Equal(ResyncRunState.Completed, (await RunAsync(world, Feed(20, 0), "brand != 'none'")).State);

        var run = await RunAsync(world, Feed(19, 0).Replace("0,A,1\n", "0,B,1\n", StringComparison.Ordinal), "brand != 'none'");

        Assert.Equal((ResyncRunState.Completed, 1L, 1L), (run.State, run.Plan!.Vanished, run.Plan.Delisting));
    }

    [Fact]
    public async Task More_than_a_tenth_of_invalid_records_delists_nothing_and_a_tenth_does()
    {
        using var world = new ResyncWorld();
        await RunAsync(world, Feed(40, 0), "brand != 'none'");

        var trusted = await RunAsync(world, Feed(36, 4), "brand != 'none'", new ResyncParameters { AllowedDelistShare = 1 });
        Assert.Equal((ResyncRunState.Completed, 4L, 4L, 0L), (trusted.State, trusted.Plan!.Invalid, trusted.Plan.Vanished, trusted.Plan.Withheld));

        var withheld = await RunAsync(world, Feed(30, 4), "brand != 'none'", new ResyncParameters { AllowedDelistShare = 1 });
        Assert.Equal((ResyncRunState.Completed, 4L, 0L, 6L), (withheld.State, withheld.Plan!.Invalid, withheld.Plan.Vanished, withheld.Plan.Withheld));
    }

    [Fact]
    public async Task More_than_a_tenth_of_invalid_records_also_withholds_what_the_feed_itself_delists()
    {
        const string Mapping = """
            {"contentId":"{{ id }}","contentType":"SKU","contentStatus":[{"when":"price == '0'","status":0}],
             "fields":{"price":{"source":"price","type":"money"}}}
            """;
        using var world = new ResyncWorld();
        var mapping = await LoadAsync(Mapping);
        await world.RunAsync(new MappedCatalogSource(new TestSnapshot(Feed(30, 0), world.Time.GetUtcNow()), mapping));

        world.Time.Advance(TimeSpan.FromMinutes(1));
        var feed = Feed(30, 4).Replace("0,A,1\n", "0,A,0\n", StringComparison.Ordinal);
        var run = await world.RunAsync(new MappedCatalogSource(new TestSnapshot(feed, world.Time.GetUtcNow()), mapping));

        Assert.Equal((ResyncRunState.Completed, 1L, 0L, 0L), (run.State, run.Plan!.Withheld, run.Plan.Delisting, run.Counts.Planned));
    }

    [Fact]
    public async Task A_record_without_an_id_delists_nothing()
    {
        using var world = new ResyncWorld();
        await RunAsync(world, Feed(40, 0), "brand != 'none'");

        var run = await RunAsync(world, Feed(39, 0) + ",A,5\n", "brand != 'none'");

        Assert.Equal((ResyncRunState.Completed, 1L, 0L, 1L), (run.State, run.Plan!.Unidentified, run.Plan.Vanished, run.Plan.Withheld));
    }

    [Fact]
    public async Task A_record_twice_names_both_places_and_the_one_that_counts()
    {
        using var world = new ResyncWorld();

        var run = await RunAsync(world, "id,brand,price\n1,A,1\n2,A,1\n1,A,2\n", "brand != 'none'");

        var duplicate = Assert.Single(run.Duplicates);
        Assert.Equal(("1", "line 2, line 4", "line 4", true), (duplicate.ContentId, string.Join(", ", duplicate.Places), duplicate.Kept, duplicate.Differs));
    }

    [Theory]
    [InlineData(3, null)]
    [InlineData(4, "The catalog is declared to hold 4 items, but holds 3; export it again, or correct the number.")]
    public async Task A_declared_number_is_that_of_the_records_of_the_feed(long declared, string? refusal)
    {
        using var world = new ResyncWorld();

        var run = await RunAsync(
            world, "id,brand,price\n1,A,1\n2,none,1\n3,A,2\n", "brand != 'none'", new ResyncParameters { ExpectedItems = declared });

        if (refusal is null) Assert.Equal((ResyncRunState.Completed, 2L), (run.State, run.Plan!.Items));
        else Assert.Equal((ResyncRunState.Refused, refusal), (run.State, run.Message));
    }

    [Fact]
    public async Task A_dry_run_with_a_changed_mapping_is_enough_to_send_with_it()
    {
        using var world = new ResyncWorld();
        await RunAsync(world, Feed(20, 0), "brand != 'none'");
        var mapping = await LoadAsync(MappingWith("brand != 'other'"));
        var source = new MappedCatalogSource(new TestSnapshot(Feed(20, 0), world.Time.GetUtcNow()), mapping);

        Assert.Equal(ResyncRunState.Planned, (await world.RunAsync(source, new ResyncParameters { DryRun = true })).State);

        Assert.Equal(ResyncRunState.Completed, (await world.RunAsync(source)).State);
    }

    [Fact]
    public async Task A_changed_mapping_is_planned_before_it_is_sent()
    {
        using var world = new ResyncWorld();
        await RunAsync(world, Feed(20, 0), "brand != 'none'");

        var planned = await RunAsync(world, Feed(20, 0), "brand != 'other'");
        Assert.Equal((ResyncRunState.Stopped, 20L), (planned.State, planned.Plan!.Items));
        Assert.StartsWith("The mapping changed since the last run, so this run only planned.", planned.Message, StringComparison.Ordinal);

        Assert.Equal(ResyncRunState.Completed, (await RunAsync(world, Feed(20, 0), "brand != 'other'")).State);
        Assert.Equal(ResyncRunState.HandledAlready, (await RunAsync(world, Feed(20, 0), "brand != 'other'")).State);
    }

    [Fact]
    public async Task A_draft_for_a_google_feed_maps_it()
    {
        const string Feed = "id\ttitle\tprice\tavailability\timage_link\n1\tTea\t15.00 HKD\tout of stock\thttps://a.example/1.jpg\n";

        var draft = await MappingDraft.InspectAsync(new MemoryStream(Encoding.UTF8.GetBytes(Feed)), new FeedLayout(), CancellationToken.None);
        var item = Assert.Single(await ReadAsync(draft.Mapping, Feed)).Result.Item!;

        Assert.Equal(("1", ContentStatus.Invalid), (item.ContentId, item.ContentStatus));
        Assert.Equal("""{"name":"Tea","price":1500,"image":"https://a.example/1.jpg"}""", Encoding.UTF8.GetString(item.ContentInfo.Span));
        Assert.Equal(("title", 1, "Tea"), draft.Fields[1]);
    }

    [Fact]
    public async Task A_draft_for_a_json_document_finds_its_array_and_for_shopify_completes_the_lines()
    {
        const string Json = """{"meta":{"a":[1]},"data":{"products":[{"id":7,"name":"Tea"}]}}""";
        const string Shopify = "Handle,Title,Variant SKU,Variant Price\na,Tea,A-1,5\na,,A-2,6\n";

        Assert.Equal("7", Assert.Single(await DraftAndReadAsync(Json)).Result.ContentId);
        Assert.Equal(
            ["""{"name":"Tea","price":500}""", """{"name":"Tea","price":600}"""],
            (await DraftAndReadAsync(Shopify)).Select(entry => Encoding.UTF8.GetString(entry.Result.Item!.ContentInfo.Span)));
    }

    private async Task<List<CatalogEntry>> DraftAndReadAsync(string feed)
    {
        var draft = await MappingDraft.InspectAsync(new MemoryStream(Encoding.UTF8.GetBytes(feed)), new FeedLayout(), CancellationToken.None);
        return await ReadAsync(draft.Mapping, feed);
    }

    private static string Feed(int valid, int invalid) =>
        "id,brand,price\n"
        + string.Concat(Enumerable.Range(0, valid).Select(i => $"{i},A,{i + 1}\n"))
        + string.Concat(Enumerable.Range(0, invalid).Select(i => $"x{i},A,call us\n"));

    private static async Task<ResyncRun> RunAsync(ResyncWorld world, string feed, string condition, ResyncParameters? parameters = null)
    {
        var mapping = await LoadAsync(MappingWith(condition));
        world.Time.Advance(TimeSpan.FromMinutes(1));
        return await world.RunAsync(new MappedCatalogSource(new TestSnapshot(feed, world.Time.GetUtcNow()), mapping), parameters);
    }

    private static string MappingWith(string condition) =>
        $$$"""{"select":"{{{condition}}}","contentId":"{{ id }}","contentType":"SKU","fields":{"price":{"source":"price","type":"money"} }}""";

    private async Task<List<CatalogEntry>> ReadAsync(string mapping, string feed)
    {
        var options = new ContentOptions();
        var stream = MappedSnapshot.Open(new MemoryStream(Encoding.UTF8.GetBytes(feed)), await LoadAsync(mapping), _tally);
        var entries = new List<CatalogEntry>();
        var reader = new CatalogReader(new ContentReader(options, TimeProvider.System), options);
        await foreach (var entry in reader.ReadAsync(stream, CancellationToken.None)) entries.Add(entry);
        return entries;
    }

    private static Task<CatalogMapping> LoadAsync(string mapping) => MappingFile.LoadAsync(
        "m.json", new MemoryStream(Encoding.UTF8.GetBytes(mapping)), (_, _) => ValueTask.FromResult<Stream?>(null), CancellationToken.None);
}
