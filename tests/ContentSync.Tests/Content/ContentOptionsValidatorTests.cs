using ContentSync.Content;

namespace ContentSync.Tests.Content;

public sealed class ContentOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults() => Assert.Empty(Faults(_ => { }));

    [Fact]
    public void Names_each_setting_that_is_out_of_range()
    {
        AssertFault("Content:ContentTypes must hold", options => options.ContentTypes.Clear());
        AssertFault("Content:ContentTypes must hold", options => options.ContentTypes.Add(" "));
        AssertFault("Content:MaxContentIdLength must be from 1 to 102.", options => options.MaxContentIdLength = 0);
        AssertFault("Content:MaxContentIdLength must be from 1 to 102.", options => options.MaxContentIdLength = 103);
        AssertFault("Content:MaxContentInfoBytes must be from 2 to 122880", options => options.MaxContentInfoBytes = 1);
        AssertFault("Content:MaxContentInfoBytes must be from 2 to 122880", options => options.MaxContentInfoBytes = 122_881);
        AssertFault("Content:MaxContentInfoDepth must be from 1 to 64.", options => options.MaxContentInfoDepth = 0);
        AssertFault("Content:MaxContentInfoDepth must be from 1 to 64.", options => options.MaxContentInfoDepth = 65);
        AssertFault("Content:MaxTextLength must be at least 1.", options => options.MaxTextLength = 0);
        AssertFault(
            "Content:MaxItemBytes must be more than Content:MaxContentInfoBytes.",
            options => options.MaxItemBytes = options.MaxContentInfoBytes);
        AssertFault("Content:RefusedVersions must be Keep or Delist.", options => options.RefusedVersions = (RefusedVersionPolicy)2);
    }

    [Fact]
    public void Accepts_the_largest_id_and_body_that_fit_into_the_ledger() => Assert.Empty(Faults(options =>
    {
        options.MaxContentIdLength = ContentOptions.ContentIdLengthLimit;
        options.MaxContentInfoBytes = ContentOptions.ContentInfoBytesLimit;
    }));

    private static void AssertFault(string expected, Action<ContentOptions> change) =>
        Assert.StartsWith(expected, Assert.Single(Faults(change)), StringComparison.Ordinal);

    private static string[] Faults(Action<ContentOptions> change)
    {
        var options = new ContentOptions();
        change(options);
        return [.. ContentOptionsValidator.Faults(options)];
    }
}
