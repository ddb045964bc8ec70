using System.Text;
using System.Text.Json;
using ContentSync.Content;

namespace ContentSync.Tests.Content;

public sealed class JsonFaultTests
{
    [Theory]
    [InlineData("", "(byte 1): it is empty.")]
    [InlineData(" \n ", "it is empty.")]
    [InlineData("hello", "(byte 1): 'h' cannot stand here.")]
    [InlineData("{\n  \"a\": 1,\n  }", "(line 3, byte 3): '}' cannot stand here.")]
    [InlineData("{\"a\":\u200b1}", "(byte 6): '\\u200B' cannot stand here.")]
    [InlineData("{\"a\":1", "it ends before a string, an object or an array does.")]
    [InlineData("{\"a\":\"b", "it ends before a string, an object or an array does.")]
    [InlineData("{\"a\":true} x", "'x' cannot stand here.")]
    public void Names_the_place_and_what_stands_there(string text, string expected)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var fault = Assert.ThrowsAny<JsonException>(() => JsonDocument.Parse(bytes).Dispose());

        Assert.EndsWith(expected, JsonFault.Of(bytes, fault), StringComparison.Ordinal);
    }

    [Fact]
    public void An_item_s_fault_is_told_without_words_of_the_reader()
    {
        var violation = Assert.Single(new ContentReader(new ContentOptions(), TimeProvider.System).Read("{\"contentId\":"u8).Violations);

        Assert.Equal("The item is not valid JSON (byte 14): it ends before a string, an object or an array does.", violation.Message);
    }
}
