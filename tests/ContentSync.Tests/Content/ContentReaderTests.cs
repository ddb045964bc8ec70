using System.Text;
using ContentSync.Content;
using Microsoft.Extensions.Time.Testing;

namespace ContentSync.Tests.Content;

public sealed class ContentReaderTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly ContentOptions _options = new();

    private ContentReadResult Read(string json) => Read(Encoding.UTF8.GetBytes(json));

    private ContentReadResult Read(byte[] json)
    {
        var reader = new ContentReader(_options, new FakeTimeProvider(Now));
        var result = reader.Read(json);
        AssertDigestAgrees(reader, json, result);
        return result;
    }

    // TryDigest and Read must agree on every item.
    private static void AssertDigestAgrees(ContentReader reader, byte[] json, ContentReadResult result)
    {
        var parser = reader.Rent();
        Assert.Equal(result.Item is not null, parser.TryDigest(json, out var digest, out var refused));
        if (result.Item is { } item)
        {
            Assert.Equal(item.ContentId, Encoding.UTF8.GetString(digest.ContentId));
            Assert.Equal((item.Hash, item.ContentStatus), (digest.Hash, digest.ContentStatus));
            return;
        }

        Assert.Equal(result.Violations, refused.Violations);
        Assert.Equal(result.ContentId, refused.ContentId);
    }

    private ContentItem Accepted(string json)
    {
        var result = Read(json);
        Assert.Empty(result.Violations);
        Assert.NotNull(result.Item);
        Assert.Equal(result.Item.ContentId, result.ContentId);
        return result.Item;
    }

    private ContentViolation SingleViolation(string json)
    {
        var result = Read(json);
        Assert.Null(result.Item);
        return Assert.Single(result.Violations);
    }

    private static string Item(string contentInfo = """{"n":1}""", string extra = "") =>
        $$"""{"contentId":"a-1","contentType":"SKU","contentStatus":1,"contentInfo":{{contentInfo}}{{extra}}}""";

    private static string Info(ContentItem item) => Encoding.UTF8.GetString(item.ContentInfo.Span);

    [Fact]
    public void Reads_an_item()
    {
        var item = Accepted("""{"contentId":"a-1","contentType":"MOVIE","contentStatus":0,"contentInfo":{"name":"戲"},"revision":7}""");
        Assert.Equal("a-1", item.ContentId);
        Assert.Equal("MOVIE", item.ContentType);
        Assert.Equal(ContentStatus.Invalid, item.ContentStatus);
        Assert.Equal("""{"name":"戲"}""", Info(item));
        Assert.Equal(7, item.Number);
    }

    [Fact]
    public void Reads_members_in_any_order_and_with_escaped_names() =>
        Assert.Equal(
            """{"a":1}""",
            Info(Accepted("""{"content\u0049nfo":"{\"a\":1}","contentStatus":1,"contentType":"\u0053KU","contentId":"\u0061-1"}""")));

    [Fact]
    public void Accepts_a_byte_order_mark() => Assert.NotNull(Read([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Item())]).Item);

    [Theory]
    [InlineData("""{ "b" : [ 1 , 2.50 , -0 , 1E+5, 1e999 ] , "a" : { } }""", """{"b":[1,2.50,-0,1E+5,1e999],"a":{}}""")]
    [InlineData("""{"t":"\u4e2d\/\u0022\u005c\u000a\u0001\ud83d\ude00<>&'+"}""", """{"t":"中/\"\\\n\u0001😀<>&'+"}""")]
    [InlineData("""{"__proto__":{"x":null},"constructor":true,"":false}""", """{"__proto__":{"x":null},"constructor":true,"":false}""")]
    [InlineData("""{"n":123456789012345678901234567890.000}""", """{"n":123456789012345678901234567890.000}""")]
    public void Writes_an_object_compactly_and_keeps_order_and_number_text(string given, string wire) =>
        Assert.Equal(wire, Info(Accepted(Item(given))));

    [Theory]
    [InlineData("""{ "a" : 1.0, "t":"\u4e2d" }""")]
    [InlineData("""{"b":1,"a":2}""")]
    [InlineData(" {\n\"a\":1}\t")]
    public void Keeps_a_string_verbatim(string text) =>
        Assert.Equal(text, Info(Accepted(Item(System.Text.Json.JsonSerializer.Serialize(text)))));

    [Fact]
    public void Keeps_hostile_but_valid_text()
    {
        const string Text = "\u202Etxt.exe \uD83D\uDC68\u200D\uD83D\uDC69\u200D\uD83D\uDC67 \u0000 \u2028 \uFFFF \u0301\u0301";
        var item = Accepted(Item(System.Text.Json.JsonSerializer.Serialize(new { text = Text })));
        using var read = System.Text.Json.JsonDocument.Parse(item.ContentInfo);
        Assert.Equal(Text, read.RootElement.GetProperty("text").GetString());
    }

    [Fact]
    public void Reports_every_violation_at_once()
    {
        var result = Read("""
            {"contentId":" ","contentType":"sku","contentStatus":"1","contentInfo":{"a":1,"a":2},
             "revision":-1,"occurredAt":"yesterday","occuredAt":1}
            """);
        Assert.Null(result.Item);
        Assert.Equal(
            [
                ("/contentId", ViolationCodes.InvalidContentId),
                ("/contentType", ViolationCodes.UnknownContentType),
                ("/contentStatus", ViolationCodes.InvalidContentStatus),
                ("/contentInfo/a", ViolationCodes.DuplicateMember),
                ("/revision", ViolationCodes.InvalidRevision),
                ("/occurredAt", ViolationCodes.InvalidOccurredAt),
                ("/occuredAt", ViolationCodes.UnknownMember),
                ("/occurredAt", ViolationCodes.RevisionAndOccurredAt),
            ],
            result.Violations.Select(violation => (violation.Pointer, violation.Code)));
        Assert.All(result.Violations, violation => Assert.EndsWith(".", violation.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void Reports_every_missing_member() => Assert.Equal(
        [
            ("/contentId", ViolationCodes.MissingMember),
            ("/contentStatus", ViolationCodes.MissingMember),
            ("/contentType", ViolationCodes.MissingMember),
            ("/contentInfo", ViolationCodes.MissingMember),
        ],
        Read("{}").Violations.Select(violation => (violation.Pointer, violation.Code)));

    [Theory]
    [InlineData("[]", "an array")]
    [InlineData("12", "the number 12")]
    [InlineData("null", "null")]
    [InlineData("\"x\"", "the string \"x\"")]
    public void Refuses_JSON_that_is_not_an_object(string json, string expected)
    {
        var violation = SingleViolation(json);
        Assert.Equal(("", ViolationCodes.WrongType), (violation.Pointer, violation.Code));
        Assert.Contains(expected, violation.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"\"", ViolationCodes.InvalidContentId)]
    [InlineData("\" \\u3000\"", ViolationCodes.InvalidContentId)]
    [InlineData("\"a\\u0000b\"", ViolationCodes.InvalidContentId)]
    [InlineData("\"a\\u0085b\"", ViolationCodes.InvalidContentId)]
    [InlineData("\"a\\ud800\"", ViolationCodes.LoneSurrogate)]
    [InlineData("12", ViolationCodes.WrongType)]
    [InlineData("null", ViolationCodes.WrongType)]
    [InlineData("{\"a\":[1]}", ViolationCodes.WrongType)]
    public void Refuses_an_invalid_contentId(string value, string code)
    {
        var violation = SingleViolation($$"""{"contentId":{{value}},"contentType":"SKU","contentStatus":1,"contentInfo":{"n":1} }""");
        Assert.Equal(("/contentId", code), (violation.Pointer, violation.Code));
    }

    [Fact]
    public void Limits_a_contentId_in_characters()
    {
        _options.MaxContentIdLength = 4;
        Assert.NotNull(Read("""{"contentId":"中文字幕","contentType":"SKU","contentStatus":1,"contentInfo":{"n":1}}""").Item);
        var result = Read("""{"contentId":"中文字幕x","contentType":"SKU","contentStatus":1,"contentInfo":{"n":1}}""");
        Assert.Contains("5 characters; the limit is 4", Assert.Single(result.Violations).Message, StringComparison.Ordinal);
        Assert.Null(result.ContentId);
    }

    [Fact]
    public void Returns_the_contentId_of_a_refused_item() => Assert.Equal("a-1", Read(Item("[]")).ContentId);

    [Fact]
    public void Lists_the_configured_content_types()
    {
        var violation = SingleViolation(Item().Replace("SKU", "sku", StringComparison.Ordinal));
        Assert.Equal(ViolationCodes.UnknownContentType, violation.Code);
        Assert.Contains("SKU, MOVIE", violation.Message, StringComparison.Ordinal);
        Assert.Contains("'sku'", violation.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"1\"")]
    [InlineData("1.0")]
    [InlineData("1e0")]
    [InlineData("-0")]
    [InlineData("2")]
    [InlineData("true")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("1e999")]
    public void Refuses_a_contentStatus_that_is_not_0_or_1(string value)
    {
        var violation = SingleViolation($$"""{"contentId":"a","contentType":"SKU","contentStatus":{{value}},"contentInfo":{"n":1} }""");
        Assert.Equal(("/contentStatus", ViolationCodes.InvalidContentStatus), (violation.Pointer, violation.Code));
        Assert.Contains("0 (delisted) or 1 (listed)", violation.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-1")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("1e999")]
    [InlineData("\"7\"")]
    [InlineData("null")]
    [InlineData("{}")]
    public void Refuses_a_revision_that_is_not_an_integer(string value) =>
        Assert.Equal(ViolationCodes.InvalidRevision, SingleViolation(Item(extra: $",\"revision\":{value}")).Code);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("9223372036854775807", long.MaxValue)]
    public void Reads_a_revision(string value, long expected) =>
        Assert.Equal(expected, Accepted(Item(extra: $",\"revision\":{value}")).Number);

    [Theory]
    [InlineData("2026-02-28T20:00:00+08:00", "2026-02-28T12:00:00.000000Z")]
    [InlineData("2026-02-28T20:00:00\\u002B08:00", "2026-02-28T12:00:00.000000Z")]
    [InlineData("2026-02-28T20:00:00+0800", "2026-02-28T12:00:00.000000Z")]
    [InlineData("2026-02-28T12:00:00z", "2026-02-28T12:00:00.000000Z")]
    [InlineData("2026-02-28T12:00Z", "2026-02-28T12:00:00.000000Z")]
    [InlineData("2026-02-28T12:00:00.123456789-03:30", "2026-02-28T15:30:00.1234567Z")]
    [InlineData("2026-03-02T12:00:00Z", "2026-03-02T12:00:00.000000Z")]
    public void Reads_occurredAt(string value, string expected) =>
        Assert.Equal(
            DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture),
            Accepted(Item(extra: $",\"occurredAt\":\"{value}\"")).OccurredAt);

    [Theory]
    [InlineData("2026-02-28T20:00:00")]
    [InlineData("2026-02-28T20:00:00.123")]
    [InlineData("2026-02-28")]
    [InlineData("2026-02-28 20:00:00Z")]
    [InlineData("2026-02-30T20:00:00Z")]
    [InlineData("2026-02-28T25:00:00Z")]
    [InlineData("2026-02-28T20:00:00+99:00")]
    [InlineData("0001-01-01T00:00:00+08:00")]
    [InlineData("28/02/2026")]
    [InlineData("")]
    [InlineData("2026-02-28T20:00\\ud800Z")]
    public void Refuses_an_occurredAt_that_is_invalid_or_has_no_zone(string value)
    {
        var violation = SingleViolation(Item(extra: $",\"occurredAt\":\"{value}\""));
        Assert.Equal(("/occurredAt", ViolationCodes.InvalidOccurredAt), (violation.Pointer, violation.Code));
    }

    [Fact]
    public void Refuses_an_occurredAt_as_a_number() =>
        Assert.Equal(ViolationCodes.WrongType, SingleViolation(Item(extra: ",\"occurredAt\":1767139200")).Code);

    [Fact]
    public void Warns_about_an_occurredAt_too_far_ahead_of_the_clock()
    {
        Assert.Empty(Read(Item(extra: ",\"occurredAt\":\"2026-03-01T12:05:00Z\"")).Warnings);
        var read = Read(Item(extra: ",\"occurredAt\":\"2026-03-01T12:05:01Z\""));
        Assert.NotNull(read.Item!.OccurredAt);
        Assert.Equal(("/occurredAt", WarningCodes.OccurredAtAhead), (read.Warnings[0].Pointer, read.Warnings[0].Code));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("\"{}\"")]
    [InlineData("\" { } \"")]
    public void Refuses_a_listed_item_without_content(string contentInfo)
    {
        var violation = SingleViolation(Item(contentInfo));
        Assert.Equal(("/contentInfo", ViolationCodes.EmptyContentInfo), (violation.Pointer, violation.Code));
    }

    [Theory]
    [InlineData("", "")]
    [InlineData(",\"contentInfo\":{}", "")]
    [InlineData(",\"contentType\":\"SKU\"", "")]
    [InlineData(",\"contentInfo\":{\"n\":1}", "")]
    [InlineData(",\"contentType\":\"SKU\",\"contentInfo\":null", ViolationCodes.WrongType)]
    [InlineData(",\"contentType\":\"SKU\",\"contentInfo\":\"{\"", ViolationCodes.MalformedJson)]
    [InlineData(",\"contentType\":\"SKU\",\"contentInfo\":{\"a\":1,\"a\":2}", ViolationCodes.DuplicateMember)]
    [InlineData(",\"contentType\":\"SKU\",\"contentInfo\":{\"a\":\"012345678901234567890\"}", ViolationCodes.TextTooLong)]
    public void Delists_by_id_whatever_contentInfo_is(string more, string warning)
    {
        _options.MaxTextLength = 20;
        var read = Read($$"""{"contentId":"A","contentStatus":0,"revision":3{{more}}}""");
        Assert.True(read.Item!.IsDelistingById);
        Assert.Equal((3L, Delisting.ById("A").Hash), (read.Item.Number, read.Item.Hash));
        string[] expected = warning.Length == 0 ? [] : [WarningCodes.ContentInfoIgnored, warning];
        Assert.Equal(expected, read.Warnings.Select(one => one.Code));
    }

    [Theory]
    [InlineData("""{"contentId":"A","contentStatus":0,"contentType":"sku"}""", ViolationCodes.UnknownContentType)]
    [InlineData("""{"contentId":"A","contentStatus":0,"revision":-1}""", ViolationCodes.InvalidRevision)]
    [InlineData("""{"contentStatus":0}""", ViolationCodes.MissingMember)]
    [InlineData("""{"contentId":"A","contentStatus":0,"x":1}""", ViolationCodes.UnknownMember)]
    public void Refuses_a_delisting_for_any_other_fault(string json, string code) => Assert.Equal(code, SingleViolation(json).Code);

    [Fact]
    public void A_complete_delisted_item_keeps_its_own_content()
    {
        var item = Accepted("""{"contentId":"A","contentType":"SKU","contentStatus":0,"contentInfo":{"n":1}}""");
        Assert.False(item.IsDelistingById);
        Assert.Equal("""{"n":1}""", Info(item));
    }

    [Theory]
    [InlineData(8_193)]
    [InlineData(30_000)]
    public void Accepts_a_long_text_by_default(int characters) => Accepted(Item($$"""{"description":"{{new string('x', characters)}}"}"""));

    [Fact]
    public void Refuses_revision_and_occurredAt_together() => Assert.Equal(
        ViolationCodes.RevisionAndOccurredAt,
        SingleViolation(Item(extra: ",\"revision\":1,\"occurredAt\":\"2026-02-28T12:00:00Z\"")).Code);

    [Fact]
    public void Refuses_a_misspelled_member()
    {
        var violation = SingleViolation(Item(extra: ",\"occuredAt\":{\"deep\":[1,2]}"));
        Assert.Equal(("/occuredAt", ViolationCodes.UnknownMember), (violation.Pointer, violation.Code));
        Assert.Contains("occurredAt", violation.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\\ud800abcdefgh")]
    [InlineData("contentI\\udc00")]
    public void Does_not_throw_for_a_lone_surrogate_in_a_member_name(string name) =>
        Assert.Equal(ViolationCodes.UnknownMember, SingleViolation(Item(extra: $",\"{name}\":1")).Code);

    [Fact]
    public void Escapes_a_member_name_in_the_pointer() =>
        Assert.Equal("/a~1b~0c", SingleViolation(Item(extra: ",\"a/b~c\":1")).Pointer);

    [Fact]
    public void Shows_no_control_or_direction_characters_in_a_message()
    {
        var violation = SingleViolation(Item().Replace("SKU", "\\u202e\\u001b[2J\\u2028", StringComparison.Ordinal));
        Assert.DoesNotContain(violation.Message, c => char.IsControl(c) || c is '\u202E' or '\u2028');
    }

    [Fact]
    public void Refuses_a_repeated_member()
    {
        var violation = SingleViolation(Item(extra: ",\"contentId\":\"b\""));
        Assert.Equal(("/contentId", ViolationCodes.DuplicateMember), (violation.Pointer, violation.Code));
    }

    [Theory]
    [InlineData("""{"x":[0,{"b":1,"a":2,"b":3,"b":4}]}""", "/contentInfo/x/1/b")]
    [InlineData("""{"a":1,"\u0061":2}""", "/contentInfo/a")]
    [InlineData("""{"o":{"z":1,"y":{}},"p~/":{"k":1,"k":1}}""", "/contentInfo/p~0~1/k")]
    public void Finds_repeated_members_anywhere_in_contentInfo(string contentInfo, string pointer)
    {
        foreach (var form in new[] { contentInfo, System.Text.Json.JsonSerializer.Serialize(contentInfo) })
        {
            var violation = SingleViolation(Item(form));
            Assert.Equal((pointer, ViolationCodes.DuplicateMember), (violation.Pointer, violation.Code));
        }
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("\"[1]\"")]
    [InlineData("\"12\"")]
    public void Refuses_a_contentInfo_that_is_not_an_object(string contentInfo)
    {
        var violation = SingleViolation(Item(contentInfo));
        Assert.Equal(("/contentInfo", ViolationCodes.WrongType), (violation.Pointer, violation.Code));
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"{\"")]
    [InlineData("\"{} {}\"")]
    [InlineData("\"{'a':1}\"")]
    [InlineData("\"\\uFEFF{}\"")]
    public void Refuses_a_string_that_does_not_contain_JSON(string contentInfo)
    {
        var violation = SingleViolation(Item(contentInfo));
        Assert.Equal(("/contentInfo", ViolationCodes.MalformedJson), (violation.Pointer, violation.Code));
    }

    [Theory]
    [InlineData("""{"a":["\ud800"]}""", "/contentInfo/a/0")]
    [InlineData("""{"a":"\udc00\ud800"}""", "/contentInfo/a")]
    [InlineData("""{"a":"\ud83dx\ude00"}""", "/contentInfo/a")]
    [InlineData("""{"o":{"\udead":1}}""", "/contentInfo/o")]
    public void Refuses_lone_surrogates(string contentInfo, string pointer)
    {
        var violation = SingleViolation(Item(contentInfo));
        Assert.Equal((pointer, ViolationCodes.LoneSurrogate), (violation.Pointer, violation.Code));
    }

    [Theory]
    [InlineData("", "byte 1")]
    [InlineData("{", "byte 2")]
    [InlineData("{\"contentId\":\"a\",}", "byte 18")]
    [InlineData("{\"contentId\":\"a\"}}", "byte 18")]
    [InlineData("{\n\"contentId\" \"a\"}", "line 2, byte 13")]
    [InlineData("{\"contentId\":NaN}", "byte 14")]
    [InlineData("{/* no */}", "byte 2")]
    public void Says_where_the_JSON_is_malformed(string json, string place)
    {
        var violation = Read(json).Violations.Single(found => found.Code == ViolationCodes.MalformedJson);
        Assert.Contains($"({place})", violation.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("reader options", violation.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_bytes_that_are_not_UTF_8()
    {
        var result = Read([.. "{\"contentId\":\""u8, 0xC3, 0x28, .. "\"}"u8]);
        var violation = Assert.Single(result.Violations);
        Assert.Equal(ViolationCodes.InvalidUtf8, violation.Code);
        Assert.Contains("byte 15 is 0xC3", violation.Message, StringComparison.Ordinal);
        Assert.Equal(ViolationCodes.InvalidUtf8, Assert.Single(Read([0xED, 0xA0, 0x80]).Violations).Code);
    }

    [Fact]
    public void Names_limit_and_size_of_an_item_that_is_too_large()
    {
        _options.MaxItemBytes = 1_000;
        Assert.NotNull(Read(Item().PadRight(1_000)).Item);
        var violation = SingleViolation(Item().PadRight(1_001));
        Assert.Equal(("", ViolationCodes.ItemTooLarge), (violation.Pointer, violation.Code));
        Assert.Contains("1,001 bytes; the limit is 1,000 (MaxItemBytes)", violation.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Names_limit_and_size_of_a_contentInfo_that_is_too_large(bool asString)
    {
        _options.MaxContentInfoBytes = 20;
        string Given(string info) => Item(asString ? System.Text.Json.JsonSerializer.Serialize(info) : info);
        Accepted(Given("{\"a\":\"123456789012\"}"));
        var violation = SingleViolation(Given("{\"a\":\"1234567890123\"}"));
        Assert.Equal(("/contentInfo", ViolationCodes.ContentInfoTooLarge), (violation.Pointer, violation.Code));
        Assert.Contains("21 bytes; the limit is 20", violation.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_limit_and_length_of_a_string_that_is_too_long()
    {
        _options.MaxTextLength = 4;
        Accepted(Item("""{"a":"中文字幕","b":"\ud83d\ude00\ud83d\ude00","c":"\n\n\n\u0041"}"""));
        var result = Read(Item("""{"a":"中文字幕x","b":["\ud83d\ude00\ud83d\ude00\n"],"longer":1}"""));
        Assert.Equal(["/contentInfo/a", "/contentInfo/b/0", "/contentInfo"], result.Violations.Select(violation => violation.Pointer));
        Assert.All(result.Violations, violation => Assert.Equal(ViolationCodes.TextTooLong, violation.Code));
        Assert.Contains("5 characters; the limit is 4 (MaxTextLength)", result.Violations[1].Message, StringComparison.Ordinal);
        Assert.Contains("member name", result.Violations[2].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_limit_and_depth_of_nesting_that_is_too_deep()
    {
        _options.MaxContentInfoDepth = 3;
        Accepted(Item("""{"a":{"b":[1]}}"""));
        var violation = SingleViolation(Item("""{"a":{"b":[1,{"c":[[]]},[]]},"z":{"y":{"x":{}}}}"""));
        Assert.Equal(("/contentInfo/a/b/1", ViolationCodes.ContentInfoTooDeep), (violation.Pointer, violation.Code));
        Assert.Contains("6 levels deep; the limit is 3", violation.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Survives_nesting_of_a_hundred_thousand_levels(bool closed)
    {
        const int Depth = 100_000;
        _options.MaxItemBytes = 1_000_000;
        _options.MaxContentInfoBytes = 1_000_000;
        var arrays = new string('[', Depth) + (closed ? new string(']', Depth) : "");
        var codes = Read(Item($$"""{"a":{{arrays}}}""")).Violations.Select(violation => violation.Code);
        Assert.Equal(closed ? ViolationCodes.ContentInfoTooDeep : ViolationCodes.MalformedJson, Assert.Single(codes));
        Assert.Equal(
            closed ? ViolationCodes.UnknownMember : ViolationCodes.MalformedJson,
            Read(Item(extra: $",\"x\":{arrays}")).Violations[^1].Code);
        Assert.NotEmpty(Read(arrays).Violations);
        Assert.NotEmpty(Read(Item($"\"{{\\\"a\\\":{arrays}}}\"")).Violations);
    }

    [Fact]
    public void Lists_max_100_violations_and_the_number_of_the_others()
    {
        var result = Read(Item(extra: string.Concat(Enumerable.Range(0, 1_000).Select(i => $",\"x{i}\":0"))));
        Assert.Equal(100, result.Violations.Count);
        Assert.Equal(ViolationCodes.MoreViolations, result.Violations[^1].Code);
        Assert.StartsWith("901 more", result.Violations[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Keeps_no_state_from_one_item_to_the_next()
    {
        var reader = new ContentReader(_options, new FakeTimeProvider(Now));
        var first = reader.Read(Encoding.UTF8.GetBytes(Item("""{"b":1,"a":[{"z":1,"z":2}]}""", ",\"revision\":1,\"x\":0")));
        Assert.Equal(2, first.Violations.Count);
        var second = reader.Read(Encoding.UTF8.GetBytes(Item("""{"c":1}""")));
        Assert.Empty(second.Violations);
        Assert.Null(second.Item!.Number);
        Assert.Equal("""{"c":1}""", Info(second.Item));
        Assert.Equal(4, reader.Read("{}"u8).Violations.Count);
        Assert.Null(reader.Read("{}"u8).ContentId);
    }

    [Fact]
    public void Keeps_contentInfo_text_when_other_members_follow_it()
    {
        var item = Accepted("""
            {"contentInfo":"{\"name\":\"first\"}","contentId":"0123456789012345678901234567890","contentType":"SKU","contentStatus":1}
            """);
        Assert.Equal("""{"name":"first"}""", Info(item));
    }

    [Fact]
    public async Task Is_thread_safe()
    {
        var reader = new ContentReader(_options, new FakeTimeProvider(Now));
        await Task.WhenAll(Enumerable.Range(0, 8).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                var info = $$"""{"z":{{worker}},"a":{{i}}}""";
                Assert.Equal(info, Info(reader.Read(Encoding.UTF8.GetBytes(Item(info))).Item!));
            }
        })));
    }
}
