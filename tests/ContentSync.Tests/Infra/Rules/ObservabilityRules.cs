using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>What breaks is seen, and somebody is told, at a bounded price.</summary>
internal static partial class ObservabilityRules
{
    private const string Workspaces = "Microsoft.OperationalInsights/workspaces";
    private const string Components = "Microsoft.Insights/components";
    private const string Diagnostics = "Microsoft.Insights/diagnosticSettings";
    private const string QueryAlerts = "Microsoft.Insights/scheduledQueryRules";
    private const string MetricAlerts = "Microsoft.Insights/metricAlerts";
    private const string ActionGroups = "Microsoft.Insights/actionGroups";
    private const string Events = "Microsoft.EventGrid/systemTopics/eventSubscriptions";
    private const string Query = "properties.criteria.allOf.0.query";

    private static readonly string[] s_diagnosed =
    [
        Workspaces, "Microsoft.Network/publicIPAddresses", "Microsoft.Network/networkSecurityGroups", "Microsoft.Network/virtualNetworks",
        "Microsoft.Storage/storageAccounts/blobServices", "Microsoft.Storage/storageAccounts/tableServices", "Microsoft.ServiceBus/namespaces",
        "Microsoft.KeyVault/vaults", "Microsoft.EventGrid/systemTopics", "Microsoft.Web/serverfarms", "Microsoft.Web/sites",
    ];

