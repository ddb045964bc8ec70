using System.Text;
using ContentSync.Content;

namespace ContentSync.Tests.Content;

public sealed class ContentIdWarningTests
{
    [Theory]
    [InlineData("A-1", "")]
    [InlineData("a b/c%d", "")]
    [InlineData("手搖飲-がぎ", "")]
    [InlineData(" A", WarningCodes.SurroundingBlanks)]
    [InlineData("A\u3000", WarningCodes.SurroundingBlanks)]
    [InlineData("A\u00A0", WarningCodes.SurroundingBlanks)]
    [InlineData("A\u200BB", WarningCodes.InvisibleCharacter)]
    [InlineData("A\uFEFF", WarningCodes.InvisibleCharacter)]
    [InlineData("A\u202EB", WarningCodes.InvisibleCharacter)]
    [InlineData("A\u3164", WarningCodes.InvisibleCharacter)]
    [InlineData("A\uFE0F", WarningCodes.InvisibleCharacter)]
    [InlineData("\u2028A", WarningCodes.InvisibleCharacter + "," + WarningCodes.SurroundingBlanks)]
    public void Warns_about_an_id_that_does_not_look_like_what_it_is(string contentId, string codes)
    {
        var read = Read(contentId);
        Assert.Equal(contentId, read.Item!.ContentId);
        Assert.Equal(codes, string.Join(',', read.Warnings.Select(warning => warning.Code)));
        Assert.All(read.Warnings, warning => Assert.Equal("/contentId", warning.Pointer));
    }

    [Theory]
    [InlineData("A-1", "a-1", true)]
    [InlineData("É", "e\u0301", true)]
    [InlineData("é", "E\u0301", true)]
    [InlineData("é", "e", false)]
    [InlineData("が", "か\u3099", true)]
    [InlineData("한", "\u1112\u1161\u11AB", true)]
    [InlineData("A1", "Ａ１", true)]
    [InlineData("ｶﾞ", "ガ", true)]
    [InlineData("ệ", "e\u0323\u0302", true)]
    [InlineData("樂", "\uF914", true)]
    [InlineData("樂", "楽", false)]
    [InlineData("A-1", "A-1", false)]
    [InlineData("A-1", "A_1", false)]
    public void Warns_about_ids_that_differ_only_in_case_or_normalization(string first, string second, bool warns)
    {
        var ids = new SimilarContentIds();
        Assert.Empty(ids.Examine(Read(first)).Warnings);
        var warnings = ids.Examine(Read(second)).Warnings;
        Assert.Equal(warns, warnings.Any(warning => warning.Code == WarningCodes.SimilarContentId));
    }

    [Fact]
    public void Remembers_a_bounded_number_of_ids()
    {
        var ids = new SimilarContentIds();
        for (var i = 0; i <= SimilarContentIds.MaxIds; i++) ids.Examine(Read($"a{i}"));
        Assert.NotEmpty(ids.Examine(Read("A0")).Warnings);
        Assert.Empty(ids.Examine(Read($"A{SimilarContentIds.MaxIds}")).Warnings);
    }

    private static ContentReadResult Read(string contentId) =>
        new ContentReader(new ContentOptions(), TimeProvider.System).Read(Encoding.UTF8.GetBytes(Http.ApiHarness.Item(contentId)));
}
