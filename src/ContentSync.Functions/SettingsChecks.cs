using System.Reflection;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Resync;
using ContentSync.Signing;
using ContentSync.Synchronization;
using Microsoft.Extensions.Configuration;
using NCrontab;

namespace ContentSync.Functions;

/// <summary>What binding cannot see: names that are no settings, and values that only the Functions host or the telemetry exporter reads.</summary>
internal static class SettingsChecks
{
    /// <summary>Setting of the telemetry exporter.</summary>
    public const string ApplicationInsightsSetting = "APPLICATIONINSIGHTS_CONNECTION_STRING";

    private static readonly Dictionary<string, Type[]> Sections = new(StringComparer.OrdinalIgnoreCase)
    {
        [AlipayHkOptions.Section] = [typeof(AlipayHkOptions)],
        [ContentOptions.Section] = [typeof(ContentOptions)],
        [RecoverabilityOptions.Section] = [typeof(RecoverabilityOptions)],
        [SigningOptions.Section] = [typeof(SigningOptions)],
        [LedgerOptions.Section] = [typeof(LedgerOptions)],
        [CatalogOptions.Section] = [typeof(CatalogOptions)],
        [ResyncOptions.Section] = [typeof(ResyncOptions), typeof(ResyncStateOptions)],
        [QueueOptions.Section] = [typeof(QueueOptions)],
        [ScheduleOptions.Section] = [typeof(ScheduleOptions)],
        [ApiOptions.Section] = [typeof(ApiOptions)],
        [WebhookOptions.Section] = [typeof(WebhookOptions)],
        [ServiceBusOptions.Section] = [typeof(ServiceBusConnection)],
    };

    /// <summary>Each fault names its setting and says what would be right.</summary>
    public static IEnumerable<string> FaultsOf(IConfiguration configuration) =>
    [
        .. configuration.GetChildren().SelectMany(NameFaults),
        .. ConnectionFaults(configuration[ApplicationInsightsSetting]),
    ];

    /// <summary>Whether the Functions host can read it: six fields, the first of them seconds. It switches a timer off that it cannot read, and logs no more than a line.</summary>
    public static bool IsSchedule(string expression) =>
        CrontabSchedule.TryParse(expression, new CrontabSchedule.ParseOptions { IncludingSeconds = true }) is not null;

    private static IEnumerable<string> NameFaults(IConfigurationSection child)
    {
        if (Sections.TryGetValue(child.Key, out var types)) return MemberFaults(child, types);
        if (child.GetChildren().Any() && Nearest(child.Key, Sections.Keys.Where(name => name.Length > 4)) is { } section)
            return [$"{child.Key}__{child.GetChildren().First().Key} is no setting. Did you mean {section}__{child.GetChildren().First().Key}?"];
        return child.Value is not null && Nearest(child.Key, [ApplicationInsightsSetting, AzureIdentity.ClientIdSetting]) is { } setting
            ? [$"{child.Key} is no setting. Did you mean {setting}?"]
            : [];
    }

    private static IEnumerable<string> MemberFaults(IConfigurationSection section, IReadOnlyList<Type> types)
    {
        var members = types.SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)).ToDictionary(member => member.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (!members.TryGetValue(child.Key, out var member))
            {
                yield return Nearest(child.Key, members.Keys) is { } name
                    ? $"{child.Path} is no setting. Did you mean {section.Path}:{name}?"
                    : $"{child.Path} is no setting. {section.Path} has {string.Join(", ", members.Keys.Order(StringComparer.Ordinal))}.";
                continue;
            }

            var entry = member.PropertyType is { IsGenericType: true } list && list.GetGenericTypeDefinition() == typeof(IList<>) ? list.GetGenericArguments()[0] : null;
            var parts = entry is null ? [child] : child.GetChildren();
            if ((entry ?? member.PropertyType) is not { IsClass: true, Namespace: { } space } inner || !space.StartsWith(nameof(ContentSync), StringComparison.Ordinal)) continue;
            foreach (var fault in parts.SelectMany(part => MemberFaults(part, [inner]))) yield return fault;
        }
    }

    private static IEnumerable<string> ConnectionFaults(string? connection)
    {
        if (string.IsNullOrEmpty(connection)) yield break;
        var parts = connection.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(part => part.Split('=', 2))
            .ToLookup(part => part[0], part => part.Length == 2 ? part[1] : "", StringComparer.OrdinalIgnoreCase);
        const string Right = "It must be the connection string as Application Insights shows it, InstrumentationKey=GUID;IngestionEndpoint=https://...";
        if (!Guid.TryParse(parts["InstrumentationKey"].FirstOrDefault(), out _)) yield return $"{ApplicationInsightsSetting} has no InstrumentationKey, or one that is no GUID. {Right}";
        foreach (var name in new[] { "IngestionEndpoint", "LiveEndpoint" })
        {
            if (parts[name].FirstOrDefault() is { } endpoint && !(Uri.TryCreate(endpoint, UriKind.Absolute, out var address) && address.Scheme == Uri.UriSchemeHttps))
                yield return $"{ApplicationInsightsSetting} has a {name} that is no https address. {Right}";
        }
    }

    /// <summary>The candidate that differs least, by two letters at most; null where none is that near.</summary>
    private static string? Nearest(string name, IEnumerable<string> candidates) => candidates
        .Select(candidate => (Candidate: candidate, Distance: Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
        .Where(near => near.Distance is > 0 and <= 2)
        .OrderBy(near => near.Distance)
        .Select(near => near.Candidate)
        .FirstOrDefault();

    // Levenshtein, one row at a time.
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = a[i - 1] == b[j - 1] ? diagonal : diagonal + 1;
                diagonal = row[j];
                row[j] = Math.Min(cost, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }

    /// <summary>What the Functions host and the Azure SDK read of an identity-based connection.</summary>
    private sealed record ServiceBusConnection(string FullyQualifiedNamespace, string Credential, string ClientId, string TenantId, string ManagedIdentityResourceId);
}
