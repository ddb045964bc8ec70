using ContentSync.Content;
using ContentSync.Http.Webhooks;
using ContentSync.Local;
using ContentSync.Local.Pipeline;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Local.Pipeline;

[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class LocalSettingsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Are_the_defaults_of_the_library_unless_an_option_says_otherwise()
    {
        var settings = LocalSettings.Read(DataDirectory.Open(_folder), new LocalOptions());
        Assert.Equal(new ContentOptions().ContentTypes, settings.Content.ContentTypes);
        Assert.Equal(new ContentOptions().MaxContentInfoBytes, settings.Content.MaxContentInfoBytes);
    }

    [Theory]
    [InlineData("https://open.example.com", null, 25)]
    [InlineData("http://localhost:7072", null, 25)]
    [InlineData(null, null, 2)]
    [InlineData("https://open.example.com", 40, 40)]
    [InlineData(null, 0, 0)]
    public void The_late_effect_window_covers_the_AlipayHK_that_is_used(string? gateway, int? option, int expected)
    {
        var options = new LocalOptions
        {
            Gateway = gateway is null ? null : new Uri(gateway),
            LateEffectWindow = option is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };
        Assert.Equal(TimeSpan.FromSeconds(expected), LocalSettings.Read(DataDirectory.Open(_folder), options).Recoverability.LateEffectWindow);
    }

    [Fact]
    public void A_person_sees_a_signed_failure_end_within_minutes_and_an_outage_of_hours_parks_nothing()
    {
        var settings = LocalSettings.RecoverabilityOf(new LocalOptions { Gateway = new Uri("https://open.example.com") });
        Assert.True(Delays(settings.MaxAttempts) < TimeSpan.FromMinutes(5));
        var unsigned = RecoverabilityPolicy.MaxAttemptsWithoutSignedResponse(settings);
        Assert.True(Delays(unsigned) / 2 > TimeSpan.FromHours(24), "The mean delays of the attempts without a signed response last a day.");

        TimeSpan Delays(int attempts) => Enumerable.Range(1, attempts - 1)
            .Aggregate(TimeSpan.Zero, (sum, attempt) => sum + settings.BackOff[Math.Min(attempt, settings.BackOff.Count) - 1]);
    }

    [Fact]
    public async Task One_message_lists_every_fault_by_its_option_before_anything_starts()
    {
        var options = new LocalOptions
        {
            Data = _folder,
            Gateway = new Uri("http://gateway.example"),
            ClientId = "a b",
            Rate = 0.01,
            Webhook = new WebhookOptions { Secrets = { "short" } },
        };
        var refused = await Assert.ThrowsAsync<CommandException>(() =>
            LocalPipeline.OpenAsync(options, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance, default));
        Assert.Equal(ExitCodes.Unusable, refused.ExitCode);
        var lines = refused.Message.Split(Environment.NewLine);
        Assert.Equal("The app cannot start: 4 of its settings are missing or wrong.", lines[0]);
        Assert.Equal(["--gateway", "--client-id", "--rate", "--webhook-secret"], lines.Skip(1).Select(line => line.Split(' ')[1]));
        Assert.False(File.Exists(DataDirectory.Open(_folder).LedgerFile));
    }

    [Fact]
    public void AlipayHK_may_have_two_keys_during_a_rotation_and_a_fault_says_in_which_it_is()
    {
        var data = DataDirectory.Open(_folder);
        using var key = System.Security.Cryptography.RSA.Create(2048);
        var file = Path.Combine(_folder, "new.pem");
        File.WriteAllText(file, key.ExportSubjectPublicKeyInfoPem());
        var options = new LocalOptions { AlipayHkKeys = [new AlipayHkKeyFile(null, "1"), new AlipayHkKeyFile(file, "2")] };
        Assert.Equal(["1", "2"], LocalSettings.Read(data, options).AlipayHk.PublicKeys.Select(known => known.KeyVersion));

        File.WriteAllText(file, "no key");
        var refused = Assert.Throws<CommandException>(() => LocalSettings.Read(data, options));
        Assert.Contains("--alipayhk-key (number 2)", refused.Message, StringComparison.Ordinal);
    }
}
