using System.Text;
using ContentSync.AlipayHk;
using CsCheck;

namespace ContentSync.Tests.AlipayHk;

public sealed class SynchronizeResponseTests
{
    [Theory]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"fine"}}""")]
    [InlineData("""{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"fine"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMsg":"fine"}}""")]
    [InlineData("""
        { "extra": [1, {"resultInfo": 2}],
          "result": {"resultMsg":"fine", "more": {"resultCode":"X"}, "resultStatus":"S","resultCode":"SUCCESS"}, "last": null }
        """)]
    [InlineData("""
        {"result":{"resultCode":"OTHER","resultStatus":"F"},
         "resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"fine"}}
        """)]
    [InlineData("""{"result":null,"resultInfo":{"resultCode":"SUCCE\u0053S","resultStatus":"\u0053","resultMessage":"fine"}}""")]
    public void Reads_every_variant_of_the_envelope(string json)
    {
        Assert.True(Read(json, out var response, out var problem), problem);
        Assert.Equal(new SynchronizeResponse("SUCCESS", "S", "fine", null, null), response);
    }

    [Fact]
    public void Keeps_the_template_members_verbatim()
    {
        const string json = """{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateCode":"T1","templateStatus":"closed"}""";
        Assert.True(Read(json, out var response, out _));
        Assert.Equal(new SynchronizeResponse("SUCCESS", "S", "", "T1", "closed"), response);
    }

    [Fact]
    public void Keeps_an_unknown_status()
    {
        Assert.True(Read("""{"result":{"resultCode":"X","resultStatus":"A"}}""", out var response, out _));
        Assert.Equal("A", response.ResultStatus);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("OK", "not JSON")]
    [InlineData("<html></html>", "not JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("\"SUCCESS\"", "not a JSON object")]
    [InlineData("{}", "neither resultInfo nor result")]
    [InlineData("""{"resultInfo":"SUCCESS"}""", "neither resultInfo nor result")]
    [InlineData("""{"resultInfo":{}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS"}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":""}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":1}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultStatus":"S"}}""", "no resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":null,"resultStatus":"S"}}""", "no resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":"A","resultCode":"SUCCESS","resultStatus":"S"}}""", "repeats a member")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"F","resultStatus":"S"}}""", "repeats a member")]
    [InlineData(
        """{"resultInfo":{"resultCode":"A","resultStatus":"F"},"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""",
        "repeats a member")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}""", "not JSON")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}} trailing""", "not JSON")]
    [InlineData("""{"resultInfo":{"resultCode":"\ud83d","resultStatus":"S"}}""", "not valid Unicode")]
    public void Says_why_a_body_is_not_a_response(string json, string expected)
    {
        Assert.False(Read(json, out _, out var problem));
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_a_code_that_is_too_long()
    {
        Assert.False(Read(FakeAlipayHk.Result(new string('X', 129), "F"), out _, out var problem));
        Assert.Contains("longer than 128", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Refuses_bytes_that_are_not_UTF_8()
    {
        byte[] json = [.. "{\"resultInfo\":{\"resultStatus\":\"S\",\"resultCode\":\""u8, 0xff, 0xfe, .. "\"}}"u8];
        Assert.False(SynchronizeResponse.TryRead(json, out _, out _));
    }

    [Fact]
    public void Never_throws_on_hostile_bytes()
    {
        var valid = Encoding.UTF8.GetBytes(FakeAlipayHk.SuccessJson);
        Gen.Select(Gen.Int[0, valid.Length - 1], Gen.Byte, Gen.Int[0, valid.Length]).Sample((at, value, length) =>
        {
            var bytes = valid.ToArray();
            bytes[at] = value;
            SynchronizeResponse.TryRead(bytes.AsSpan(0, length), out _, out var problem);
            return length == valid.Length || problem.Length > 0;
        });
    }

    private static bool Read(string json, out SynchronizeResponse response, out string problem) =>
        SynchronizeResponse.TryRead(Encoding.UTF8.GetBytes(json), out response, out problem);
}
