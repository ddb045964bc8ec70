using System.Globalization;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>Rules on the app and its plan.</summary>
internal static partial class AppRules
{
    private const string Sites = "Microsoft.Web/sites";
    private const string Plans = "Microsoft.Web/serverfarms";
    /// <summary>The rate in the parameter files.</summary>
    private const double AgreedRate = 200;

    private const string Scale = "properties.functionAppConfig.scaleAndConcurrency";

    /// <summary>Settings that Flex Consumption configures elsewhere and rejects or ignores.</summary>
    private static readonly string[] s_refusedSettings =
        ["FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_WORKER_PROCESS_COUNT", "SCM_DO_BUILD_DURING_DEPLOYMENT", "ENABLE_ORYX_BUILD"];

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("app-https-only", "The app accepts HTTPS only.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.httpsOnly", true),
            Demand.Set(Sites, "properties.httpsOnly", false)),
        new("app-tls", "The app and its publishing endpoint require TLS 1.2 or later.",
            infrastructure => [
                .. Demand.Each(infrastructure, Sites, "properties.siteConfig.minTlsVersion", text => text is "1.2" or "1.3", "1.2"),
                .. Demand.Each(infrastructure, Sites, "properties.siteConfig.scmMinTlsVersion", text => text is "1.2" or "1.3", "1.2"),
            ],
            Demand.Set(Sites, "properties.siteConfig.scmMinTlsVersion", "1.0")),
        new("no-remote-debugging", "Remote debugging is off.",
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
        new("instances-bounded", "The number of instances is limited, and no region refuses the limit.",
            infrastructure => Demand.Each(infrastructure, Sites, $"{Scale}.maximumInstanceCount", text => int.TryParse(text, out var count) && count is >= 40 and <= 100, "40 to 100"),
            Demand.Set(Sites, $"{Scale}.maximumInstanceCount", 1000)),
        new("instance-memory", "An instance has at least 2 GB, enough for 32 calls, 8 lanes and the plan of a catalog.",
            infrastructure => Demand.Each(infrastructure, Sites, $"{Scale}.instanceMemoryMB", text => text is "2048" or "4096", "2048 or 4096"),
            Demand.Set(Sites, $"{Scale}.instanceMemoryMB", 512)),
        new("no-refused-site-properties", "The template sets no site property that Flex Consumption rejects (error 51021).",
            NoRefusedSiteProperties, Demand.Set(Sites, "properties.siteConfig.ftpsState", "Disabled")),
        new("rolling-updates", "An update replaces the instances batch by batch.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.functionAppConfig.siteUpdateStrategy.type", "RollingUpdate"),
            Demand.Set(Sites, "properties.functionAppConfig.siteUpdateStrategy", null)),
        new("sweep-often", "The sweep runs at least every ten minutes, and three times within the window of the sweep silence alert.",
            SweepOften, Demand.SetSetting("SweepSchedule", "0 0 3 * * *")),
        new("silence-window-spans-sweeps", "The window of the sweep silence alert spans three sweeps.",
            SweepOften, infrastructure =>
                infrastructure.Small.The("Microsoft.Insights/scheduledQueryRules", "-silence")["properties.windowSize"] = "PT10M"),
        new("azd-finds-the-group", "azd finds the resource group by the tag of its environment.",
            AzdFindsTheGroup, infrastructure => Group(infrastructure)["tags"] = "[parameters('tags')]"),
        new("all-public-keys", "All public keys of AlipayHK are configured side by side, so that it can rotate them.",
            AllPublicKeys, Demand.SetSetting("AlipayHk__PublicKeys__1__PublicKey", null)),
        new("always-ready-groups-exist", "Always-ready instances are for functions that exist.",
            AlwaysReadyGroupsExist, Demand.Set(Sites, $"{Scale}.alwaysReady.1.name", "function:ProcessContent", production: true)),
        new("pacing-below-vault-limit", "The instances share a rate below the limit of a vault: 400 signatures a second.",
            PacingBelowVaultLimit, Demand.SetSetting("Signing__SignaturesPerSecond", "400")),
        new("sends-within-the-agreed-rate", "The instances share the rate agreed with AlipayHK, undivided.",
            SendsWithinTheAgreedRate, Demand.SetSetting("AlipayHk__MaxSendsPerSecond", "12")),
        new("no-refused-settings", "The template writes no setting that Flex Consumption rejects.",
            NoRefusedSettings, Demand.SetSetting("FUNCTIONS_WORKER_RUNTIME", "dotnet-isolated")),
        new("package-container-exists", "The app is published to its own container.",
            PackageContainerExists, Demand.Set(Sites, "properties.functionAppConfig.deployment.storage.value", "https://elsewhere.example/app-package")),
        new("azd-finds-the-app", "azd finds the app by the tag of its service.",
            infrastructure => Demand.Each(infrastructure, Sites, "tags.azd-service-name", "functions"),
            Demand.Set(Sites, "tags.azd-service-name", "api")),
        new("app-in-the-network", "All outbound traffic of the app uses the virtual network.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.virtualNetworkSubnetId", text => text?.EndsWith("/subnets/functions", StringComparison.Ordinal) == true, "the subnet functions"),
            Demand.Set(Sites, "properties.virtualNetworkSubnetId", null)),
        new("alipayhk-by-https", "AlipayHK is called over HTTPS.",
            infrastructure => Demand.Setting(infrastructure, "AlipayHk__BaseAddress", value => value?.StartsWith("https://", StringComparison.Ordinal) == true),
            Demand.SetSetting("AlipayHk__BaseAddress", "http://gateway.example")),
        new("keys-by-versioned-id", "Every signing key id includes the version; there is one id for each vault that holds the key.",
            KeysByVersionedId, Demand.SetSetting("Signing__Keys__1__KeyId", "https://csync-kv2-x.vault.azure.net/keys/alipayhk-v1")),
        new("schedules-have-six-fields", "Both schedules are NCRONTAB expressions with six fields.",
            infrastructure => [
                .. Demand.Setting(infrastructure, "ResyncSchedule", value => value?.Split(' ').Length == 6),
                .. Demand.Setting(infrastructure, "SweepSchedule", value => value?.Split(' ').Length == 6),
            ],
            Demand.SetSetting("SweepSchedule", "*/5 * * * *")),
    ];

    /// <summary>Site properties that Flex Consumption configures elsewhere or does not support:
    /// https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#deprecated-properties-and-settings</summary>
    private static readonly string[] s_refusedSiteProperties =
    [
        "alwaysOn", "appSettings", "autoHealEnabled", "ftpsState", "functionAppScaleLimit", "functionsRuntimeScaleMonitoringEnabled", "javaVersion",
            "linuxFxVersion",
        "minimumElasticInstanceCount", "netFrameworkVersion", "nodeVersion", "numberOfWorkers", "phpVersion", "powerShellVersion",
            "preWarmedInstanceCount", "pythonVersion",
        "use32BitWorkerProcess", "vnetPrivatePortsCount", "vnetRouteAllEnabled", "windowsFxVersion",
    ];

    private static IEnumerable<string> NoRefusedSiteProperties(Infrastructure infrastructure) =>
        from app in infrastructure.Of(Sites)
        from property in app["properties.siteConfig"]!.AsObject()
        where s_refusedSiteProperties.Contains(property.Key, StringComparer.OrdinalIgnoreCase)
        select $"{app}: siteConfig.{property.Key}.";

    private static IEnumerable<string> SweepOften(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let minutes = SweepMinutes(effect)
        let window = System.Xml.XmlConvert.ToTimeSpan(effect.The("Microsoft.Insights/scheduledQueryRules", "-silence").Text("properties.windowSize")!)
        where minutes is null or > 10 || window < TimeSpan.FromMinutes(3 * minutes.Value)
        select $"{effect.Name}: the sweep runs {effect.Setting("SweepSchedule")}; the silence alert looks back {window}.";

    /// <summary>Minutes between two sweeps; null if the schedule does not run every few minutes.</summary>
    public static int? SweepMinutes(Effect effect) =>
        EveryFewMinutes().Match(effect.Setting("SweepSchedule") ?? "") is { Success: true } match
            ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : null;

    private static IEnumerable<string> AzdFindsTheGroup(Infrastructure infrastructure) =>
        ((string?)Group(infrastructure)["tags"])?.Contains("'azd-env-name', parameters('environmentName')", StringComparison.Ordinal) == true ? []
            : ["The resource group has no tag azd-env-name."];

    private static System.Text.Json.Nodes.JsonObject Group(Infrastructure infrastructure) =>
        infrastructure.Azd["resources"]!.AsObject().Select(one => one.Value!.AsObject())
            .Single(one => (string?)one["type"] == "Microsoft.Resources/resourceGroups");

    private static IEnumerable<string> AllPublicKeys(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let keys =
            new[] { 0, 1 }.Select(i =>
            (effect.Setting($"AlipayHk__PublicKeys__{i}__KeyVersion"), effect.Setting($"AlipayHk__PublicKeys__{i}__PublicKey")))
        where !keys.SequenceEqual([("1", new string('A', 392)), ("2", new string('B', 390) + "==")])
        select $"{effect.Name}: {string.Join(", ", keys)}.";

    /// <summary>The ids of the configured signing keys, in order.</summary>
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

    private static IEnumerable<string> PacingBelowVaultLimit(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let rate = RateOf(effect, "Signing__SignaturesPerSecond")
        where rate is < 1 or >= 400
        select $"{effect.Name}: {rate} signatures a second.";

    private static IEnumerable<string> SendsWithinTheAgreedRate(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let rate = RateOf(effect, "AlipayHk__MaxSendsPerSecond")
        where rate != AgreedRate
        select $"{effect.Name}: {rate} requests a second; {AgreedRate} are agreed.";

    private static double RateOf(Effect effect, string setting) => double.Parse(effect.Setting(setting) ?? "0", CultureInfo.InvariantCulture);

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

    [GeneratedRegex(@"^0 \*/(\d+) \* \* \* \*$")]
    private static partial Regex EveryFewMinutes();

    /// <summary>A key id in unevaluated form: the version is known only once the vault has created the key.</summary>
    [GeneratedRegex(@"^\[format\('https://\{0\}\{1\}/keys/\{2\}/\{3\}', '(?<vault>[^']+)', environment\(\)\.suffixes\.keyvaultDns, '(?<key>[^']+)', last\(split\(reference\(.*\)\.keyUriWithVersion, '/'\)\)\)\]$")]
    private static partial Regex KeyId();
}
