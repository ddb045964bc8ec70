namespace ContentSync.Tests;

public sealed class WordingTests
{
    [Theory]
    [InlineData(0, "0 items are parked")]
    [InlineData(1, "1 item is parked")]
    [InlineData(2_000, "2,000 items are parked")]
    public void A_count_agrees_with_its_noun_and_verb(long count, string expected) =>
        Assert.Equal(expected, $"{Wording.Count(count, "item is", "items are")} parked");

    [Fact]
    public void A_noun_gets_an_s_by_itself() => Assert.Equal("2 lines", Wording.Count(2, "line"));

    [Theory]
    [InlineData("signature does not match", "signature does not match.")]
    [InlineData("It failed. ", "It failed.")]
    [InlineData("系統繁忙。", "系統繁忙。")]
    [InlineData("", "")]
    public void A_text_from_elsewhere_ends_like_a_sentence(string text, string expected) => Assert.Equal(expected, Wording.Sentence(text));
}
