using ContentSync.Http;

namespace ContentSync.Tests.Http;

public sealed class ApiOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults() => Assert.Empty(Faults(_ => { }));

    [Fact]
    public void Names_each_setting_that_is_out_of_range()
    {
        AssertFault("Api:ContinuationSecret must have at least 16 characters.", options => options.ContinuationSecret = "fifteen letters");
    }

    private static void AssertFault(string expected, Action<ApiOptions> change) =>
        Assert.StartsWith(expected, Assert.Single(Faults(change)), StringComparison.Ordinal);

    private static string[] Faults(Action<ApiOptions> change)
    {
        var options = new ApiOptions();
        change(options);
        return [.. ApiOptionsValidator.Faults(options)];
    }
}
