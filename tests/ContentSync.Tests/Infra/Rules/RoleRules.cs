using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>The app has only the permissions that it needs.</summary>
internal static partial class RoleRules
{
    private const string Assignments = "Microsoft.Authorization/roleAssignments";
    private const string Definitions = "Microsoft.Authorization/roleDefinitions";
    private const string SignAction = "Microsoft.KeyVault/vaults/keys/sign/action";
    private const string Receiver = "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0";
    private const string Sender = "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39";
    private const string TableContributor = "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3";
    private const string BlobReader = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
    private const string BlobContributor = "ba92f5b4-2d11-453d-a403-e96b0029c9fe";
    private const string BlobOwner = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b";
    private const string MetricsPublisher = "3913510d-42f4-4e42-8a64-420c390055eb";
    private const string SecretsUser = "4633458b-17de-408a-b874-0445c86b69e6";

    /// <summary>The allowed built-in roles and the only scope for each.</summary>
    private static readonly Dictionary<string, Regex> s_scopes = new()
    {
        [Receiver] = QueueScope(),
        [Sender] = QueueScope(),
        [TableContributor] = TablesScope(),
        [BlobReader] = CatalogScope(),
        [BlobContributor] = StateScope(),
        [BlobOwner] = HostAccountScope(),
        [MetricsPublisher] = InsightsScope(),
        [SecretsUser] = SecretScope(),
    };

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("signer-role-only-signs", "The custom role has only the data action to sign.",
            SignerRoleOnlySigns, infrastructure =>
                Signer(infrastructure.Small)["properties.permissions.0.dataActions"] =
                new JsonArray(SignAction, "Microsoft.KeyVault/vaults/keys/decrypt/action")),
        new("queue-length-role-only-reads", "The custom role for scaling may only read the properties of a queue.",
            QueueLengthRoleOnlyReads, infrastructure =>
                QueueLength(infrastructure.Small)["properties.permissions.0.dataActions"] =
                new JsonArray("Microsoft.ServiceBus/namespaces/messages/send/action")),
        new("may-read-queue-lengths", "The scale controller may read the length of both queues.",
            MayReadQueueLengths, infrastructure =>
                RemoveAssignment(infrastructure.Small, one =>
                RoleOf(one) == QueueLength(infrastructure.Small).ShortName && one.Scope.EndsWith("/content", StringComparison.Ordinal))),
        new("queue-lengths-at-the-queues-only", "The role for scaling is assigned on the two queues only.",
            MayReadQueueLengths, infrastructure => Widen(infrastructure.Small, QueueLength(infrastructure.Small).ShortName, "/queues/content")),
        new("no-wildcard-actions", "No role definition has a wildcard.",
            NoWildcardActions, Demand.Set(Definitions, "properties.permissions.0.actions", new JsonArray("*/read"))),
        new("signer-role-stays-here", "The custom role can be assigned in this resource group only.",
            SignerRoleStaysHere, Demand.Set(Definitions, "properties.assignableScopes.0", "/subscriptions/00000000-0000-0000-0000-000000000000")),
        new("only-known-roles", "Only the listed built-in roles and the custom one are assigned.",
            OnlyKnownRoles, Demand.Set(Assignments, "properties.roleDefinitionId", "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c")),
        new("roles-at-narrowest-scope", "Each role is assigned at the narrowest scope.",
            RolesAtNarrowestScope, infrastructure => Widen(infrastructure.Small, Receiver, "/queues/content")),
        new("no-roles-on-groups", "No role is assigned on a resource group or a subscription.",
            NoRolesOnGroups, infrastructure => Widen(infrastructure.Production, TableContributor, "/providers/Microsoft.Storage/storageAccounts/csyncdata")),
        new("roles-for-the-identity-only", "Every role is assigned to the app's identity.",
            RolesForTheIdentityOnly, Demand.Set(Assignments, "properties.principalId", "9a1f0c1e-0000-0000-0000-000000000000")),
        new("principal-type-stated", "Every assignment states its principal type; otherwise it fails for a new identity.",
            infrastructure => Demand.Each(infrastructure, Assignments, "properties.principalType", "ServicePrincipal"),
            Demand.Set(Assignments, "properties.principalType", null)),
        new("signer-role-on-placed-keys", "The role to sign is assigned on exactly the keys that the settings name.",
            SignerRoleOnPlacedKeys, infrastructure => RemoveAssignment(infrastructure.Production, one => one.Scope.EndsWith("/keys/alipayhk-v1", StringComparison.Ordinal))),
        new("may-send-and-receive", "The app may send to and receive from both queues.",
            MaySendAndReceive, infrastructure => RemoveAssignment(infrastructure.Small, one => one.Scope.EndsWith("/queues/content-resync", StringComparison.Ordinal))),
        new("may-keep-stores", "The app may write the ledger's table, the lanes' table and the resyncs' container, and read the catalog.",
            MayKeepStores, infrastructure => RemoveAssignment(infrastructure.Small, one => RoleOf(one) == TableContributor)),
        new("may-keep-lanes", "The lanes' table has its own assignment.",
            MayKeepStores, infrastructure => RemoveAssignment(infrastructure.Small, one => one.Scope.EndsWith("/tables/resynclanes", StringComparison.Ordinal))),
        new("state-role-on-its-container-alone", "The role to write blobs is assigned on the resyncs' container only.",
            RolesAtNarrowestScope, infrastructure => Widen(infrastructure.Small, BlobContributor, "/blobServices/default/containers/resync")),
        new("catalog-is-only-read", "The app cannot write to the catalog's container.",
            RolesAtNarrowestScope, infrastructure => Move(infrastructure.Production, BlobContributor, "/containers/resync/", "/containers/catalog/")),
        new("host-account-holds-nothing-else", "The storage account of the Functions host holds only host state and the package.",
            HostAccountHoldsNothingElse, infrastructure => AddContainer(infrastructure.Small)),
        new("secrets-user-for-named-secrets", "The role to read secrets is assigned on exactly the secrets that the settings refer to.",
            SecretsUserForNamedSecrets, infrastructure => RemoveAssignment(infrastructure.Production, one => RoleOf(one) == SecretsUser)),
        new("assignments-say-why", "Every assignment has a description.",
            infrastructure => Demand.Each(infrastructure, Assignments, "properties.description", text => text?.Length > 10, "a sentence"),
            Demand.Set(Assignments, "properties.description", "")),
    ];

    private static IEnumerable<string> QueueLengthRoleOnlyReads(Infrastructure infrastructure) =>
        from role in infrastructure.Effects.Select(QueueLength)
        let actions = role.Items("properties.permissions.0.actions").Select(one => (string?)one).ToArray()
        where role.Items("properties.permissions").Count() != 1 || actions is not ["Microsoft.ServiceBus/namespaces/queues/read"]
            || role.Items("properties.permissions.0.dataActions").Any()
        select $"{role} may {role["properties.permissions"]!.ToJsonString()}.";

    private static IEnumerable<string> MayReadQueueLengths(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let queues = effect.Of("Microsoft.ServiceBus/namespaces/queues").Select(queue => queue.Id).Order(StringComparer.Ordinal)
        let given = effect.Of(Assignments).Where(one => RoleOf(one) == QueueLength(effect).ShortName).Select(one => one.Scope)
            .Order(StringComparer.Ordinal).ToArray()
        where !queues.SequenceEqual(given)
        select $"{effect.Name}: queue lengths may be read at {string.Join(", ", given)}.";

    private static Resource Signer(Effect effect) =>
        effect.Of(Definitions).Single(role => role.Text("properties.roleName")!.StartsWith("ContentSync signer ", StringComparison.Ordinal));

    private static Resource QueueLength(Effect effect) =>
        effect.Of(Definitions).Single(role => role.Text("properties.roleName")!.StartsWith("ContentSync queue length ", StringComparison.Ordinal));

    private static IEnumerable<string> SignerRoleOnlySigns(Infrastructure infrastructure) =>
        from role in infrastructure.Effects.Select(Signer)
        let permissions = role.Items("properties.permissions").ToArray()
        let data = role.Items("properties.permissions.0.dataActions").Select(one => (string?)one).ToArray()
        where permissions.Length != 1 || role.Items("properties.permissions.0.actions").Any() || data is not [SignAction]
        select $"{role} may {string.Join(", ", permissions.Select(one => one.ToJsonString()))}.";

    private static IEnumerable<string> NoWildcardActions(Infrastructure infrastructure) =>
        from role in infrastructure.Of(Definitions)
        let permissions = role["properties.permissions"]!.ToJsonString()
        where permissions.Contains('*', StringComparison.Ordinal)
        select $"{role} has a wildcard: {permissions}.";

    private static IEnumerable<string> SignerRoleStaysHere(Infrastructure infrastructure) =>
        from role in infrastructure.Of(Definitions)
        from scope in role.Items("properties.assignableScopes")
        where !ResourceGroup().IsMatch((string)scope!)
        select $"{role} can be assigned at {scope}.";

    private static IEnumerable<string> OnlyKnownRoles(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let own = effect.Of(Definitions).Select(role => role.ShortName).ToArray()
        from assignment in effect.Of(Assignments)
        where !own.Contains(RoleOf(assignment)) && !s_scopes.ContainsKey(RoleOf(assignment))
        select $"{assignment} gives role {RoleOf(assignment)} on {assignment.Scope}.";

    private static IEnumerable<string> RolesAtNarrowestScope(Infrastructure infrastructure) =>
        from assignment in infrastructure.Of(Assignments)
        where s_scopes.TryGetValue(RoleOf(assignment), out var scope) && !scope.IsMatch(assignment.Scope)
        select $"{assignment} gives role {RoleOf(assignment)} on {assignment.Scope}.";

    private static IEnumerable<string> NoRolesOnGroups(Infrastructure infrastructure) =>
        from assignment in infrastructure.Of(Assignments)
        where !assignment.Scope.Contains("/providers/", StringComparison.Ordinal)
        select $"{assignment} is given on {assignment.Scope}.";

    private static IEnumerable<string> RolesForTheIdentityOnly(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let identity = effect.The("Microsoft.ManagedIdentity/userAssignedIdentities").Id
        from assignment in effect.Of(Assignments)
        let principal = assignment.Text("properties.principalId") ?? ""
        where !principal.Contains(identity, StringComparison.Ordinal) || !principal.EndsWith(".principalId]", StringComparison.Ordinal)
        select $"{assignment} is for {principal}.";

    private static IEnumerable<string> SignerRoleOnPlacedKeys(Infrastructure infrastructure)
    {
        foreach (var effect in infrastructure.Effects)
        {
            var signer = Signer(effect).ShortName;
            var named = AppRules.KeyIds(effect).Select(id => $"{AppRules.VaultOf(id)}/{AppRules.KeyOf(id)}").Order().ToArray();
            var given = effect.Of(Assignments).Where(one => RoleOf(one) == signer).Select(one => KeyScope().Match(one.Scope))
                .Select(match => $"{match.Groups[1].Value}/{match.Groups[2].Value}").Order().ToArray();

            if (named.Length == 0 || !named.SequenceEqual(given))
                yield return $"{effect.Name}: the settings name {string.Join(", ", named)}; the role is given on {string.Join(", ", given)}.";
        }
    }

    private static IEnumerable<string> MaySendAndReceive(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from queue in effect.Of("Microsoft.ServiceBus/namespaces/queues")
        from role in new[] { Sender, Receiver }
        where !effect.Of(Assignments).Any(one => one.Scope == queue.Id && RoleOf(one) == role)
        select $"{queue}: role {role} is missing.";

    private static IEnumerable<string> MayKeepStores(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from needed in new (string Role, string Scope)[]
        {
            (TableContributor, $"/tables/{effect.Setting("Ledger__TableName")}"),
            (TableContributor, $"/tables/{effect.Setting("Resync__LaneTableName")}"),
            (BlobReader, "/containers/catalog"),
            (BlobContributor, "/containers/resync"),
            (BlobOwner, ""),
            (MetricsPublisher, ""),
        }
        where effect.Of(Assignments).Count(one => RoleOf(one) == needed.Role && one.Scope.EndsWith(needed.Scope, StringComparison.Ordinal)) != 1
        select $"{effect.Name}: role {needed.Role} is not given exactly once on {needed.Scope}.";

    private static IEnumerable<string> HostAccountHoldsNothingElse(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let account = effect.Of(Assignments).Single(one => RoleOf(one) == BlobOwner).Scope
        from resource in effect.Resources
        where resource.Id.StartsWith(account + "/", StringComparison.Ordinal)
        where resource.Type.StartsWith("Microsoft.Storage/", StringComparison.Ordinal)
        where resource.ShortName is not ("default" or "app-package") || resource.Type.Contains("table", StringComparison.OrdinalIgnoreCase)
        select $"{resource} is in the storage account of the Functions host.";

    private static IEnumerable<string> SecretsUserForNamedSecrets(Infrastructure infrastructure)
    {
        foreach (var effect in infrastructure.Effects)
        {
            var named = effect.Settings.Where(one => IdentityRules.IsVaultReference(one.Value)).DistinctBy(one => (string?)one.Value).Count();
            var given = effect.Of(Assignments).Count(one => RoleOf(one) == SecretsUser);
            if (named != given) yield return $"{effect.Name}: the settings refer to {named} secrets; {given} are readable.";
        }
    }

    private static string RoleOf(Resource assignment) => assignment.Text("properties.roleDefinitionId")!.Split('/')[^1];

    /// <summary>Assigns a role on the parent of a part of its scope.</summary>
    private static void Widen(Effect effect, string role, string part)
    {
        var assignment = effect.Of(Assignments).First(one => RoleOf(one) == role && one.Id.Contains(part, StringComparison.Ordinal));
        var id = assignment.Id;
        var from = id.IndexOf(part, StringComparison.Ordinal);
        assignment.Node["id"] = id[..from] + id[id.LastIndexOf("/providers/", StringComparison.Ordinal)..];
    }

    /// <summary>Assigns a role on another resource of the same kind.</summary>
    private static void Move(Effect effect, string role, string from, string to)
    {
        var assignment = effect.Of(Assignments).First(one => RoleOf(one) == role && one.Id.Contains(from, StringComparison.Ordinal));
        assignment.Node["id"] = assignment.Id.Replace(from, to, StringComparison.Ordinal);
    }

    private static void RemoveAssignment(Effect effect, Func<Resource, bool> which) => effect.List.Remove(effect.Of(Assignments).First(which).Node);

    private static void AddContainer(Effect effect)
    {
        var container = effect.Of("Microsoft.Storage/storageAccounts/blobServices/containers").Single(one => one.ShortName == "app-package").Node.DeepClone().AsObject();
        container["name"] = ((string)container["name"]!).Replace("app-package", "catalog", StringComparison.Ordinal);
        container["id"] = ((string)container["id"]!).Replace("app-package", "catalog", StringComparison.Ordinal);
        effect.List.Add((JsonNode)container);
    }

    [GeneratedRegex("/providers/Microsoft.ServiceBus/namespaces/[^/]+/queues/[^/]+$")]
    private static partial Regex QueueScope();

    [GeneratedRegex("/storageAccounts/csyncdata[^/]+/tableServices/default/tables/(syncrecords|resynclanes)$")]
    private static partial Regex TablesScope();

    [GeneratedRegex("/storageAccounts/csyncdata[^/]+/blobServices/default/containers/resync$")]
    private static partial Regex StateScope();

    [GeneratedRegex("/storageAccounts/csyncdata[^/]+/blobServices/default/containers/catalog$")]
    private static partial Regex CatalogScope();

    [GeneratedRegex("/storageAccounts/csynchost[^/]+$")]
    private static partial Regex HostAccountScope();

    [GeneratedRegex("/providers/Microsoft.Insights/components/[^/]+$")]
    private static partial Regex InsightsScope();

    [GeneratedRegex("/providers/Microsoft.KeyVault/vaults/[^/]+/secrets/[^/]+$")]
    private static partial Regex SecretScope();

    [GeneratedRegex("/providers/Microsoft.KeyVault/vaults/([^/]+)/keys/([^/]+)$")]
    private static partial Regex KeyScope();

    [GeneratedRegex("^/subscriptions/[^/]+/resourceGroups/[^/]+$")]
    private static partial Regex ResourceGroup();
}
