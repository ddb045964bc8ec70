using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>All authentication uses the app's identity.</summary>
internal static partial class IdentityRules
{
    private const string Sites = "Microsoft.Web/sites";
    private const string Storage = "Microsoft.Storage/storageAccounts";
    private const string Publishing = "Microsoft.Web/sites/basicPublishingCredentialsPolicies";

    /// <summary>Settings that have names like secrets but hold none.</summary>
    private static readonly string[] s_publicSettings = ["APPLICATIONINSIGHTS_CONNECTION_STRING"];

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("app-has-one-identity", "The app runs as exactly one user-assigned identity.",
            AppHasOneIdentity, Demand.Set(Sites, "identity.type", "SystemAssigned")),
        new("host-storage-by-identity", "The Functions host accesses its storage by identity.",
            HostStorageByIdentity, Demand.SetSetting("AzureWebJobsStorage", "DefaultEndpointsProtocol=https;AccountName=a")),
        new("queues-by-identity", "The queue bindings authenticate by identity.",
            QueuesByIdentity, Demand.SetSetting("ServiceBus__credential", null)),
        new("telemetry-by-identity", "Telemetry is sent by identity.",
            TelemetryByIdentity, Demand.SetSetting("APPLICATIONINSIGHTS_AUTHENTICATION_STRING", null)),
        new("package-by-identity", "The published package is fetched by identity.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.functionAppConfig.deployment.storage.authentication.type", "UserAssignedIdentity"),
            Demand.Set(Sites, "properties.functionAppConfig.deployment.storage.authentication.type", "StorageAccountConnectionString")),
        new("vault-references-by-identity", "Key Vault references are resolved by the app's identity.",
            infrastructure => Demand.Each(infrastructure, Sites, "properties.keyVaultReferenceIdentity", IsIdentity, "the identity's id"),
            Demand.Set(Sites, "properties.keyVaultReferenceIdentity", "SystemAssigned")),
        new("service-bus-local-auth-off", "Service Bus accepts no shared keys.",
            infrastructure => Demand.Each(infrastructure, "Microsoft.ServiceBus/namespaces", "properties.disableLocalAuth", true),
            Demand.Set("Microsoft.ServiceBus/namespaces", "properties.disableLocalAuth", false)),
        new("application-insights-local-auth-off", "Application Insights accepts no telemetry by instrumentation key alone.",
            infrastructure => Demand.Each(infrastructure, "Microsoft.Insights/components", "properties.DisableLocalAuth", true),
            Demand.Set("Microsoft.Insights/components", "properties.DisableLocalAuth", null)),
        new("workspace-local-auth-off", "The workspace accepts no data by shared key.",
            infrastructure => Demand.Each(infrastructure, "Microsoft.OperationalInsights/workspaces", "properties.features.disableLocalAuth", true),
            Demand.Set("Microsoft.OperationalInsights/workspaces", "properties.features.disableLocalAuth", false)),
        new("storage-shared-keys-off", "Storage accepts no shared keys.",
            infrastructure => Demand.Each(infrastructure, Storage, "properties.allowSharedKeyAccess", false),
            Demand.Set(Storage, "properties.allowSharedKeyAccess", true, production: true)),
        new("storage-oauth-by-default", "The portal accesses storage by identity by default.",
            infrastructure => Demand.Each(infrastructure, Storage, "properties.defaultToOAuthAuthentication", true),
            Demand.Set(Storage, "properties.defaultToOAuthAuthentication", false)),
        new("vault-by-roles", "Roles, not access policies, control access to vaults.",
            infrastructure => Demand.Each(infrastructure, "Microsoft.KeyVault/vaults", "properties.enableRbacAuthorization", true),
            Demand.Set("Microsoft.KeyVault/vaults", "properties.enableRbacAuthorization", false, production: true)),
        new("no-publishing-passwords", "Publishing by password is off for FTP and SCM.",
            NoPublishingPasswords, Demand.Remove(Publishing)),
        new("no-key-functions", "No template reads a key or creates a token.",
            NoKeyFunctions, infrastructure => infrastructure.Template["outputs"]!["functionAppName"]!["value"] = "[listKeys('x', '2024-01-01').key1]"),
        new("no-secret-outputs", "No output looks like a secret.",
            NoSecretOutputs, infrastructure => infrastructure.Template["outputs"]!["storagePassword"] = new System.Text.Json.Nodes.JsonObject { ["type"] = "string", ["value"] = "x" }),
        new("no-secret-settings", "A setting that looks like a secret is a Key Vault reference.",
            NoSecretSettings, Demand.SetSetting("Webhook__Secrets__0", "whsec_c2VjcmV0")),
        new("no-credentials-in-settings", "No setting contains a credential.",
            NoCredentialsInSettings, Demand.SetSetting("ContentQueue", "Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey=b")),
        new("no-signed-addresses-in-settings", "No setting is a URL with a query string, which could contain a signature or code.",
            NoCredentialsInSettings, Demand.SetSetting("Content__SchemaDirectory", "https://account.blob.core.windows.net/schemas?sp=r&code=abc")),
    ];

    private static IEnumerable<string> AppHasOneIdentity(Infrastructure infrastructure) =>
        from app in infrastructure.Of(Sites)
        let identities = app["identity.userAssignedIdentities"]?.AsObject().Count ?? 0
        where app.Text("identity.type") != "UserAssigned" || identities != 1
        select $"{app} runs as {app.Text("identity.type")} with {identities} identities.";

    private static IEnumerable<string> HostStorageByIdentity(Infrastructure infrastructure) =>
    [
        .. Demand.Setting(infrastructure, "AzureWebJobsStorage", value => value is null),
        .. Demand.Setting(infrastructure, "AzureWebJobsStorage__accountName", value => !string.IsNullOrEmpty(value)),
        .. Demand.Setting(infrastructure, "AzureWebJobsStorage__credential", value => value == "managedidentity"),
        .. Demand.Setting(infrastructure, "AzureWebJobsStorage__clientId", IsClientId),
    ];

    private static IEnumerable<string> QueuesByIdentity(Infrastructure infrastructure) =>
    [
        .. Demand.Setting(infrastructure, "ServiceBus", value => value is null),
        .. Demand.Setting(infrastructure, "ServiceBus__credential", value => value == "managedidentity"),
        .. Demand.Setting(infrastructure, "ServiceBus__clientId", IsClientId),
    ];

    private static IEnumerable<string> TelemetryByIdentity(Infrastructure infrastructure) =>
        Demand.Setting(infrastructure, "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
            value => value is not null && value.Contains("ClientId=", StringComparison.Ordinal) && value.Contains("Authorization=AAD", StringComparison.Ordinal));

    private static IEnumerable<string> NoPublishingPasswords(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from channel in new[] { "ftp", "scm" }
        where !effect.Of(Publishing).Any(policy => policy.ShortName == channel && policy.Text("properties.allow") == "false")
        select $"{effect.Name}: {channel} allows publishing by password.";

    private static IEnumerable<string> NoKeyFunctions(Infrastructure infrastructure) =>
        from one in infrastructure.Templates
        from Match call in KeyFunction().Matches(one.Template.ToJsonString())
        select $"{one.Name} calls {call.Value}.";

    private static IEnumerable<string> NoSecretOutputs(Infrastructure infrastructure) =>
        from one in infrastructure.Templates
        from output in one.Template["outputs"]?.AsObject() ?? []
        where SecretName().IsMatch(output.Key)
        select $"{one.Name} outputs {output.Key}.";

    private static IEnumerable<string> NoSecretSettings(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from setting in effect.Settings
        where SecretName().IsMatch(setting.Key) && !s_publicSettings.Contains(setting.Key)
        where !IsVaultReference(setting.Value)
        select $"{effect.Name}: setting {setting.Key} holds its value in plain text.";

    /// <summary>Whether a setting names a secret in a vault: as text, or as the expression that makes it.</summary>
    internal static bool IsVaultReference(JsonNode? setting) => (string?)setting is { } value
        && (value.StartsWith("@Microsoft.KeyVault(SecretUri=https://", StringComparison.Ordinal)
            || value.StartsWith("[format('@Microsoft.KeyVault(SecretUri={0}secrets/{1})'", StringComparison.Ordinal));

    private static IEnumerable<string> NoCredentialsInSettings(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from setting in effect.Settings
        where Credential().IsMatch((string?)setting.Value ?? "")
        select $"{effect.Name}: setting {setting.Key} contains a credential.";

    private static bool IsIdentity(string? text) => text is not null && text.Contains("/providers/Microsoft.ManagedIdentity/userAssignedIdentities/", StringComparison.Ordinal);

    private static bool IsClientId(string? text) => IsIdentity(text) && text!.EndsWith(".clientId]", StringComparison.Ordinal);

    [GeneratedRegex(@"\blist(Keys|Secrets|AccountSas|ServiceSas|KeyValue|HostKeys|ConnectionStrings)?\s*\(|\blist[A-Z]\w*\s*\(")]
    private static partial Regex KeyFunction();

    [GeneratedRegex("(?i)secret|password|token|accountkey|accesskey|sharedkey|connection_?string|_sas|sas_|credentials")]
    private static partial Regex SecretName();

    [GeneratedRegex(@"(?i)https?://[^?]*\?|accountkey=|sharedaccesskey=|sharedaccesssignature=|password=|sig=|-----BEGIN [A-Z ]*PRIVATE KEY")]
    private static partial Regex Credential();
}
