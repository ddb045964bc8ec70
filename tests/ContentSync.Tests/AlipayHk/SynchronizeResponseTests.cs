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
    [InlineData("""{"result\u0049nfo":{"resultCode":"SUCCE\u0053S","resultStatus":"\u0053","resultMessage":"fine"}}""")]
    [InlineData("""{"result":{"resultCode":"SUCCESS","resultStatus":"S","resultMsg":"fine"},"templateCode":null,"templateStatus":null}""")]
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
    [InlineData("""{"resultInfo":"SUCCESS"}""", "resultInfo or result is not an object")]
    [InlineData("""{"result":null}""", "resultInfo or result is not an object")]
    [InlineData("""{"resultInfo":{}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS"}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":""}}""", "no resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":1}}""", "resultStatus is not a string")]
    [InlineData("""{"resultInfo":{"resultStatus":"S"}}""", "no resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":null,"resultStatus":"S"}}""", "no resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}""", "not JSON")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}} trailing""", "not JSON")]
    [InlineData("""{"resultInfo":{"resultCode":"\ud83d","resultStatus":"S"}}""", "not valid Unicode")]
    public void Says_why_a_body_is_not_a_response(string json, string expected)
    {
        Assert.False(Read(json, out _, out var problem));
        Assert.Contains(expected, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"result":{"resultCode":"PROCESS_FAIL","resultStatus":"F"}}""")]
    [InlineData("""{"result":{"resultCode":"PROCESS_FAIL","resultStatus":"F"},"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""")]
    [InlineData("""{"result":{"resultCode":"SUCCESS","resultStatus":"S"},"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"A","resultStatus":"F"},"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"A","resultStatus":"F"},"result\u0049nfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""")]
    [InlineData("""{"result":null,"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"resultInfo":null}""")]
    [InlineData("""{"result":"F","resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"}}""")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"result":0}""")]
    public void Refuses_more_than_one_result(string json) => AssertProblem("it has more than one resultInfo or result", json);

    [Theory]
    [InlineData("""{"resultInfo":{"resultCode":"A","resultCode":"SUCCESS","resultStatus":"S"}}""", "resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":7,"resultCode":"SUCCESS","resultStatus":"S"}}""", "resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultCode":null,"resultStatus":"S"}}""", "resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultCode":"SUCCESS","resultStatus":"S"}}""", "resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"F","resultStatus":"S"}}""", "resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":null,"resultStatus":"S"}}""", "resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultStatus":{"a":1}}}""", "resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":"a","resultMsg":"b"}}""", "resultMessage or resultMsg")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateCode":"A","templateCode":"B"}""", "templateCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateStatus":"valid","templateStatus":null}""", "templateStatus")]
    public void Refuses_a_repeated_member(string json, string member) => AssertProblem($"it repeats its {member}", json);

    [Theory]
    [InlineData("""{"resultInfo":{"resultCode":200,"resultStatus":"S"}}""", "resultCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":["S"]}}""", "resultStatus")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S","resultMessage":{"a":"b"}}}""", "resultMessage or resultMsg")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateCode":5}""", "templateCode")]
    [InlineData("""{"resultInfo":{"resultCode":"SUCCESS","resultStatus":"S"},"templateStatus":true}""", "templateStatus")]
    public void Refuses_a_member_that_is_not_text(string json, string member) => AssertProblem($"its {member} is not a string", json);

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

    private static void AssertProblem(string expected, string json)
    {
        Assert.False(Read(json, out _, out var problem));
        Assert.Equal(expected, problem);
    }

    private static bool Read(string json, out SynchronizeResponse response, out string problem) =>
        SynchronizeResponse.TryRead(Encoding.UTF8.GetBytes(json), out response, out problem);
}
