using System.Collections;
using System.Reflection;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra;

/// <summary>The app reads every setting that the template writes, and the template writes every required setting.</summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class AppSettingsTests(InfrastructureFixture fixture)
{
    [BicepFact]
    public void The_app_reads_every_setting_that_the_template_writes() =>
        Assert.Empty(fixture.Infrastructure.Effects.SelectMany(effect => effect.Settings).Select(setting => setting.Key).Where(name => !IsRead(name)).Distinct());

    [BicepFact]
    public void The_template_writes_every_required_setting() =>
        Assert.Empty(fixture.Infrastructure.Effects.SelectMany(effect => SettingsContract.Required.Where(name => string.IsNullOrEmpty(effect.Setting(name)))));

    [BicepFact]
    public async Task Without_the_data_from_AlipayHK_only_its_settings_are_missing()
    {
        var first = await fixture.WithAsync(("alipayHk", "null"));

        var missing = SettingsContract.Required.Where(name => first.Small.Setting(name) is null);

        Assert.All(missing, name => Assert.StartsWith("AlipayHk__", name, StringComparison.Ordinal));
        Assert.Null(first.Small.Setting("AlipayHk__BaseAddress"));
        Assert.Equal(
            ["csync-uat-resync-overdue", "csync-uat-silence"],
            first.Small.Of("Microsoft.Insights/scheduledQueryRules").Where(alert => alert.Text("properties.enabled") == "false")
                .Select(alert => alert.Name).Order(StringComparer.Ordinal));
    }

    [BicepFact]
    public async Task Extra_settings_override_the_template()
    {
        var changed = await fixture.WithAsync(("additionalSettings", "{ Content__MaxItemBytes: '4096', ResyncSchedule: '0 0 3 * * 1' }"));

        Assert.Equal("4096", changed.Small.Setting("Content__MaxItemBytes"));
        Assert.Equal("0 0 3 * * 1", changed.Small.Setting("ResyncSchedule"));
    }

    [BicepFact]
    public async Task Hardware_keys_have_half_the_signing_rate()
    {
        var hardware =
            await fixture.WithAsync(("signing",
            InfrastructureFixture.Signing.Replace("hardware: false", "hardware: true", StringComparison.Ordinal)));

        Assert.Equal("360", fixture.Infrastructure.Small.Setting("Signing__SignaturesPerSecond"));
        Assert.Equal("180", hardware.Small.Setting("Signing__SignaturesPerSecond"));
        Assert.Equal("RSA-HSM", hardware.Small.The("Microsoft.KeyVault/vaults/keys").Text("properties.kty"));
        Assert.Equal("premium", hardware.Small.The("Microsoft.KeyVault/vaults").Text("properties.sku.name"));
    }

    [BicepFact]
    public async Task One_parameter_sets_the_rate_agreed_with_AlipayHK_for_all_instances_together()
    {
        var faster = await fixture.WithAsync(("maxSendsPerSecond", "600"));

        Assert.Equal("200", fixture.Infrastructure.Small.Setting("AlipayHk__MaxSendsPerSecond"));
        Assert.Equal("600", faster.Small.Setting("AlipayHk__MaxSendsPerSecond"));
    }

    [BicepFact]
    public void Code_and_template_have_the_same_default_table()
    {
        Assert.All(fixture.Infrastructure.Effects, effect => Assert.Equal(new ContentSync.Functions.ResyncStateOptions().LaneTableName, effect.Setting("Resync__LaneTableName")));
    }

    [Theory]
    [InlineData("ContentQueue", true)]
    [InlineData("Queues__Content", false)]
    [InlineData("Resync__Lanes", true)]
    [InlineData("Resync__LaneTableName", true)]
    [InlineData("Catalog__Prefix", true)]
    [InlineData("Resync__Lane", false)]
    [InlineData("AlipayHk__PublicKeys__0__PublicKey", true)]
    [InlineData("AlipayHk__Encryption__KeyWrap", true)]
    [InlineData("Content__ContentTypes__3", true)]
    [InlineData("Signing__Keys__4__KeyVersion", true)]
    [InlineData("AlipayHk__PublicKeys__PublicKey", false)]
    [InlineData("AlipayHk__Host", false)]
    [InlineData("AlipayHk__ClientId__Value", false)]
    [InlineData("Signing__Keys__KeyId", false)]
    [InlineData("Content", false)]
    public void Distinguishes_settings_that_the_app_reads_from_unknown_ones(string name, bool isRead) => Assert.Equal(isRead, IsRead(name));

    private static bool IsRead(string name)
    {
        var parts = name.Split("__");
        return SettingsContract.Options.TryGetValue(parts[0], out var options)
            ? parts.Length > 1 && options.Any(one => Binds(one, parts.AsSpan(1)))
            : SettingsContract.Others.Any(other => Regex.IsMatch(name, $"^{Regex.Escape(other).Replace(@"\*", "[0-9]+", StringComparison.Ordinal)}$"));
    }

    /// <summary>Whether the path leads to a property, list item or plain value that the configuration binder would set.</summary>
    private static bool Binds(Type type, ReadOnlySpan<string> path)
    {
        if (path.IsEmpty) return IsPlain(type);

        if (ItemOf(type) is { } item) return int.TryParse(path[0], out _) && Binds(item, path[1..]);

        return !IsPlain(type)
            && type.GetProperty(path[0], BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase) is { } property
            && Binds(property.PropertyType, path[1..]);
    }

    private static bool IsPlain(Type type) =>
        (Nullable.GetUnderlyingType(type) ?? type) is var bare && (bare.IsPrimitive || bare.IsEnum || bare == typeof(string) || bare == typeof(Uri) || bare == typeof(TimeSpan) || bare == typeof(decimal));

    private static Type? ItemOf(Type type) =>
        type != typeof(string) && typeof(IEnumerable).IsAssignableFrom(type) && type.IsGenericType ? type.GetGenericArguments()[^1] : null;
}
