using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra.Rules;

/// <summary>Failures are visible and alerts reach the operators, at limited cost.</summary>
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

    /// <summary>Types without a diagnostic setting: they have no diagnostics, or the workspace has the data already.</summary>
    private static readonly string[] s_undiagnosed =
    [
        // Its telemetry is in the workspace already.
        Components,
        // Its sub-services have their own diagnostic settings.
        "Microsoft.Storage/storageAccounts",
        // The Standard tier has no logs, and its metrics cannot be exported.
        "Microsoft.Network/natGateways",
        // These have no diagnostics.
        ActionGroups, QueryAlerts, MetricAlerts, Diagnostics, "Microsoft.Insights/workbooks", "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/roleDefinitions", "Microsoft.Network/privateEndpoints",
        "Microsoft.Network/privateEndpoints/privateDnsZoneGroups", "Microsoft.Network/privateDnsZones", "Microsoft.Network/privateDnsZones/virtualNetworkLinks",
        "Microsoft.OperationalInsights/workspaces/tables", "Microsoft.Storage/storageAccounts/blobServices/containers", "Microsoft.Storage/storageAccounts/managementPolicies",
        "Microsoft.Storage/storageAccounts/tableServices/tables", "Microsoft.ServiceBus/namespaces/queues",
            "Microsoft.ServiceBus/namespaces/networkRuleSets", "Microsoft.KeyVault/vaults/keys", Events,
        "Microsoft.Web/sites/config", "Microsoft.Web/sites/basicPublishingCredentialsPolicies", "Microsoft.Authorization/locks",
    ];

    /// <summary>The log categories that the diagnostics of a type must send, and whether metrics are required.</summary>
    private static readonly Dictionary<string, (string[] Logs, bool Metrics)> s_categories = new()
    {
        [Workspaces] = (["Audit"], false),
        ["Microsoft.Network/publicIPAddresses"] = (["DDoSProtectionNotifications"], false),
        ["Microsoft.Network/networkSecurityGroups"] = (["NetworkSecurityGroupEvent"], false),
        ["Microsoft.Network/virtualNetworks"] = (["VMProtectionAlerts"], false),
        ["Microsoft.Storage/storageAccounts/blobServices"] = (["StorageDelete"], false),
        ["Microsoft.Storage/storageAccounts/tableServices"] = (["StorageDelete"], false),
        ["Microsoft.ServiceBus/namespaces"] = (["OperationalLogs"], true),
        ["Microsoft.KeyVault/vaults"] = (["AuditEvent"], false),
        ["Microsoft.EventGrid/systemTopics"] = (["DeliveryFailures"], false),
        ["Microsoft.Web/serverfarms"] = ([], true),
        ["Microsoft.Web/sites"] = ([], true),
    };

    /// <summary>
    /// The expected query of each log alert: the table, every line that filters or computes, and the threshold unless it is a parameter. This
    /// duplicates the template on purpose, so that a wrong line in the template does not go unnoticed.
    /// </summary>
    private static readonly Dictionary<string, (string Table, string? Threshold, string[] Lines)> s_alerts = new()
    {
        ["parked"] = ("AppMetrics", "0", ["where Name == 'contentsync.parked'", "summarize Parked = coalesce(sum(Sum), 0.0)"]),
        ["oldest-pending"] =
            ("AppMetrics", null,
            ["where Name == 'contentsync.oldest_pending.age'", "summarize arg_max(TimeGenerated, Sum, ItemCount)",
            "extend Seconds = Sum / ItemCount"]),
        ["silence"] =
            ("AppMetrics", "0",
            ["where Name == 'contentsync.oldest_pending.age'", "summarize Sweeps = count()", "extend Silent = iff(Sweeps == 0, 1, 0)"]),
        ["unusable-messages"] = ("AppMetrics", "0",
            ["where Name == 'contentsync.dead_lettered'", "where tostring(Properties.reason) == 'InvalidMessage'",
                "summarize Messages = coalesce(sum(Sum), 0.0)"]),
        ["verification-failures"] =
            ("AppMetrics", "0", ["where Name == 'contentsync.verification.failures'", "summarize Failures = coalesce(sum(Sum), 0.0)"]),
        ["alipayhk-errors"] = ("AppMetrics", null,
        [
            "where Name == 'contentsync.outcomes'", "extend Code = tostring(Properties.code)", "where isnotempty(Code)",
            "summarize Responses = sum(Sum), Errors = sumif(Sum, Code !in ('SUCCESS', 'PARAM_ILLEGAL', 'CONTENT_RISKY'))",
            "extend ErrorPercent = iff(Responses >= 20, 100.0 * Errors / Responses, 0.0)",
        ]),
        ["function-failures"] = ("AppRequests", null,
        [
            "where Success == false", "extend Code = coalesce(toint(ResultCode), 0)", "where Code != 503 and not(Code between (400 .. 499))",
            "summarize Failures = coalesce(sum(ItemCount), 0)",
        ]),
        ["resync-refused"] = ResyncEndedAs("Refused"),
        ["resync-stopped"] = ResyncEndedAs("Stopped"),
        ["resync-no-catalog"] = ResyncEndedAs("NoCatalog"),
        ["resync-failures"] = ResyncEndedAs("CompletedWithFailures"),
        ["resync-overdue"] = ("AppMetrics", null,
        [
            "where Name in ('contentsync.resync.runs', 'contentsync.oldest_pending.age')",
                "extend Source = tostring(Properties.source), Result = tostring(Properties.result)",
            "summarize FirstPoint = min(TimeGenerated), LastSuccess = maxif(TimeGenerated, Source == 'catalog' and Result in ('Completed', 'HandledAlready'))",
            "extend HoursWithout = datetime_diff('minute', now(), coalesce(LastSuccess, FirstPoint)) / 60.0",
        ]),
        ["telemetry-cap"] = ("_LogOperation", "0", ["where Category =~ 'Ingestion' and Detail has 'OverQuota'", "summarize Reached = count()"]),
    };

    private static (string Table, string? Threshold, string[] Lines) ResyncEndedAs(string result) =>
        ("AppMetrics", "0",
            ["where Name == 'contentsync.resync.runs'",
            $"where tostring(Properties.result) == '{result}'", "summarize Runs = coalesce(sum(Sum), 0.0)"]);


    public static IReadOnlyList<PolicyRule> All { get; } =
    [
        new("diagnostics-everywhere", "Every resource that supports diagnostics sends them; an unknown resource type is a violation.",
            DiagnosticsEverywhere, Demand.Remove(Diagnostics)),
        new("diagnostics-to-the-workspace", "Diagnostics go to this deployment's workspace.",
            DiagnosticsToTheWorkspace, Demand.Set(Diagnostics, "properties.workspaceId", "/subscriptions/x/elsewhere")),
        new("diagnostics-complete", "Diagnostics send all logs and metrics of their type that are used.",
            DiagnosticsComplete, infrastructure =>
                infrastructure.Small.Of(Diagnostics)
                .First(one => one.Scope.EndsWith("/blobServices/default", StringComparison.Ordinal))["properties.logs.0.enabled"] = false),
        new("diagnostics-with-metrics", "Diagnostics include the metrics that the workbook reads.",
            DiagnosticsComplete, infrastructure =>
                infrastructure.Production.Of(Diagnostics)
                .First(one => one.Scope.Contains("/namespaces/", StringComparison.Ordinal))["properties.metrics"] = null),
        new("audit-kept-as-long-as-telemetry", "The audit log of the vaults is kept as long as telemetry.",
            AuditKept, infrastructure =>
                infrastructure.Production.The("Microsoft.OperationalInsights/workspaces/tables")["properties.totalRetentionInDays"] = 30),
        new("vault-audit", "Every use of a key is logged, to the table with the cheap plan.",
            VaultAudit, infrastructure => infrastructure.Small.Of(Diagnostics).First(one => one.Scope.Contains("/vaults/", StringComparison.Ordinal))["properties.logAnalyticsDestinationType"] = null),
        new("no-log-for-each-item", "No diagnostic setting logs every read or write of the ledger.",
            NoLogForEachItem, LogTheLedger),
        new("daily-cap", "Telemetry has a daily cap.",
            infrastructure => Demand.Each(infrastructure, Workspaces, "properties.workspaceCapping.dailyQuotaGb", text => int.TryParse(text, out var cap) && cap is >= 1 and <= 100, "1 to 100"),
            Demand.Set(Workspaces, "properties.workspaceCapping.dailyQuotaGb", -1)),
        new("retention", "Telemetry is kept at least 30 days.",
            infrastructure => Demand.Each(infrastructure, Workspaces, "properties.retentionInDays", text => int.TryParse(text, out var days) && days >= 30, "30 or more"),
            Demand.Set(Workspaces, "properties.retentionInDays", 7)),
        new("workspace-based", "Application Insights stores its data in the workspace, where the daily cap applies.",
            WorkspaceBased, Demand.Set(Components, "properties.WorkspaceResourceId", null)),
        new("alerts-have-receivers", "The action group is enabled and has receivers.",
            ActionGroupHasReceivers, Demand.Set(ActionGroups, "properties.emailReceivers", new JsonArray())),
        new("alerts-are-on", "Every alert is enabled.",
            infrastructure => [
                .. Demand.Each(infrastructure, QueryAlerts, "properties.enabled", true),
                .. Demand.Each(infrastructure, MetricAlerts, "properties.enabled", true),
            ],
            Demand.Set(MetricAlerts, "properties.enabled", false)),
        new("alerts-tell-the-group", "Every alert notifies the action group.",
            AlertsNotifyTheGroup, Demand.Set(QueryAlerts, "properties.actions.actionGroups", new JsonArray())),
        new("alerts-say-what-to-do", "Every alert has a description of what is wrong.",
            infrastructure => [
                .. Demand.Each(infrastructure, QueryAlerts, "properties.description", text => text?.Length > 40, "a sentence or two"),
                .. Demand.Each(infrastructure, MetricAlerts, "properties.description", text => text?.Length > 40, "a sentence or two"),
            ],
            Demand.Set(QueryAlerts, "properties.description", "")),
        new("alerts-resolve-themselves", "An alert resolves automatically.",
            infrastructure => [
                .. Demand.Each(infrastructure, QueryAlerts, "properties.autoMitigate", true),
                .. Demand.Each(infrastructure, MetricAlerts, "properties.autoMitigate", true),
            ],
            Demand.Set(QueryAlerts, "properties.autoMitigate", false)),
        new("log-alerts-known", "There are exactly the log alerts listed in this file.",
            LogAlertsKnown, RemoveAlert("-parked")),
        new("log-alerts-read-the-right-table", "A log alert reads the right table.",
            LogAlertsAsIntended, infrastructure => Replace(infrastructure, "-function-failures", "AppRequests", "AppDependencies")),
        new("log-alerts-compare-as-intended", "A log alert filters and computes as intended.",
            LogAlertsAsIntended, infrastructure => Replace(infrastructure, "-silence", "Sweeps == 0", "Sweeps != 0")),
        new("resync-alerts-compare-as-intended", "A resync alert filters and computes as intended.",
            LogAlertsAsIntended, infrastructure => Replace(infrastructure, "-resync-stopped", "== 'Stopped'", "!= 'Stopped'")),
        new("log-alerts-fire-above", "A log alert fires when its value exceeds its threshold.",
            LogAlertsFireAbove, infrastructure =>
                infrastructure.Production.The(QueryAlerts, "-verification-failures")["properties.criteria.allOf.0.operator"] = "LessThan"),
        new("log-alerts-have-one-condition", "A log alert has exactly one condition.",
            LogAlertsFireAbove, infrastructure => Repeat(infrastructure.Small.The(QueryAlerts, "-parked"), "properties.criteria.allOf")),
        new("log-alerts-at-their-threshold", "The threshold of a log alert is 0 or comes from a parameter.",
            LogAlertsFireAbove, infrastructure =>
                infrastructure.Small.The(QueryAlerts, "-resync-refused")["properties.criteria.allOf.0.threshold"] = 5),
        new("log-alerts-outlast-the-delay-of-telemetry",
            "A log alert looks back at least 15 minutes, since telemetry arrives minutes late, and runs at least once per window.",
            LogAlertsOutlastTheDelay, infrastructure =>
                infrastructure.Small.The(QueryAlerts, "-function-failures")["properties.windowSize"] = "PT5M"),
        new("resync-overdue-sees-two-days", "The alert on an overdue resync looks back longer than the hours it measures.",
            ResyncOverdueSeesFarEnough, infrastructure =>
                infrastructure.Small.The(QueryAlerts, "-resync-overdue")["properties.overrideQueryTimeRange"] = null),
        new("alert-resync-dead-letters", "There is an alert for the first dead letter of the resync queue, which holds no rejected items.",
            infrastructure => DeadLettersWatched(infrastructure, "ResyncQueue", "0"), infrastructure =>
                infrastructure.Small.The(MetricAlerts, "-resync-dead-letters")["properties.criteria.allOf.0.operator"] = "LessThan"),
        new("alert-dead-letters-kept",
            "There is an alert for dead letters that pile up on the content queue, and the first rejected item does not trigger it.",
            infrastructure => DeadLettersWatched(infrastructure, "ContentQueue", "1000"), infrastructure =>
                infrastructure.Production.The(MetricAlerts, "-dead-letters-kept")["properties.criteria.allOf.0.threshold"] = 0),
        new("alert-vault-throttled", "There is an alert for throttling of any vault.",
            AlertVaultThrottled, infrastructure => infrastructure.Production.The(MetricAlerts, "-vault-throttled")["properties.scopes"]!.AsArray().RemoveAt(2)),
        new("alert-key-near-expiry", "Every vault notifies the action group of a key that is about to expire.",
            AlertKeyNearExpiry, Demand.Set(Events, "properties.filter.includedEventTypes", new JsonArray("Microsoft.KeyVault.SecretNearExpiry"))),
        new("queries-read-known-metrics", "A query uses only existing instruments, tags and values, in the right case.",
            QueriesReadKnownMetrics, infrastructure => Replace(infrastructure, "-parked", "contentsync.parked", "contentsync.stuck")),
        new("queries-spell-tags-right", "A query spells tags in the right case.",
            QueriesReadKnownMetrics, infrastructure => Replace(infrastructure, "-alipayhk-errors", "Properties.code", "Properties.Code")),
        new("queries-compare-known-values", "A query compares only with values that the app records.",
            QueriesReadKnownMetrics, infrastructure => Replace(infrastructure, "-resync-failures", "'CompletedWithFailures'", "'Failed'")),
        new("queries-give-their-measure", "A query returns the column that its alert measures.",
            QueriesGiveTheirMeasure, Demand.Set(QueryAlerts, "properties.criteria.allOf.0.metricMeasureColumn", "Count")),
        new("workbook-complete", "The workbook shows throughput, outcomes by code, both latencies, lag, resync progress and cost.",
            WorkbookComplete, infrastructure => ReplaceWorkbook(infrastructure, "\"name\":\"cost\"", "\"name\":\"price\"")),
        new("workbook-reads-known-metrics", "The workbook uses only existing instruments and tags, and has no placeholder left.",
            WorkbookReadsKnownMetrics, infrastructure => ReplaceWorkbook(infrastructure, "contentsync.sign.duration", "contentsync.signing.time")),
        new("workbook-spells-tags-right", "The workbook spells tags in the right case.",
            WorkbookReadsKnownMetrics, infrastructure => ReplaceWorkbook(infrastructure, "Properties.outcome", "Properties.Outcome")),
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

    private static IEnumerable<string> DiagnosticsComplete(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from resource in effect.Resources
        where s_categories.ContainsKey(resource.Type)
        let wanted = s_categories[resource.Type]
        let settings = effect.Of(Diagnostics).Where(one => one.Scope == resource.Id).ToArray()
        let logs = settings.SelectMany(one => one.Items("properties.logs")).Where(one => (bool?)one["enabled"] == true)
            .Select(one => (string?)one["category"]).ToArray()
        let metrics = settings.SelectMany(one => one.Items("properties.metrics"))
            .Any(one => (bool?)one["enabled"] == true && (string?)one["category"] == "AllMetrics")
        where wanted.Logs.Except(logs).Any() || (wanted.Metrics && !metrics)
        select $"{resource} sends {string.Join(", ", logs)}{(metrics ? " and metrics" : "")}.";

    private static IEnumerable<string> AuditKept(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let audit = effect.The("Microsoft.OperationalInsights/workspaces/tables").Text("properties.totalRetentionInDays")
        where audit is null || audit != effect.The(Workspaces).Text("properties.retentionInDays")
        select $"{effect.Name}: the audit log is kept for {audit} days.";

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

    private static IEnumerable<string> ActionGroupHasReceivers(Infrastructure infrastructure) =>
        from target in infrastructure.Of(ActionGroups)
        let mails = target.Items("properties.emailReceivers").Select(one => (string?)one["emailAddress"]).ToArray()
        where target.Text("properties.enabled") != "true" || mails.Length == 0 || mails.Any(mail => mail?.Contains('@') != true)
        select $"{target} notifies {string.Join(", ", mails)}.";

    private static IEnumerable<string> AlertsNotifyTheGroup(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let target = effect.The(ActionGroups).Id
        from alert in effect.Of(QueryAlerts).Concat(effect.Of(MetricAlerts))
        where alert.Text("properties.actions.actionGroups.0") != target && alert.Text("properties.actions.0.actionGroupId") != target
        select $"{alert} notifies no action group.";

    /// <summary>An alert's name without its prefix.</summary>
    private static string ShortNameOf(Resource alert) => string.Join('-', alert.Name.Split('-').Skip(2));

    private static IEnumerable<string> LogAlertsKnown(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let names = effect.Of(QueryAlerts).Select(ShortNameOf).Order(StringComparer.Ordinal).ToArray()
        where !names.SequenceEqual(s_alerts.Keys.Order(StringComparer.Ordinal))
        select $"{effect.Name} has the log alerts {string.Join(", ", names)}.";

    private static IEnumerable<string> LogAlertsAsIntended(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        where s_alerts.ContainsKey(ShortNameOf(alert))
        let intended = s_alerts[ShortNameOf(alert)]
        let lines = alert.Text(Query)!.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0).ToArray()
        where lines is not [var table, .. var rest] || table != intended.Table || !rest.SequenceEqual(intended.Lines.Select(line => "| " + line))
        select $"{alert} has the query: {string.Join(' ', lines)}";

    private static IEnumerable<string> LogAlertsFireAbove(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        let conditions = alert.Items("properties.criteria.allOf").ToArray()
        let threshold = s_alerts.GetValueOrDefault(ShortNameOf(alert)).Threshold
        where conditions.Length != 1
            || (string?)conditions[0]["operator"] != "GreaterThan" || (string?)conditions[0]["timeAggregation"] != "Maximum"
            || (int?)conditions[0]["failingPeriods"]?["minFailingPeriodsToAlert"] != 1
                || (int?)conditions[0]["failingPeriods"]?["numberOfEvaluationPeriods"] != 1
            || (threshold is not null && alert.Text("properties.criteria.allOf.0.threshold") != threshold)
        select $"{alert} fires on {alert["properties.criteria"]?.ToJsonString()}.";

    private static IEnumerable<string> LogAlertsOutlastTheDelay(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        let window = Span(alert, "properties.windowSize")
        where window < TimeSpan.FromMinutes(15) || Span(alert, "properties.evaluationFrequency") > window
        select $"{alert} looks back {window} every {Span(alert, "properties.evaluationFrequency")}.";

    private static IEnumerable<string> ResyncOverdueSeesFarEnough(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let alert = effect.The(QueryAlerts, "-resync-overdue")
        let range = alert.Text("properties.overrideQueryTimeRange") is null ? Span(alert, "properties.windowSize")
            : Span(alert, "properties.overrideQueryTimeRange")
        where range <= TimeSpan.FromHours((int)alert["properties.criteria.allOf.0.threshold"]!)
        select $"{alert} looks back {range}.";

    private static TimeSpan Span(Resource resource, string path) => System.Xml.XmlConvert.ToTimeSpan(resource.Text(path)!);

    private static IEnumerable<string> DeadLettersWatched(Infrastructure infrastructure, string queueSetting, string threshold) =>
        from effect in infrastructure.Effects
        let watching = effect.Of(MetricAlerts).Where(alert => alert.Items("properties.criteria.allOf")
            .Any(one =>
                (string?)one["metricName"] == "DeadletteredMessages" && one["dimensions"]!.AsArray()
                .Any(dimension => dimension!["values"]!.AsArray().Any(value => (string?)value == effect.Setting(queueSetting))))).ToArray()
        where watching.Length != 1
            || watching[0].Items("properties.criteria.allOf").Count() != 1
            || watching[0].Text("properties.criteria.allOf.0.threshold") != threshold
            || watching[0].Text("properties.criteria.allOf.0.operator") != "GreaterThan"
            || watching[0].Text("properties.scopes.0") != effect.The("Microsoft.ServiceBus/namespaces").Id
        select $"{effect.Name}: {watching.Length} alerts watch the dead letters of {effect.Setting(queueSetting)}.";

    private static IEnumerable<string> AlertVaultThrottled(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from vault in effect.Of("Microsoft.KeyVault/vaults")
        where !effect.Of(MetricAlerts).Any(alert => alert.Text("properties.criteria.allOf.0.metricName") == "ServiceApiResult"
            && alert.Text("properties.criteria.allOf.0.dimensions.0.values.0") == "429"
            && alert.Items("properties.scopes").Any(scope => (string?)scope == vault.Id))
        select $"{vault} has no throttling alert.";

    private static IEnumerable<string> AlertKeyNearExpiry(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        from vault in effect.Of("Microsoft.KeyVault/vaults")
        let topic = effect.Of("Microsoft.EventGrid/systemTopics").SingleOrDefault(one => one.Text("properties.source") == vault.Id)
        where topic is null || !effect.Of(Events).Any(one => one.Name.StartsWith(topic.Name + "/", StringComparison.Ordinal)
            && one.Text("properties.eventDeliverySchema") == "CloudEventSchemaV1_0"
            && one.Text("properties.destination.endpointType") == "MonitorAlert"
            && one.Text("properties.destination.properties.actionGroups.0") == effect.The(ActionGroups).Id
            && one.Items("properties.filter.includedEventTypes").Any(type => (string?)type == "Microsoft.KeyVault.KeyNearExpiry"))
        select $"{vault} does not notify of a key that is about to expire.";

    private static IEnumerable<string> QueriesReadKnownMetrics(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        let query = alert.Text(Query)!
        where query.Contains("AppMetrics", StringComparison.Ordinal)
        from fault in FaultsOf(query, withValues: true)
        select $"{alert}: {fault}";

    /// <summary>Unknown instruments, tags and, for alerts, values in a query.</summary>
    private static IEnumerable<string> FaultsOf(string query, bool withValues)
    {
        var named = Instrument().Matches(query).Select(match => match.Groups[1].Value).Distinct().ToArray();
        var tags = named.SelectMany(name => SettingsContract.Instruments.GetValueOrDefault(name) ?? new Dictionary<string, string[]>()).ToArray();
        var values = tags.SelectMany(tag => tag.Value).ToHashSet();
        foreach (var name in named.Where(name => !SettingsContract.Instruments.ContainsKey(name))) yield return $"there is no instrument {name}.";
        foreach (var tag in Tag().Matches(query).Select(match => match.Groups[1].Value)
            .Where(tag => !tags.Any(one => one.Key == tag))) yield return $"{string.Join(", ", named)} has no tag {tag}.";
        if (!withValues) yield break;

        foreach (var text in Text().Matches(query).Select(match => match.Groups[1].Value)
            .Where(text => text != "minute" && !named.Contains(text) && !values.Contains(text)))
            yield return $"no tag of {string.Join(", ", named)} has the value {text}.";
    }

    private static IEnumerable<string> QueriesGiveTheirMeasure(Infrastructure infrastructure) =>
        from alert in infrastructure.Of(QueryAlerts)
        let measure = alert.Text("properties.criteria.allOf.0.metricMeasureColumn")
        where !Regex.IsMatch(alert.Text(Query)!, $@"\b{measure}\s*=")
        select $"{alert} measures {measure}, which its query does not return.";

    private static IEnumerable<string> WorkbookComplete(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let shown = Workbook(effect)["items"]!.AsArray().Select(item => (string?)item!["name"]).ToHashSet()
        from wanted in new[] { "throughput", "outcomes-by-code", "latency-sign", "latency-alipayhk", "lag", "backlog", "resync-progress", "cost" }
        where !shown.Contains(wanted)
        select $"{effect.Name}: the workbook does not show {wanted}.";

    private static IEnumerable<string> WorkbookReadsKnownMetrics(Infrastructure infrastructure) =>
        from effect in infrastructure.Effects
        let text = effect.The("Microsoft.Insights/workbooks").Text("properties.serializedData")!
        from fault in WorkbookQueries(effect).SelectMany(one => FaultsOf(one.Query, withValues: false))
            .Concat(new[] { "{workspaceId}", "{namespaceId}" }.Where(placeholder => text.Contains(placeholder, StringComparison.Ordinal))
                .Select(placeholder => $"{placeholder} is left."))
        select $"{effect.Name}: {fault}";

    /// <summary>The queries of the workbook, each with the name of its part.</summary>
    public static IEnumerable<(string Name, string Query)> WorkbookQueries(Effect effect) =>
        from item in Workbook(effect)["items"]!.AsArray()
        let query = (string?)item!["content"]?["query"]
        where query is not null
        select ((string)item["name"]!, query);

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

    /// <summary>Repeats the first item of a list.</summary>
    private static void Repeat(Resource resource, string list) => resource[list]!.AsArray().Add(resource[list + ".0"]!.DeepClone());

    private static void LogTheLedger(Infrastructure infrastructure) =>
        infrastructure.Small.Of(Diagnostics).First(one => one.Scope.Contains("/tableServices/", StringComparison.Ordinal))["properties.logs.0.category"] = "StorageWrite";

    [GeneratedRegex(@"'(contentsync\.[a-z_]+(?:\.[a-z_]+)*)'")]
    private static partial Regex Instrument();

    [GeneratedRegex(@"\bProperties\.(\w+)")]
    private static partial Regex Tag();

    [GeneratedRegex("'([^']*)'")]
    private static partial Regex Text();
}
