namespace ContentSync.Tests.Infra.Rules;

/// <summary>Ledger, catalog and package lie safely.</summary>
internal static class StorageRules
{
    private const string Accounts = "Microsoft.Storage/storageAccounts";
    private const string Blobs = "Microsoft.Storage/storageAccounts/blobServices";
    private const string Containers = "Microsoft.Storage/storageAccounts/blobServices/containers";
    private const string Lifecycles = "Microsoft.Storage/storageAccounts/managementPolicies";
    private const string FirstRule = "properties.policy.rules.0.definition.";

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("storage-tls", "Storage takes TLS 1.2 or later.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.minimumTlsVersion", text => text is "TLS1_2" or "TLS1_3", "TLS1_2"),
            Demand.Set(Accounts, "properties.minimumTlsVersion", "TLS1_0")),
        new("storage-https-only", "Storage is reached by HTTPS only.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.supportsHttpsTrafficOnly", true),
            Demand.Set(Accounts, "properties.supportsHttpsTrafficOnly", false)),
        new("no-public-blobs", "No account lets a container be public.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.allowBlobPublicAccess", false),
            Demand.Set(Accounts, "properties.allowBlobPublicAccess", true)),
        new("no-public-containers", "No container is public.",
            infrastructure => Demand.Each(infrastructure, Containers, "properties.publicAccess", "None"),
            Demand.Set(Containers, "properties.publicAccess", "Blob")),
        new("no-cross-tenant-replication", "Nothing is copied into another tenant.",
            infrastructure => Demand.Each(infrastructure, Accounts, "properties.allowCrossTenantReplication", false),
            Demand.Set(Accounts, "properties.allowCrossTenantReplication", true)),
        new("blobs-can-be-brought-back", "A deleted blob can be brought back for at least a week.",
            infrastructure => [
                .. Demand.Each(infrastructure, Blobs, "properties.deleteRetentionPolicy.enabled", true),
                .. Demand.Each(infrastructure, Blobs, "properties.deleteRetentionPolicy.days", text => int.TryParse(text, out var days) && days >= 7, "7 or more"),
            ],
            Demand.Set(Blobs, "properties.deleteRetentionPolicy.enabled", false)),
        new("storage-v2", "Accounts are of the general kind.",
            infrastructure => Demand.Each(infrastructure, Accounts, "kind", "StorageV2"),
            Demand.Set(Accounts, "kind", "Storage")),
        new("two-tables", "There are the two tables that the settings name, the ledger's and the lanes', and no other.",
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
        new("state-apart-from-catalog", "Runs and plans do not lie where the newest blob is taken for the catalog.",
            infrastructure => from effect in infrastructure.Effects
                              where effect.Setting("Resync__StateContainerUri") == effect.Setting("Catalog__ContainerUri")
                              select $"{effect.Name}: both are {effect.Setting("Catalog__ContainerUri")}.",
            infrastructure => infrastructure.Production.Settings["Resync__StateContainerUri"] = infrastructure.Production.Setting("Catalog__ContainerUri")!),
        new("forgotten-plans-go", "Plans that a crash left behind are deleted, long after any run's end, and nothing else is deleted by its age.",
            infrastructure => [
                .. Demand.Each(infrastructure, Lifecycles, FirstRule + "filters.prefixMatch.0", "resync/plans/"),
                .. Demand.Each(infrastructure, Lifecycles, FirstRule + "actions.baseBlob.delete.daysAfterModificationGreaterThan", text => int.TryParse(text, out var days) && days >= 30, "30 or more"),
            ],
            Demand.Set(Lifecycles, FirstRule + "filters.prefixMatch.0", "resync/")),
    ];
}
