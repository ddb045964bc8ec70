using ContentSync.Notifications;

namespace ContentSync.Tests.Notifications;

public sealed class NotificationOptionsValidatorTests
{
    [Fact]
    public void Accepts_the_defaults_https_and_http_on_loopback() => Assert.Empty(
        new[] { new NotificationOptions(), Receiver.Options(), Receiver.Options(new Uri("http://127.0.0.1:5000/hook")) }
            .SelectMany(NotificationOptionsValidator.Faults));

    [Theory]
    [InlineData("http://alerts.example/hook")]
    [InlineData("ftp://alerts.example")]
    [InlineData("https://user:geheim@alerts.example")]
    [InlineData("/hook")]
    [InlineData(null)]
    public void Refuses_an_address_that_would_not_be_safe_and_does_not_repeat_it(string? address)
    {
        var options = new NotificationOptions
        {
            Receivers = { new() { Address = address is null ? null : new Uri(address, UriKind.RelativeOrAbsolute), Secret = Receiver.Secret } },
        };
        var fault = Assert.Single(NotificationOptionsValidator.Faults(options));
        Assert.StartsWith("Notifications:Receivers:0:Address is missing or wrong. It must be an https address", fault, StringComparison.Ordinal);
        Assert.DoesNotContain("geheim", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_every_fault_and_no_secret()
    {
        var options = new NotificationOptions { Source = "", ResyncOverdueHours = -1, Receivers = { new() { Address = Receiver.Address, Secret = "short secret" } } };
        string[] faults = [.. NotificationOptionsValidator.Faults(options)];
        Assert.Equal(["Receivers:0:Secret", "Source", "ResyncOverdueHours"], faults.Select(fault => fault.Split(' ')[0]["Notifications:".Length..]));
        Assert.DoesNotContain(faults, fault => fault.Contains("short secret", StringComparison.Ordinal));
        for (var i = 0; i < NotificationOptions.MaxReceivers; i++) options.Receivers.Add(Receiver.Options().Receivers[0]);
        Assert.Contains(NotificationOptionsValidator.Faults(options), fault => fault.Contains("at most 10", StringComparison.Ordinal));
    }
}
