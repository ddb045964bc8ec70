using System.Text;
using System.Text.Json;
using ContentSync.AlipayHk;
using ContentSync.Content;
using CsCheck;

namespace ContentSync.Tests.AlipayHk;

public sealed class SynchronizeRequestTests
{
    private const string RequestId = "0123456789abcdef0123456789abcdef";

    [Fact]
    public void Writes_the_five_fields_with_requestId_first()
    {
        var item = FakeAlipayHk.Item("""{"name":"凍檸茶","note":"a+b<c>&'d'"}""");
        const string expected = "{\"requestId\":\"0123456789abcdef0123456789abcdef\",\"contentId\":\"TEA-1\",\"contentType\":\"SKU\","
            + "\"contentStatus\":1,\"contentInfo\":\"{\\\"name\\\":\\\"凍檸茶\\\",\\\"note\\\":\\\"a+b<c>&'d'\\\"}\"}";
        Assert.Equal(expected, Encoding.UTF8.GetString(SynchronizeRequest.Prepare(item, RequestId).Span));
    }

    [Fact]
    public void Writes_the_status_of_a_delisted_item_as_the_number_0()
    {
        var body = SynchronizeRequest.Prepare(FakeAlipayHk.Item() with { ContentStatus = ContentStatus.Invalid }, RequestId);
        var status = JsonDocument.Parse(body).RootElement.GetProperty("contentStatus");
        Assert.Equal(JsonValueKind.Number, status.ValueKind);
        Assert.Equal(0, status.GetInt32());
    }

    [Fact]
    public void Preserves_every_character_of_contentInfo_and_contentId() => Gen.String.Sample(text =>
    {
        if (text.EnumerateRunes().Any(rune => rune == Rune.ReplacementChar)) return true;
        var body = SynchronizeRequest.Prepare(FakeAlipayHk.Item(text) with { ContentId = text }, RequestId);
        var root = JsonDocument.Parse(body).RootElement;
        return root.GetProperty("contentInfo").GetString() == text && root.GetProperty("contentId").GetString() == text;
    });

    [Fact]
    public void Preserves_emoji_and_escapes_in_contentInfo()
    {
        const string info = "{\"name\":\"夜場 🎬 \\u4e2d \\\"quoted\\\" \\\\ tab\\t\"}";
        var body = SynchronizeRequest.Prepare(FakeAlipayHk.Item(info), RequestId);
        Assert.Equal(info, JsonDocument.Parse(body).RootElement.GetProperty("contentInfo").GetString());
    }

    [Fact]
    public void Replaces_the_requestId_in_a_copy_and_changes_no_other_byte()
    {
        var body = SynchronizeRequest.Prepare(FakeAlipayHk.Item(), RequestId);
        var before = Encoding.UTF8.GetString(body.Span);
        var patched = SynchronizeRequest.WithRequestId(body, "ffffffffffffffffffffffffffffffff");
        var expected = before.Replace(RequestId, "ffffffffffffffffffffffffffffffff", StringComparison.Ordinal);
        Assert.Equal(expected, Encoding.UTF8.GetString(patched.Span));
        Assert.Equal(before, Encoding.UTF8.GetString(body.Span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"contentId":"0123456789abcdef0123456789abcdef"}""")]
    [InlineData("""{"requestId":"short"}""")]
    [InlineData("""{"requestId":"0123456789abcdef0123456789abcdef+longer"}""")]
    public void Does_not_change_a_body_that_Prepare_did_not_create(string body) =>
        Assert.Throws<ArgumentException>(() => SynchronizeRequest.WithRequestId(Encoding.UTF8.GetBytes(body), RequestId));

    [Theory]
    [InlineData("")]
    [InlineData("0123456789abcdef0123456789abcde")]
    [InlineData("01234567-89ab-cdef-0123-456789abcdef")]
    [InlineData("\"123456789abcdef0123456789abcdef")]
    public void Refuses_a_requestId_that_is_not_32_hex_digits(string requestId) =>
        Assert.Throws<ArgumentException>(() => SynchronizeRequest.Prepare(FakeAlipayHk.Item(), requestId));

    [Fact]
    public void Creates_distinct_request_ids_of_32_lower_case_hex_digits()
    {
        var source = new RequestIdSource();
        var ids = Enumerable.Range(0, 100).Select(_ => source.Create()).ToList();
        Assert.All(ids, id => Assert.Matches("^[0-9a-f]{32}$", id));
        Assert.Equal(100, ids.Distinct().Count());
    }
}
