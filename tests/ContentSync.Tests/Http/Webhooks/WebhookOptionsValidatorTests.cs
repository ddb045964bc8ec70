using ContentSync.Http.Webhooks;

namespace ContentSync.Tests.Http.Webhooks;

public sealed class WebhookOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults() => Assert.Empty(Faults(_ => { }));

    [Theory]
    [InlineData(23, false)]
    [InlineData(24, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void Accepts_secrets_of_24_to_64_bytes(int bytes, bool isValid) =>
        Assert.Equal(isValid, Faults(options => options.Secrets.Add(Convert.ToBase64String(new byte[bytes]))).Length == 0);

    [Fact]
    public void Names_an_invalid_secret_by_its_position_and_does_not_reveal_it()
    {
        var fault = Assert.Single(Faults(options =>
        {
            options.Secrets.Add("whsec_" + Convert.ToBase64String(new byte[24]));
            options.Secrets.Add("hunter2");
        }));
        Assert.StartsWith("Webhook:Secrets:1 is not a webhook secret.", fault, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Requires_a_positive_tolerance() =>
        Assert.Equal("Webhook:Tolerance must be positive.", Assert.Single(Faults(options => options.Tolerance = TimeSpan.Zero)));

    private static string[] Faults(Action<WebhookOptions> change)
    {
        var options = new WebhookOptions();
        change(options);
        return [.. WebhookOptionsValidator.Faults(options)];
    }
}
