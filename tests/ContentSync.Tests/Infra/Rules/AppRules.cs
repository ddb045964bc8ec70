using System.Globalization;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>The app runs as it was built to.</summary>
internal static partial class AppRules
{
    private const string Sites = "Microsoft.Web/sites";
    private const string Plans = "Microsoft.Web/serverfarms";
    private const string Scale = "properties.functionAppConfig.scaleAndConcurrency";

    /// <summary>What Flex Consumption sets by other means and refuses or ignores as a setting.</summary>
    private static readonly string[] s_refusedSettings =
        ["FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_PROCESS_COUNT", "SCM_DO_BUILD_DURING_DEPLOYMENT", "ENABLE_ORYX_BUILD"];

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("app-https-only", "The app is reached by HTTPS only.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.httpsOnly", true),
            Demand.Set(Sites, "properties.httpsOnly", false)),
        new("app-tls", "The app and its publishing endpoint take TLS 1.2 or later.",
            infrastructure => [
                .. Demand.Each(infrastructure, Sites, "properties.siteConfig.minTlsVersion", text => text is "1.2" or "1.3", "1.2"),
                .. Demand.Each(infrastructure, Sites, "properties.siteConfig.scmMinTlsVersion", text => text is "1.2" or "1.3", "1.2"),
            ],
            Demand.Set(Sites, "properties.siteConfig.scmMinTlsVersion", "1.0")),
        new("no-remote-debugging", "Nobody attaches a debugger from outside.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.siteConfig.remoteDebuggingEnabled", false),
            Demand.Set(Sites, "properties.siteConfig.remoteDebuggingEnabled", true)),
        new("flex-consumption", "The plan is Flex Consumption on Linux.",
            infrastructure => [
                .. Demand.Each(infrastructure, Plans, "sku.name", "FC1"),
                .. Demand.Each(infrastructure, Plans, "properties.reserved", true),
            ],
            Demand.Set(Plans, "sku.name", "Y1")),
        new("runtime", "The runtime is the isolated worker on .NET 10.",
            infrastructure => [
                .. Demand.Each(infrastructure, Sites, "properties.functionAppConfig.runtime.name", "dotnet-isolated"),
                .. Demand.Each(infrastructure, Sites, "properties.functionAppConfig.runtime.version", "10.0"),
            ],
            Demand.Set(Sites, "properties.functionAppConfig.runtime.version", "8.0")),
        new("instances-bounded", "The number of instances is bounded, since it bounds the calls to AlipayHK.",
            infrastructure => Demand.Each(infrastructure, Sites, $"{Scale}.maximumInstanceCount", text => int.TryParse(text, out var count) && count is >= 1 and <= 40, "1 to 40"),
            Demand.Set(Sites, $"{Scale}.maximumInstanceCount", 1000)),
        new("instance-memory", "The instance memory is a size that Flex Consumption has.",
            infrastructure => Demand.Each(infrastructure, Sites, $"{Scale}.instanceMemoryMB", text => text is "512" or "2048" or "4096", "512, 2048 or 4096"),
            Demand.Set(Sites, $"{Scale}.instanceMemoryMB", 1024)),
        new("always-ready-groups-exist", "Always-ready instances are for functions that exist.",
            AlwaysReadyGroupsExist, Demand.Set(Sites, $"{Scale}.alwaysReady.1.name", "function:ProcessContent", production: true)),
        new("pacing-below-vault-limit", "All instances together cannot ask more of a vault than it takes: 400 signatures a second.",
            PacingBelowVaultLimit, Demand.SetSetting("Signing__SignaturesPerSecond", "360")),
        new("sends-within-the-agreed-rate", "All instances together cannot send more than AlipayHK agreed to.",
            SendsWithinTheAgreedRate, Demand.SetSetting("AlipayHk__MaxSendsPerSecond", "200")),
        new("no-refused-settings", "No setting that Flex Consumption refuses is written.",
            NoRefusedSettings, Demand.SetSetting("FUNCTIONS_WORKER_RUNTIME", "dotnet-isolated")),
        new("package-container-exists", "The app is published to the container made for it.",
            PackageContainerExists, Demand.Set(Sites, "properties.functionAppConfig.deployment.storage.value", "https://elsewhere.example/app-package")),
        new("azd-finds-the-app", "azd finds the app by the tag of its service.",
            infrastructure => Demand.Each(infrastructure, Sites, "tags.azd-service-name", "functions"),
            Demand.Set(Sites, "tags.azd-service-name", "api")),
        new("app-in-the-network", "The app sends through the network.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.virtualNetworkSubnetId", text => text?.EndsWith("/subnets/functions", StringComparison.Ordinal) == true, "the subnet functions"),
            Demand.Set(Sites, "properties.virtualNetworkSubnetId", null)),
        new("partner-by-https", "AlipayHK is called by HTTPS.",
            infrastructure => Demand.Setting(infrastructure, "AlipayHk__BaseAddress", value => value?.StartsWith("https://", StringComparison.Ordinal) == true),
            Demand.SetSetting("AlipayHk__BaseAddress", "http://gateway.example")),
        new("keys-by-versioned-id", "Every signing key is named with its version, one for each vault it was placed in.",
            KeysByVersionedId, Demand.SetSetting("Signing__Keys__1__KeyId", "https://csync-kv2-x.vault.azure.net/keys/alipayhk-v1")),
        new("schedules-have-six-fields", "Both schedules are NCRONTAB with six fields.",
            infrastructure => [
                .. Demand.Setting(infrastructure, "Schedules__Resync", value => value?.Split(' ').Length == 6),
                .. Demand.Setting(infrastructure, "Schedules__Sweep", value => value?.Split(' ').Length == 6),
            ],
            Demand.SetSetting("Schedules__Sweep", "*/5 * * * *")),
    ];

    /// <summary>The ids of the signing keys that the settings name, in order.</summary>
    public static IEnumerable<string> KeyIds(Effect effect)
    {
        for (var i = 0; effect.Setting($"Signing__Keys__{i}__KeyId") is { } id; i++)
        {
            yield return id;
        }
    }

    public static string VaultOf(string keyId) => KeyId().Match(keyId).Groups["vault"].Value;

    public static string KeyOf(string keyId) => KeyId().Match(keyId).Groups["key"].Value;

    private static IEnumerable<string> AlwaysReadyGroupsExist(Infrastructure infrastructure) =>
        from app in infrastructure.Of(Sites)
        from item in app.Items($"{Scale}.alwaysReady")
        let name = (string?)item["name"]
        where name != "http" && !SettingsContract.Functions.Contains(name?["function:".Length..])
        select $"{app} keeps {name} ready.";

    private static IEnumerable<string> PacingBelowVaultLimit(Infrastructure infrastructure)
    {
        foreach (var effect in infrastructure.Effects)
        {
            var instances = InstancesOf(effect);
            var rate = int.Parse(effect.Setting("Signing__SignaturesPerSecond") ?? "360", CultureInfo.InvariantCulture);
            if (rate < 1 || instances * rate >= 400) yield return $"{effect.Name}: {instances} instances of {rate} signatures a second.";
        }
    }

    private static IEnumerable<string> SendsWithinTheAgreedRate(Infrastructure infrastructure)
    {
        foreach (var effect in infrastructure.Effects)
        {
            var instances = InstancesOf(effect);
            var (agreed, own) = (RateOf(effect, "Resync__SendsPerSecond"), RateOf(effect, "AlipayHk__MaxSendsPerSecond"));
            if (own <= 0 || instances * own > agreed) yield return $"{effect.Name}: {instances} instances of {own} requests a second; {agreed} are agreed.";
        }
    }

    private static double RateOf(Effect effect, string setting) => double.Parse(effect.Setting(setting) ?? "0", CultureInfo.InvariantCulture);

    // The HTTP functions are one scale group, the two queue functions one each; the count bounds each group.
    private static int InstancesOf(Effect effect)
    {
        var app = effect.The(Sites);
        return (3 * (int)app[$"{Scale}.maximumInstanceCount"]!) + app.Items($"{Scale}.alwaysReady").Sum(item => (int)item["instanceCount"]!);
    }

    private static IEnumerable<string> NoRefusedSettings(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from setting in effect.Settings
        where s_refusedSettings.Contains(setting.Key) || setting.Key.StartsWith("WEBSITE_", StringComparison.Ordinal)
        select $"{effect.Name}: {setting.Key}.";

    private static IEnumerable<string> PackageContainerExists(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let container = effect.Of("Microsoft.Storage/storageAccounts/blobServices/containers").Single(one => one.Name.StartsWith("csynchost", StringComparison.Ordinal))
        let target = effect.The(Sites).Text("properties.functionAppConfig.deployment.storage.value") ?? ""
        where !target.Contains(container.Name.Split('/')[0], StringComparison.Ordinal) || !target.Contains($"'{container.ShortName}'", StringComparison.Ordinal)
        select $"{effect.Name} publishes to {target}.";

    private static IEnumerable<string> KeysByVersionedId(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let ids = KeyIds(effect).ToArray()
        let vaults = effect.Of("Microsoft.KeyVault/vaults").Select(vault => vault.Name).Take(ids.Length).ToArray()
        where ids.Length == 0 || !ids.Select(VaultOf).SequenceEqual(vaults) || ids.Any(id => !KeyId().IsMatch(id))
        select $"{effect.Name} names {string.Join(", ", ids)}.";

    /// <summary>As the compiler leaves it: the version is known only once the vault has made the key.</summary>
    [GeneratedRegex(@"^\[format\('https://\{0\}\{1\}/keys/\{2\}/\{3\}', '(?<vault>[^']+)', environment\(\)\.suffixes\.keyvaultDns, '(?<key>[^']+)', last\(split\(reference\(.*\)\.keyUriWithVersion, '/'\)\)\)\]$")]
    private static partial Regex KeyId();
}
