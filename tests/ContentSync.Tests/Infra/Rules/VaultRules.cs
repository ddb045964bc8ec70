using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>The signing key cannot be lost, read or used for anything but signing.</summary>
internal static class VaultRules
{
    private const string Vaults = "Microsoft.KeyVault/vaults";
    private const string Keys = "Microsoft.KeyVault/vaults/keys";
    private const string Locks = "Microsoft.Authorization/locks";

    /// <summary>Key expiries in the fixture's environment.</summary>
    private static readonly Dictionary<string, DateTimeOffset> s_expiry = new()
    {
        ["alipayhk-v1"] = new(2028, 11, 27, 0, 0, 0, TimeSpan.Zero),
        ["alipayhk-v2"] = new(2030, 10, 1, 12, 30, 45, TimeSpan.Zero),
    };

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("purge-protection", "Purge protection is on for every vault.",
            infrastructure => Demand.Each(infrastructure, Vaults, "properties.enablePurgeProtection", true),
            Demand.Set(Vaults, "properties.enablePurgeProtection", null, production: true)),
        new("soft-delete-90-days", "A deleted vault or key can be restored for 90 days.",
            infrastructure => [
                .. Demand.Each(infrastructure, Vaults, "properties.enableSoftDelete", true),
                .. Demand.Each(infrastructure, Vaults, "properties.softDeleteRetentionInDays", 90),
            ],
            Demand.Set(Vaults, "properties.softDeleteRetentionInDays", 7)),
        new("vault-only-for-the-app", "Virtual machines, disk encryption and template deployments have no access to a vault.",
            VaultOnlyForTheApp, Demand.Set(Vaults, "properties.enabledForTemplateDeployment", true)),
        new("key-only-signs-and-verifies", "A key can only sign and verify.",
            KeyOnlySignsAndVerifies, Demand.Set(Keys, "properties.keyOps", new JsonArray("sign", "verify", "unwrapKey"))),
        new("key-is-rsa-2048", "A key is RSA with 2048 bits, as AlipayHK requires.",
            infrastructure => [
                .. Demand.Each(infrastructure, Keys, "properties.kty", text => text is "RSA" or "RSA-HSM", "RSA"),
                .. Demand.Each(infrastructure, Keys, "properties.keySize", 2048),
            ],
            Demand.Set(Keys, "properties.kty", "EC")),
        new("key-not-exportable", "A key cannot be exported.",
            infrastructure => Demand.Each(infrastructure, Keys, "properties.attributes.exportable", false),
            Demand.Set(Keys, "properties.attributes.exportable", true)),
        new("key-expires", "Each key has the expiry that the environment sets for it.",
            KeyExpires, infrastructure =>
                infrastructure.Small.The(Keys, "-v2")["properties.attributes.exp"] =
                infrastructure.Small.The(Keys, "-v1")["properties.attributes.exp"]!.DeepClone()),
        new("vaults-locked", "In production, no vault can be deleted by accident.",
            VaultsLocked, infrastructure =>
                infrastructure.Production.List.Remove(infrastructure.Production.Of(Locks)
                .Last(one => one.Scope.Contains("/vaults/", StringComparison.Ordinal)).Node)),
        new("vault-generation-tagged", "A vault is tagged with its generation, so that preflight.sh finds a free name after a deletion.",
            infrastructure => Demand.Each(infrastructure, Vaults, "tags.generation", "1"),
            Demand.Set(Vaults, "tags.generation", null, production: true)),
        new("key-gives-notice", "A key has an expiry notification.",
            infrastructure => Demand.Each(infrastructure, Keys, "properties.rotationPolicy.lifetimeActions.0.trigger.timeBeforeExpiry", "P60D"),
            Demand.Set(Keys, "properties.rotationPolicy.lifetimeActions", new JsonArray())),
        new("key-never-rotates-itself", "A key never rotates automatically, since AlipayHK would not know the new version.",
            KeyNeverRotatesItself, Demand.Set(Keys, "properties.rotationPolicy.lifetimeActions.0.action.type", "rotate")),
        new("keys-made-in-first-vault-only", "Keys are created in the first vault only; one created elsewhere would be a different key.",
            KeysMadeInFirstVaultOnly, MakeAKeyInTheSecondVault),
        new("key-named-after-key-version", "A key's name contains AlipayHK's keyVersion.",
            KeyNamedAfterKeyVersion, Demand.SetSetting("Signing__Keys__0__KeyVersion", "7")),
        new("next-key-is-made-but-not-used", "The next key is created but not yet used for signing.",
            NextKeyIsMadeButNotUsed, infrastructure => infrastructure.Production.List.Remove(infrastructure.Production.The(Keys, "-v2").Node)),
        new("one-to-five-vaults", "There are one to five vaults.",
            infrastructure => from effect in infrastructure.Effects
                              where effect.Of(Vaults).Count() is < 1 or > 5
                              select $"{effect.Name} has {effect.Of(Vaults).Count()} vaults.",
            infrastructure => infrastructure.Small.List.Remove(infrastructure.Small.The(Vaults).Node)),
    ];

    private static IEnumerable<string> KeyExpires(Infrastructure infrastructure) =>
        from key in infrastructure.Of(Keys)
        let at = s_expiry.TryGetValue(key.ShortName, out var expiry) ? expiry.ToUnixTimeSeconds() : -1
        where key.Text("properties.attributes.exp") != at.ToString(System.Globalization.CultureInfo.InvariantCulture)
        select $"{key} expires at {key.Text("properties.attributes.exp")}.";

    private static IEnumerable<string> VaultsLocked(Infrastructure infrastructure) =>
        from vault in infrastructure.Production.Of(Vaults)
        where !infrastructure.Production.Of(Locks).Any(one => one.Scope == vault.Id && one.Text("properties.level") == "CanNotDelete")
        select $"{vault} has no lock.";

    private static IEnumerable<string> VaultOnlyForTheApp(Infrastructure infrastructure) =>
        from use in new[] { "enabledForDeployment", "enabledForDiskEncryption", "enabledForTemplateDeployment" }
        from violation in Demand.Each(infrastructure, Vaults, $"properties.{use}", false)
        select violation;

    private static IEnumerable<string> KeyOnlySignsAndVerifies(Infrastructure infrastructure) =>
        from key in infrastructure.Of(Keys)
        let operations = key.Items("properties.keyOps").Select(one => (string?)one).Order().ToArray()
        where operations is not ["sign", "verify"]
        select $"{key} may {string.Join(", ", operations)}.";

    private static IEnumerable<string> KeyNeverRotatesItself(Infrastructure infrastructure) =>
        from key in infrastructure.Of(Keys)
        from action in key.Items("properties.rotationPolicy.lifetimeActions")
        where (string?)action["action"]?["type"] != "notify"
        select $"{key} has the action {action["action"]?["type"]}.";

    private static IEnumerable<string> KeysMadeInFirstVaultOnly(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let first = effect.Of(Vaults).First().Id
        from key in effect.Of(Keys)
        where !key.Id.StartsWith(first + "/", StringComparison.Ordinal)
        select $"{key} is not in the first vault.";

    private static IEnumerable<string> KeyNamedAfterKeyVersion(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from pair in AppRules.KeyIds(effect).Select((id, i) => (Key: AppRules.KeyOf(id), Version: effect.Setting($"Signing__Keys__{i}__KeyVersion")))
        where pair.Key != $"alipayhk-v{pair.Version}" || !effect.Of(Keys).Any(key => key.ShortName == pair.Key)
        select $"{effect.Name}: key {pair.Key} is configured with AlipayHK's keyVersion {pair.Version}.";

    private static IEnumerable<string> NextKeyIsMadeButNotUsed(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let used = AppRules.KeyIds(effect).Select(AppRules.KeyOf).Distinct().ToArray()
        let made = effect.Of(Keys).Select(key => key.ShortName).ToArray()
        where made.Length != 2 || used.Length != 1 || !made.Contains(used[0])
        select $"{effect.Name} creates {string.Join(", ", made)} and uses {string.Join(", ", used)}.";

    private static void MakeAKeyInTheSecondVault(Infrastructure infrastructure)
    {
        var key = infrastructure.Production.Of(Keys).First();
        var vaults = infrastructure.Production.Of(Vaults).ToArray();
        key.Node["id"] = key.Id.Replace(vaults[0].Name, vaults[1].Name, StringComparison.Ordinal);
    }
}
