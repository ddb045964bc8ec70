using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>Ledger, catalog and package are protected.</summary>
internal static class StorageRules
{
    private const string Accounts = "Microsoft.Storage/storageAccounts";
    private const string Blobs = "Microsoft.Storage/storageAccounts/blobServices";
    private const string Containers = "Microsoft.Storage/storageAccounts/blobServices/containers";
    private const string Lifecycles = "Microsoft.Storage/storageAccounts/managementPolicies";
    private const string Locks = "Microsoft.Authorization/locks";
    private const string FirstRule = "properties.policy.rules.0.definition.";

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("storage-tls", "Storage requires TLS 1.2 or later.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.minimumTlsVersion", text => text is "TLS1_2" or "TLS1_3", "TLS1_2"),
            Demand.Set(Accounts, "properties.minimumTlsVersion", "TLS1_0")),
        new("storage-https-only", "Storage accepts HTTPS only.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.supportsHttpsTrafficOnly", true),
            Demand.Set(Accounts, "properties.supportsHttpsTrafficOnly", false)),
        new("no-public-blobs", "No account allows public containers.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.allowBlobPublicAccess", false),
            Demand.Set(Accounts, "properties.allowBlobPublicAccess", true)),
        new("no-public-containers", "No container is public.",
            infrastructure => Demand.Each(infrastructure, Containers, "properties.publicAccess", "None"),
            Demand.Set(Containers, "properties.publicAccess", "Blob")),
        new("no-cross-tenant-replication", "Nothing is replicated to another tenant.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.allowCrossTenantReplication", false),
            Demand.Set(Accounts, "properties.allowCrossTenantReplication", true)),
        new("blobs-can-be-brought-back", "A deleted blob can be restored for at least a week.",
            infrastructure => [
                .. Demand.Each(infrastructure, Blobs, "properties.deleteRetentionPolicy.enabled", true),
                .. Demand.Each(infrastructure, Blobs, "properties.deleteRetentionPolicy.days", text => int.TryParse(text, out var days) && days >= 7, "7 or more"),
            ],
            Demand.Set(Blobs, "properties.deleteRetentionPolicy.enabled", false)),
        new("storage-v2", "Accounts are general-purpose v2.",
            infrastructure => Demand.Each(infrastructure, Accounts, "kind", "StorageV2"),
            Demand.Set(Accounts, "kind", "Storage")),
        new("two-tables", "There are exactly the two tables that the settings name, the ledger's and the lanes'.",
            infrastructure => from effect in infrastructure.Effects
                              let tables = effect.Of("Microsoft.Storage/storageAccounts/tableServices/tables").Select(table => table.ShortName).Order(StringComparer.Ordinal).ToArray()
                              where !tables.SequenceEqual(new[] { effect.Setting("Ledger__TableName"), effect.Setting("Resync__LaneTableName") }.Order(StringComparer.Ordinal))
                              select $"{effect.Name} has the tables {string.Join(", ", tables)}.",
            Demand.Remove("Microsoft.Storage/storageAccounts/tableServices/tables")),
        new("catalog-container-exists", "The catalog's container is the one that the settings name.",
            infrastructure => from effect in infrastructure.Effects
                              let uri = effect.Setting("Catalog__ContainerUri") ?? ""
                              where !effect.Of(Containers).Any(one => one.Name.StartsWith("csyncdata", StringComparison.Ordinal) && uri.Contains($"'{one.ShortName}'", StringComparison.Ordinal))
                              select $"{effect.Name}: Catalog__ContainerUri is {uri}.",
            infrastructure => infrastructure.Small.The(Containers, "/catalog").Node["name"] = "csyncdata/default/catalogue"),
        new("state-container-exists", "The resyncs' container is the one that the settings name, in the account of the ledger.",
            infrastructure => from effect in infrastructure.Effects
                              let uri = effect.Setting("Resync__StateContainerUri") ?? ""
                              where !effect.Of(Containers).Any(one => one.Name.StartsWith("csyncdata", StringComparison.Ordinal) && uri.Contains($"'{one.ShortName}'", StringComparison.Ordinal))
                              select $"{effect.Name}: Resync__StateContainerUri is {uri}.",
            infrastructure => infrastructure.Small.The(Containers, "/resync").Node["name"] = "csyncdata/default/resyncs"),
        new("state-apart-from-catalog", "Runs and plans are not in the catalog's container, whose newest blob is the catalog.",
            infrastructure => from effect in infrastructure.Effects
                              where effect.Setting("Resync__StateContainerUri") == effect.Setting("Catalog__ContainerUri")
                              select $"{effect.Name}: both are {effect.Setting("Catalog__ContainerUri")}.",
            infrastructure => infrastructure.Production.Settings["Resync__StateContainerUri"] = infrastructure.Production.Setting("Catalog__ContainerUri")!),
        new("forgotten-plans-go", "Plans that a crash left behind are deleted long after any run has ended.",
            infrastructure =>
                Demand.Each(infrastructure, Lifecycles, FirstRule + "actions.baseBlob.delete.daysAfterModificationGreaterThan", text =>
                int.TryParse(text, out var days) && days >= 30, "30 or more"),
            Demand.Set(Lifecycles, FirstRule + "actions.baseBlob.delete.daysAfterModificationGreaterThan", 2)),
        new("only-plans-go", "No lifecycle rule deletes anything but plans.",
            OnlyPlansGo, Demand.Set(Lifecycles, FirstRule + "filters.prefixMatch", new JsonArray("resync/plans/", "catalog/"))),
        new("no-second-lifecycle-rule-for-the-catalog", "No additional lifecycle rule deletes anything but plans.",
            OnlyPlansGo, AddLifecycleRule),
        new("lifecycle-rule-gets-in",
            "The lifecycle rule has access to the data account: trusted services are allowed and the public endpoint is not disabled.",
            LifecycleRuleGetsIn, infrastructure =>
                infrastructure.Production.Of(Accounts)
                .Single(one => one.Name.StartsWith("csyncdata", StringComparison.Ordinal))["properties.networkAcls.bypass"] = "None"),
        new("ledger-locked", "In production, the data account cannot be deleted by accident.",
            infrastructure =>
                infrastructure.Production.Of(Locks)
                .Any(one =>
                one.Scope.Contains("/storageAccounts/csyncdata", StringComparison.Ordinal) && one.Text("properties.level") == "CanNotDelete") ? []
                : ["The data account has no lock."],
            infrastructure =>
                infrastructure.Production.List.Remove(infrastructure.Production.Of(Locks)
                .Single(one => one.Scope.Contains("/storageAccounts/", StringComparison.Ordinal)).Node)),
    ];

    private static IEnumerable<string> OnlyPlansGo(Infrastructure infrastructure) =>
        from lifecycle in infrastructure.Of(Lifecycles)
        from rule in lifecycle.Items("properties.policy.rules")
        let prefixes = (rule["definition"]?["filters"]?["prefixMatch"] as JsonArray)?.Select(one => (string?)one).ToArray() ?? []
        where prefixes is not ["resync/plans/"]
        select $"{lifecycle}: rule {rule["name"]} deletes {(prefixes.Length == 0 ? "everything" : string.Join(", ", prefixes))}.";

    private static IEnumerable<string> LifecycleRuleGetsIn(Infrastructure infrastructure) =>
        from account in infrastructure.Of(Accounts)
        where account.Name.StartsWith("csyncdata", StringComparison.Ordinal)
        where account.Text("properties.networkAcls.bypass")?.Contains("AzureServices", StringComparison.Ordinal) != true
            || account.Text("properties.publicNetworkAccess") != "Enabled"
        select $"{account} does not admit trusted services.";

    private static void AddLifecycleRule(Infrastructure infrastructure)
    {
        var rules = infrastructure.Small.The(Lifecycles)["properties.policy.rules"]!.AsArray();
        var second = rules[0]!.DeepClone();
        second["definition"]!["filters"]!["prefixMatch"] = new JsonArray("catalog/");
        rules.Add(second);
    }
}