    /// <summary>What needs no diagnostic setting: it has none, or what it would send is in the workspace already.</summary>
    private static readonly string[] s_undiagnosed =
    [
        // Its telemetry is the workspace's.
        Components,
        // Its services have settings of their own.
        "Microsoft.Storage/storageAccounts",
        // The Standard tier has metrics that cannot be sent, and no logs.
        "Microsoft.Network/natGateways",
        // These have none.
        ActionGroups, QueryAlerts, MetricAlerts, Diagnostics, "Microsoft.Insights/workbooks", "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleDefinitions", "Microsoft.Network/privateEndpoints",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups", "Microsoft.Network/privateDnsZones", "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "Microsoft.OperationalInsights/workspaces/tables", "Microsoft.Storage/storageAccounts/blobServices/containers", "Microsoft.Storage/storageAccounts/managementPolicies",
        "Microsoft.Storage/storageAccounts/tableServices/tables", "Microsoft.ServiceBus/namespaces/queues", "Microsoft.KeyVault/vaults/keys", Events,
        "Microsoft.Web/sites/config", "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
    ];

    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("diagnostics-everywhere", "Every resource that has diagnostics sends them; a type that this table does not know is a violation.",
            DiagnosticsEverywhere, Demand.Remove(Diagnostics)),
        new("diagnostics-to-the-workspace", "Diagnostics go to this deployment's workspace.",
            DiagnosticsToTheWorkspace, Demand.Set(Diagnostics, "properties.workspaceId", "/subscriptions/x/elsewhere")),
        new("vault-audit", "Every use of a key is recorded, in the table that is on the cheap plan.",
            VaultAudit, infrastructure => infrastructure.Small.Of(Diagnostics).First(one => one.Scope.Contains("/vaults/", StringComparison.Ordinal))["properties.logAnalyticsDestinationType"] = null),
        new("no-log-for-each-item", "No diagnostic setting logs every read or write of the ledger.",
            NoLogForEachItem, LogTheLedger),
        new("daily-cap", "Telemetry has a daily cap.",
            infrastructure => Demand.Each(infrastructure, Workspaces, "properties.workspaceCapping.dailyQuotaGb", text => int.TryParse(text, out var cap) && cap is >= 1 and <= 100, "1 to 100"),
            Demand.Set(Workspaces, "properties.workspaceCapping.dailyQuotaGb", -1)),
        new("retention", "Telemetry is kept at least 30 days.",
            infrastructure => Demand.Each(infrastructure, Workspaces, "properties.retentionInDays", text => int.TryParse(text, out var days) && days >= 30, "30 or more"),
            Demand.Set(Workspaces, "properties.retentionInDays", 7)),
        new("workspace-based", "Application Insights keeps its data in the workspace, where the cap holds.",
            WorkspaceBased, Demand.Set(Components, "properties.WorkspaceResourceId", null)),
        new("somebody-is-told", "The action group is on and has receivers.",
            SomebodyIsTold, Demand.Set(ActionGroups, "properties.emailReceivers", new JsonArray())),
        new("alerts-are-on", "Every alert is on.",
            infrastructure => [
                .. Demand.Each(infrastructure, QueryAlerts, "properties.enabled", true),
                .. Demand.Each(infrastructure, MetricAlerts, "properties.enabled", true),
            ],
            Demand.Set(MetricAlerts, "properties.enabled", false)),
        new("alerts-tell-the-group", "Every alert tells the action group.",
            AlertsTellTheGroup, Demand.Set(QueryAlerts, "properties.actions.actionGroups", new JsonArray())),
        new("alerts-say-what-to-do", "Every alert says what is wrong.",
            infrastructure => [
                .. Demand.Each(infrastructure, QueryAlerts, "properties.description", text => text?.Length > 40, "a sentence or two"),
                .. Demand.Each(infrastructure, MetricAlerts, "properties.description", text => text?.Length > 40, "a sentence or two"),
            ],
            Demand.Set(QueryAlerts, "properties.description", "")),
        new("alerts-resolve-themselves", "An alert ends by itself when its cause does.",
            infrastructure => [
                .. Demand.Each(infrastructure, QueryAlerts, "properties.autoMitigate", true),
                .. Demand.Each(infrastructure, MetricAlerts, "properties.autoMitigate", true),
            ],
            Demand.Set(QueryAlerts, "properties.autoMitigate", false)),
        new("alert-parked", "There is an alert for parked items.",
            infrastructure => MetricIsWatched(infrastructure, "contentsync.parked"), RemoveAlert("-parked")),
        new("alert-oldest-pending", "There is an alert for the age of the oldest pending item.",
            infrastructure => MetricIsWatched(infrastructure, "contentsync.oldest_pending.age"), RemoveAlert("-oldest-pending")),
        new("alert-verification-failures", "There is an alert for answers that fail verification.",
            infrastructure => MetricIsWatched(infrastructure, "contentsync.verification.failures"), RemoveAlert("-verification-failures")),
        new("alert-partner-errors", "There is an alert for the share of failed calls to AlipayHK.",
            infrastructure => MetricIsWatched(infrastructure, "contentsync.outcomes"), RemoveAlert("-partner-errors")),
        new("alert-function-failures", "There is an alert for failures of every function.",
            AlertFunctionFailures, infrastructure => Replace(infrastructure, "-function-failures", "Success == false", "Success == false and OperationName == 'SubmitContent'")),
        new("alert-silence", "There is an alert for an app that says nothing, and one for the cap that would silence it.",
            infrastructure => from effect in infrastructure.Effects
                              from end in new[] { "-silence", "-telemetry-cap" }
                              where !effect.Of(QueryAlerts).Any(alert => alert.Name.EndsWith(end, StringComparison.Ordinal))
                              select $"{effect.Name} has no alert {end}.",
            RemoveAlert("-silence")),
        new("alert-dead-letters", "There is an alert for the first dead letter in either queue.",
            AlertDeadLetters, infrastructure => infrastructure.Small.The(MetricAlerts, "-dead-letters")["properties.criteria.allOf.0.dimensions.0.values"] = new JsonArray("content")),
        new("alert-vault-throttled", "There is an alert for throttling in any of the vaults.",
            AlertVaultThrottled, infrastructure => infrastructure.Production.The(MetricAlerts, "-vault-throttled")["properties.scopes"]!.AsArray().RemoveAt(2)),
        new("alert-key-near-expiry", "Every vault tells of a key near its expiry.",
            AlertKeyNearExpiry, Demand.Set(Events, "properties.filter.includedEventTypes", new JsonArray("Microsoft.KeyVault.SecretNearExpiry"))),
        new("queries-read-known-metrics", "A query names only instruments that the app has.",
            QueriesReadKnownMetrics, infrastructure => Replace(infrastructure, "-parked", "contentsync.parked", "contentsync.stuck")),
        new("queries-give-their-measure", "A query gives the column that its alert measures.",
            QueriesGiveTheirMeasure, Demand.Set(QueryAlerts, "properties.criteria.allOf.0.metricMeasureColumn", "Count")),
        new("workbook-complete", "The workbook shows throughput, outcomes by code, both latencies, lag, resync progress and cost.",
            WorkbookComplete, infrastructure => ReplaceWorkbook(infrastructure, "\"name\":\"cost\"", "\"name\":\"price\"")),
        new("workbook-reads-known-metrics", "The workbook names only instruments that the app has, and leaves no placeholder.",
            WorkbookReadsKnownMetrics, infrastructure => ReplaceWorkbook(infrastructure, "contentsync.sign.duration", "contentsync.signing.time")),
    ];

    private static IEnumerable<string> DiagnosticsEverywhere(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let scopes = effect.Of(Diagnostics).Select(one => one.Scope).ToHashSet()
        from resource in effect.Resources
        where s_diagnosed.Contains(resource.Type) ? !scopes.Contains(resource.Id) : !s_undiagnosed.Contains(resource.Type)
        select $"{resource} has no diagnostics.";

    private static IEnumerable<string> DiagnosticsToTheWorkspace(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let workspace = effect.The(Workspaces).Id
        from setting in effect.Of(Diagnostics)
        where setting.Text("properties.workspaceId") != workspace
            || !setting.Items("properties.logs").Concat(setting.Items("properties.metrics")).Any(one => (bool?)one["enabled"] == true)
        select $"{setting} on {setting.Scope} sends nothing to {workspace}.";

    private static IEnumerable<string> VaultAudit(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from vault in effect.Of("Microsoft.KeyVault/vaults")
        where !effect.Of(Diagnostics).Any(one => one.Scope == vault.Id
                && one.Text("properties.logAnalyticsDestinationType") == "Dedicated"
                && one.Items("properties.logs").Any(log => (string?)log["category"] == "AuditEvent"))
            || !effect.Of("Microsoft.OperationalInsights/workspaces/tables").Any(table => table.ShortName == "AZKVAuditLogs" && table.Text("properties.plan") == "Basic")
        select $"{vault} is not audited.";

    private static IEnumerable<string> NoLogForEachItem(Infrastructure infrastructure) =>
        from setting in infrastructure.Of(Diagnostics)
        where setting.Scope.Contains("/tableServices/", StringComparison.Ordinal)
        from log in setting.Items("properties.logs")
        where (string?)log["category"] is "StorageRead" or "StorageWrite"
        select $"{setting} logs {log["category"]} of the ledger.";

    private static IEnumerable<string> WorkspaceBased(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from component in effect.Of(Components)
        where component.Text("properties.WorkspaceResourceId") != effect.The(Workspaces).Id
        select $"{component} has no workspace.";

    private static IEnumerable<string> SomebodyIsTold(Infrastructure infrastructure) =>
        from target in infrastructure.Of(ActionGroups)
        let mails = target.Items("properties.emailReceivers").Select(one => (string?)one["emailAddress"]).ToArray()
        where target.Text("properties.enabled") != "true" || mails.Length == 0 || mails.Any(mail => mail?.Contains('@') != true)
        select $"{target} tells {string.Join(", ", mails)}.";

    private static IEnumerable<string> AlertsTellTheGroup(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let target = effect.The(ActionGroups).Id
        from alert in effect.Of(QueryAlerts).Concat(effect.Of(MetricAlerts))
        where alert.Text("properties.actions.actionGroups.0") != target && alert.Text("properties.actions.0.actionGroupId") != target
        select $"{alert} tells nobody.";

    private static IEnumerable<string> MetricIsWatched(Infrastructure infrastructure, string metric) =>
        from effect in infrastructure.Effects
        where !effect.Of(QueryAlerts).Any(alert => alert.Text(Query)!.Contains($"Name == '{metric}'", StringComparison.Ordinal))
        select $"{effect.Name}: nothing watches {metric}.";

    private static IEnumerable<string> AlertFunctionFailures(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let query = effect.Of(QueryAlerts).SingleOrDefault(alert => alert.Name.EndsWith("-function-failures", StringComparison.Ordinal))?.Text(Query) ?? ""
        where !query.Contains("AppRequests", StringComparison.Ordinal) || !query.Contains("Success == false", StringComparison.Ordinal) || query.Contains("Name", StringComparison.Ordinal)
        select $"{effect.Name}: not every function is watched.";

    private static IEnumerable<string> AlertDeadLetters(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let queues = effect.Of("Microsoft.ServiceBus/namespaces/queues").Select(queue => queue.ShortName).Order()
        where !effect.Of(MetricAlerts).Any(alert => alert.Text("properties.criteria.allOf.0.metricName") == "DeadletteredMessages"
            && alert.Text("properties.criteria.allOf.0.threshold") == "0"
            && alert.Text("properties.scopes.0") == effect.The("Microsoft.ServiceBus/namespaces").Id
            && alert.Items("properties.criteria.allOf.0.dimensions.0.values").Select(one => (string)one!).Order().SequenceEqual(queues))
        select $"{effect.Name}: dead letters are not watched in each queue.";

    private static IEnumerable<string> AlertVaultThrottled(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from vault in effect.Of("Microsoft.KeyVault/vaults")
        where !effect.Of(MetricAlerts).Any(alert => alert.Text("properties.criteria.allOf.0.metricName") == "ServiceApiResult"
            && alert.Text("properties.criteria.allOf.0.dimensions.0.values.0") == "429"
            && alert.Items("properties.scopes").Any(scope => (string?)scope == vault.Id))
        select $"{vault}: throttling is not watched.";

    private static IEnumerable<string> AlertKeyNearExpiry(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from vault in effect.Of("Microsoft.KeyVault/vaults")
        let topic = effect.Of("Microsoft.EventGrid/systemTopics").SingleOrDefault(one => one.Text("properties.source") == vault.Id)
        where topic is null || !effect.Of(Events).Any(one => one.Name.StartsWith(topic.Name + "/", StringComparison.Ordinal)
            && one.Text("properties.eventDeliverySchema") == "CloudEventSchemaV1_0"
            && one.Text("properties.destination.endpointType") == "MonitorAlert"
            && one.Text("properties.destination.properties.actionGroups.0") == effect.The(ActionGroups).Id
            && one.Items("properties.filter.includedEventTypes").Any(type => (string?)type == "Microsoft.KeyVault.KeyNearExpiry"))
        select $"{vault}: a key near its expiry is not told of.";

    private static IEnumerable<string> QueriesReadKnownMetrics(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        from Match name in Instrument().Matches(alert.Text(Query)!)
        where !SettingsContract.Instruments.Contains(name.Groups[1].Value)
        select $"{alert} reads {name.Groups[1].Value}.";

    private static IEnumerable<string> QueriesGiveTheirMeasure(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        let measure = alert.Text("properties.criteria.allOf.0.metricMeasureColumn")
        where !Regex.IsMatch(alert.Text(Query)!, $@"\b{measure}\s*=")
        select $"{alert} measures {measure}, which its query does not give.";

    private static IEnumerable<string> WorkbookComplete(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let shown = Workbook(effect)["items"]!.AsArray().Select(item => (string?)item!["name"]).ToHashSet()
        from wanted in new[] { "throughput", "outcomes-by-code", "latency-sign", "latency-partner", "lag", "backlog", "resync-progress", "cost" }
        where !shown.Contains(wanted)
        select $"{effect.Name}: the workbook does not show {wanted}.";

    private static IEnumerable<string> WorkbookReadsKnownMetrics(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let text = effect.The("Microsoft.Insights/workbooks").Text("properties.serializedData")!
        from Match name in Instrument().Matches(text)
        where !SettingsContract.Instruments.Contains(name.Groups[1].Value) || text.Contains("{workspaceId}", StringComparison.Ordinal) || text.Contains("{namespaceId}", StringComparison.Ordinal)
        select $"{effect.Name}: the workbook reads {name.Groups[1].Value}.";

    private static JsonObject Workbook(Effect effect) => JsonNode.Parse(effect.The("Microsoft.Insights/workbooks").Text("properties.serializedData")!)!.AsObject();

    private static Action<Infrastructure> RemoveAlert(string nameEnd) => infrastructure =>
        infrastructure.Small.List.Remove(infrastructure.Small.The(QueryAlerts, nameEnd).Node);

    private static void Replace(Infrastructure infrastructure, string nameEnd, string from, string to)
    {
        var alert = infrastructure.Production.The(QueryAlerts, nameEnd);
        alert[Query] = alert.Text(Query)!.Replace(from, to, StringComparison.Ordinal);
    }

    private static void ReplaceWorkbook(Infrastructure infrastructure, string from, string to)
    {
        var workbook = infrastructure.Production.The("Microsoft.Insights/workbooks");
        workbook["properties.serializedData"] = workbook.Text("properties.serializedData")!.Replace(from, to, StringComparison.Ordinal);
    }

    private static void LogTheLedger(Infrastructure infrastructure) =>
        infrastructure.Small.Of(Diagnostics).First(one => one.Scope.Contains("/tableServices/", StringComparison.Ordinal))["properties.logs.0.category"] = "StorageWrite";

    [GeneratedRegex(@"'(contentsync\.[a-z_]+(?:\.[a-z_]+)*)'")]
    private static partial Regex Instrument();
}
