using System.Text.Json;
using ContentSync.Functions;
using Microsoft.Extensions.Configuration;

namespace ContentSync.Tests.Functions;

public sealed class HostSettingsTests
{
    private static readonly string[] RequiredNames =
    [
        "AlipayHk__BaseAddress",
        "AlipayHk__ClientId",
        "AlipayHk__PublicKeys__0__PublicKey",
        "Signing__Keys__0__KeyId",
        "Signing__Keys__0__KeyVersion",
        "Ledger__TableEndpoint",
        "ContentQueue",
        "ResyncQueue",
        "ServiceBus__fullyQualifiedNamespace",
        "ResyncSchedule",
        "SweepSchedule",
        "Resync__StateContainerUri",
    ];

    public static TheoryData<string> Required => [.. RequiredNames];

    [Fact]
    public void The_required_settings_are_sufficient() => Assert.Equal("content", Read(TestHost.Settings()).Queues.Content);

    [Fact]
    public void Without_any_settings_one_message_lists_all_that_are_missing()
    {
        var e = Assert.Throws<InvalidSettingsException>(() => Read([]));
        Assert.StartsWith($"The app cannot start: {e.Faults.Count} of its settings are missing or wrong.", e.Message, StringComparison.Ordinal);
        Assert.All(
            RequiredNames.Select(name => name.Replace("PublicKeys__0__PublicKey", "PublicKeys", StringComparison.Ordinal)).Where(name => name != "Signing__Keys__0__KeyVersion"),
            name => Assert.Contains(name, e.Message, StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Required))]
    public void A_missing_required_setting_is_named_in_app_setting_notation(string setting)
    {
        var settings = TestHost.Settings();
        Assert.True(settings.Remove(setting.Replace("__", ":", StringComparison.Ordinal)));
        var fault = Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults);
        Assert.Contains(setting, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AlipayHk__BaseAddress", "http://gateway.example")]
    [InlineData("Signing__Keys__0__KeyId", "https://vault.example/keys/signing")]
    [InlineData("Signing__Keys__0__KeyId", "https://vault.example/secrets/signing/0123")]
    [InlineData("Signing__Keys__0__KeyId", "http://vault.example/keys/signing/0123")]
    [InlineData("Signing__Keys__0__KeyVersion", "1,2")]
    [InlineData("Signing__NetworkTimeout", "00:00:07.5")]
    [InlineData("Signing__NetworkTimeout", "soon")]
    [InlineData("Signing__SignaturesPerSecond", "0")]
    [InlineData("Ledger__TableEndpoint", "http://account.table.core.windows.net")]
    [InlineData("Ledger__TableEndpoint", "https://account.table.core.windows.net/?sv=2024&sig=abc")]
    [InlineData("Ledger__TableName", "sync-records")]
    [InlineData("ServiceBus__fullyQualifiedNamespace", "sb://namespace.servicebus.windows.net")]
    [InlineData("SweepSchedule", "*/5 * * * *")]
    [InlineData("ResyncSchedule", "daily")]
    [InlineData("ResyncSchedule", "0 0 25 * * *")]
    [InlineData("SweepSchedule", "0 */5 * * * * *")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "my-insights")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "InstrumentationKey=11111111-2222-3333-4444-555555555555;IngestionEndpoint=insights.example")]
    [InlineData("APPLICATIONINSIGHTS_CONNECTION_STRING", "IngestionEndpoint=https://insights.example/")]
    [InlineData("Catalog__ContainerUri", "http://account.blob.core.windows.net/catalog")]
    [InlineData("Catalog__ContainerUri", "https://account.blob.core.windows.net/catalog?sig=abc")]
    [InlineData("Catalog__ContainerUri", "https://account.blob.core.windows.net")]
    [InlineData("Resync__StateContainerUri", "https://account.blob.core.windows.net/")]
    [InlineData("Resync__LaneTableName", "lanes-1")]
    [InlineData("Resync__LaneTableName", "SyncRecords")]
    [InlineData("Resync__MaxDelistShare", "10")]
    [InlineData("Resync__MaxShrinkShare", "-0.1")]
    [InlineData("Resync__Lanes", "0")]
    [InlineData("Resync__Lanes", "1001")]
    [InlineData("Resync__ItemsPerPack", "201")]
    [InlineData("Resync__InFlightPerLane", "0")]
    [InlineData("Resync__SendsPerSecond", "-1")]
    [InlineData("Resync__SendsPerSecond", "NaN")]
    [InlineData("Resync__ReservedShare", "1")]
    [InlineData("Resync__MaxWaitingPacks", "0")]
    [InlineData("Content__MaxContentInfoBytes", "125000")]
    [InlineData("Content__MaxContentIdLength", "500")]
    [InlineData("Content__MaxItemBytes", "many")]
    [InlineData("Recoverability__LeaseDuration", "00:00:30")]
    [InlineData("Recoverability__LeaseDuration", "00:00:50")]
    [InlineData("Recoverability__MaxAttempts", "0")]
    [InlineData("Recoverability__BreakerThreshold", "8")]
    [InlineData("AZURE_CLIENT_ID", "my-identity")]
    public void An_invalid_value_causes_one_fault_that_names_the_setting(string setting, string value)
    {
        var settings = TestHost.Settings();
        settings[setting.Replace("__", ":", StringComparison.Ordinal)] = value;
        var fault = Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults);
        Assert.StartsWith(setting, fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Recoverability__MaxAttemps", "Recoverability__MaxAttempts")]
    [InlineData("Signing__Keys__0__KeyVersoin", "Signing__Keys__0__KeyVersion")]
    [InlineData("AlipayHk__Encryption__Enable", "AlipayHk__Encryption__Enabled")]
    [InlineData("ServiceBus__fullyQualifiedNamespaces", "ServiceBus__FullyQualifiedNamespace")]
    [InlineData("Recoverabilty__MaxAttempts", "Recoverability__MaxAttempts")]
    [InlineData("AZURE_CLIENTID", "AZURE_CLIENT_ID")]
    [InlineData("APPLICATIONINSIGHT_CONNECTION_STRING", "APPLICATIONINSIGHTS_CONNECTION_STRING")]
    public void The_fault_for_a_misspelled_name_suggests_the_closest_match(string misspelled, string suggestion)
    {
        var settings = TestHost.Settings();
        settings[misspelled.Replace("__", ":", StringComparison.Ordinal)] = "3";
        Assert.Equal(
            $"{misspelled} is not a setting. Did you mean {suggestion}?",
            Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults));
    }

    [Fact]
    public void The_fault_for_an_unknown_name_lists_the_names_of_its_section()
    {
        var settings = TestHost.Settings();
        settings["Ledger:Packs"] = "packs";
        Assert.Equal("Ledger__Packs is not a setting. Ledger has IndexStep, TableEndpoint, TableName.", Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults));
    }

    [Theory]
    [InlineData("AzureWebJobsStorage__accountName")]
    [InlineData("Logging__LogLevel__Default")]
    [InlineData("ServiceBus__credential")]
    [InlineData("APPLICATIONINSIGHTS_AUTHENTICATION_STRING")]
    [InlineData("PATH")]
    public void Settings_of_the_platform_are_ignored(string name)
    {
        var settings = TestHost.Settings();
        settings[name.Replace("__", ":", StringComparison.Ordinal)] = "value";
        Assert.NotNull(Read(settings));
    }

    [Theory]
    [InlineData("Queues__Content", "ContentQueue")]
    [InlineData("Queues__Resync", "ResyncQueue")]
    [InlineData("Schedules__Resync", "ResyncSchedule")]
    [InlineData("Schedules__Sweep", "SweepSchedule")]
    public void The_fault_for_a_former_name_gives_the_new_one(string formerly, string setting)
    {
        var settings = TestHost.Settings();
        settings.Remove(setting, out var value);
        settings[formerly.Replace("__", ":", StringComparison.Ordinal)] = value;
        var fault = Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults);
        Assert.StartsWith($"{formerly} is now {setting}.", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void Queues_and_schedules_come_from_the_settings_that_the_triggers_name()
    {
        var settings = Read(TestHost.Settings());
        Assert.Equal(
            [("%ContentQueue%", "content"), ("%ResyncQueue%", "content-resync"), ("%ResyncSchedule%", "0 0 19 * * *"),
                ("%SweepSchedule%", "0 */5 * * * *")],
            new[]
            {
                (QueueOptions.ContentBinding, settings.Queues.Content), (QueueOptions.ResyncBinding, settings.Queues.Resync),
                (ScheduleOptions.ResyncBinding, settings.Schedules.Resync), (ScheduleOptions.SweepBinding, settings.Schedules.Sweep),
            });
    }

    [Fact]
    public void The_app_starts_without_an_unresolved_webhook_secret_and_reports_its_name()
    {
        const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        var settings = TestHost.Settings();
        settings["Webhook:Secrets:0"] = "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/webhook-pim)";
        settings["Webhook:Secrets:1"] = Secret;
        var read = Read(settings);
        Assert.Equal([Secret], read.Webhook.Secrets);
        Assert.Equal(["Webhook__Secrets__0"], read.UnresolvedWebhookSecrets);
    }

    [Fact]
    public void A_receiver_of_notifications_is_left_out_if_Azure_did_not_resolve_its_secret_and_validated_otherwise()
    {
        const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        var settings = TestHost.Settings();
        settings["Notifications:Receivers:0:Address"] = "https://alerts.example/a";
        settings["Notifications:Receivers:0:Secret"] = "@Microsoft.KeyVault(SecretUri=https://vault.example/secrets/notify)";
        settings["Notifications:Receivers:1:Address"] = "https://alerts.example/b";
        settings["Notifications:Receivers:1:Secret"] = Secret;
        var read = Read(settings);
        Assert.Equal("https://alerts.example/b", Assert.Single(read.Options.Notifications.Receivers).Address!.AbsoluteUri);
        Assert.Equal(["Notifications__Receivers__0__Secret"], read.UnresolvedNotificationSecrets);

        settings["Notifications:Receivers:1:Secret"] = "short";
        settings["Notifications:Receivers:1:Url"] = "https://alerts.example";
        var faults = Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults;
        Assert.Contains(faults, fault => fault.StartsWith("Notifications__Receivers__0__Secret is missing or wrong", StringComparison.Ordinal));
        Assert.Contains(faults, fault => fault.StartsWith("Notifications__Receivers__1__Url is not a setting", StringComparison.Ordinal));
    }

    [Fact]
    public void In_Azure_the_client_id_of_the_identity_is_required()
    {
        var settings = TestHost.Settings();
        settings["WEBSITE_SITE_NAME"] = "app";
        Assert.Contains("AZURE_CLIENT_ID", Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults), StringComparison.Ordinal);
        settings["AZURE_CLIENT_ID"] = "11111111-2222-3333-4444-555555555555";
        Assert.IsType<Azure.Identity.ManagedIdentityCredential>(Read(settings).Identity.CreateCredential());
    }

    [Fact]
    public void Outside_Azure_the_developers_credential_is_used() =>
        Assert.IsType<Azure.Identity.DefaultAzureCredential>(Read(TestHost.Settings()).Identity.CreateCredential());

    [Fact]
    public void Only_the_emulators_connection_string_is_accepted()
    {
        var settings = TestHost.Settings();
        settings.Remove("ServiceBus:fullyQualifiedNamespace");
        settings["ServiceBus"] = "Endpoint=sb://namespace.servicebus.windows.net;SharedAccessKeyName=Root;SharedAccessKey=abc";
        var e = Assert.Throws<InvalidSettingsException>(() => Read(settings));
        Assert.DoesNotContain("abc", e.Message, StringComparison.Ordinal);
        settings["ServiceBus"] = "Endpoint=sb://localhost;SharedAccessKeyName=Root;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;";
        Assert.NotNull(Read(settings).ServiceBus.EmulatorConnectionString);
    }

    [Fact]
    public void Resync_state_and_catalog_must_be_in_different_containers()
    {
        var settings = TestHost.Settings();
        settings["Catalog:ContainerUri"] = settings["Resync:StateContainerUri"];
        var fault = Assert.Single(Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults);
        Assert.StartsWith("Resync__StateContainerUri must be a different container from Catalog__ContainerUri", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_configured_list_replaces_its_default()
    {
        var settings = TestHost.Settings();
        settings["Content:ContentTypes:0"] = "TELECOM";
        settings["Recoverability:BackOff:0"] = "00:00:30";
        var read = Read(settings);
        Assert.Equal(["TELECOM"], read.Content.ContentTypes);
        Assert.Equal([TimeSpan.FromSeconds(30)], read.Recoverability.BackOff);
    }

    [Fact]
    public void At_most_five_distinct_signing_keys_are_accepted()
    {
        var settings = TestHost.Settings();
        for (var i = 1; i < 6; i++)
        {
            settings[$"Signing:Keys:{i}:KeyId"] = $"https://vault{Math.Min(i, 4)}.example/keys/signing/0123";
            settings[$"Signing:Keys:{i}:KeyVersion"] = "7";
        }

        Assert.Equal(
            ["Signing__Keys has 6 entries; at most 5 are allowed.", "Signing__Keys__5__KeyId repeats an earlier entry."],
            Assert.Throws<InvalidSettingsException>(() => Read(settings)).Faults);
    }

    [Fact]
    public void The_sample_has_every_required_setting_and_no_secret()
    {
        var sample = Sample();
        Assert.All(RequiredNames.Where(name => !name.StartsWith("ServiceBus", StringComparison.Ordinal)), name => Assert.Contains(name, sample.Keys));
        Assert.Contains("UseDevelopmentEmulator=true", sample["ServiceBus"], StringComparison.Ordinal);
        Assert.DoesNotContain(sample, setting => setting.Value!.Contains("AccountKey", StringComparison.OrdinalIgnoreCase) || setting.Value.Contains("BEGIN", StringComparison.Ordinal));
    }

    [Fact]
    public void The_sample_is_valid_once_it_has_the_public_key_of_AlipayHK()
    {
        var settings = Sample().ToDictionary(setting => setting.Key.Replace("__", ":", StringComparison.Ordinal), setting => setting.Value);
        settings["AlipayHk:PublicKeys:0:PublicKey"] = TestHost.Settings()["AlipayHk:PublicKeys:0:PublicKey"];
        Assert.Equal("content-resync", Read(settings).Queues.Resync);
    }

    private static HostSettings Read(Dictionary<string, string?> settings) =>
        HostSettings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());

    private static Dictionary<string, string?> Sample()
    {
        using var sample = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "local.settings.sample.json")));
        return sample.RootElement.GetProperty("Values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetString());
    }
}
