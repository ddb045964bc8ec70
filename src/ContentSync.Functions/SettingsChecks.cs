using System.Reflection;
using ContentSync.Signing;
using Microsoft.Extensions.Configuration;
using NCrontab;

namespace ContentSync.Functions;

/// <summary>Finds what binding cannot see: unknown setting names, and values that only the Functions host or the telemetry exporter reads.</summary>
internal static class SettingsChecks
{
    /// <summary>The telemetry exporter's setting.</summary>
    public const string ApplicationInsightsSetting = "APPLICATIONINSIGHTS_CONNECTION_STRING";

    private static readonly Dictionary<string, Type[]> Sections = new[]
        {
            (Name: SigningOptions.Section, Type: typeof(SigningOptions)),
            (Name: LedgerOptions.Section, Type: typeof(LedgerOptions)),
            (Name: CatalogOptions.Section, Type: typeof(CatalogOptions)),
            (Name: ResyncStateOptions.Section, Type: typeof(ResyncStateOptions)),
            (Name: ServiceBusOptions.Section, Type: typeof(ServiceBusConnection)),
        }
        .Concat(ContentSyncOptions.Sections.Select(section => (Name: section.Key, Type: section.Value)))
        .GroupBy(section => section.Name, section => section.Type)
        .ToDictionary(section => section.Key, section => section.ToArray(), StringComparer.OrdinalIgnoreCase);

    /// <summary>Settings without a section.</summary>
    private static readonly string[] FlatNames =
    [
        ApplicationInsightsSetting, AzureIdentity.ClientIdSetting,
        QueueOptions.ContentSetting, QueueOptions.ResyncSetting, ScheduleOptions.ResyncSetting, ScheduleOptions.SweepSetting,
    ];

    /// <summary>A sentence for each fault, with the setting's name and the correct form.</summary>
    public static IEnumerable<string> FaultsOf(IConfiguration configuration) =>
    [
        .. configuration.GetChildren().SelectMany(NameFaults),
        .. ConnectionFaults(configuration[ApplicationInsightsSetting]),
    ];

    /// <summary>
    /// Whether the Functions host can parse an expression: six fields, seconds first. The host disables a timer with any other expression and
    /// logs only one line.
    /// </summary>
    public static bool IsSchedule(string expression) =>
        CrontabSchedule.TryParse(expression, new CrontabSchedule.ParseOptions { IncludingSeconds = true }) is not null;

    private static IEnumerable<string> NameFaults(IConfigurationSection child)
    {
        if (Sections.TryGetValue(child.Key, out var types)) return MemberFaults(child, types);
        if (child.GetChildren().Any() && Nearest(child.Key, Sections.Keys.Where(name => name.Length > 4)) is { } section)
            return [.. child.GetChildren().Select(member => $"{child.Key}__{member.Key} is not a setting. Did you mean {section}__{member.Key}?")];
        return child.Value is not null && Nearest(child.Key, FlatNames) is { } setting
            ? [$"{child.Key} is not a setting. Did you mean {setting}?"]
            : [];
    }

    private static IEnumerable<string> MemberFaults(IConfigurationSection section, IReadOnlyList<Type> types)
    {
        var members = types
            .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            .ToDictionary(member => member.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (RenamedSettings.IsOldName(child.Path)) continue;
            if (!members.TryGetValue(child.Key, out var member))
            {
                yield return Nearest(child.Key, members.Keys) is { } name
                    ? $"{child.Path} is not a setting. Did you mean {section.Path}:{name}?"
                    : $"{child.Path} is not a setting. {section.Path} has {string.Join(", ", members.Keys.Order(StringComparer.Ordinal))}.";
                continue;
            }

            var entry = EntryOf(member.PropertyType);
            var parts = entry is null ? [child] : child.GetChildren();
            var inner = entry ?? member.PropertyType;
            if (!inner.IsClass || inner.Namespace?.StartsWith(nameof(ContentSync), StringComparison.Ordinal) != true) continue;
            foreach (var fault in parts.SelectMany(part => MemberFaults(part, [inner]))) yield return fault;
        }
    }

    /// <summary>The type of a list's entries; null for anything but a list.</summary>
    private static Type? EntryOf(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IList<>) ? type.GetGenericArguments()[0] : null;

    private static IEnumerable<string> ConnectionFaults(string? connection)
    {
        if (string.IsNullOrEmpty(connection)) yield break;
        var parts = connection.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(part => part.Split('=', 2))
            .ToLookup(part => part[0], part => part.Length == 2 ? part[1] : "", StringComparer.OrdinalIgnoreCase);
        const string Right = "It must be as Application Insights shows it, InstrumentationKey=GUID;IngestionEndpoint=https://...";
        if (!Guid.TryParse(parts["InstrumentationKey"].FirstOrDefault(), out _))
            yield return $"{ApplicationInsightsSetting} has no InstrumentationKey, or one that is not a GUID. {Right}";
        foreach (var name in new[] { "IngestionEndpoint", "LiveEndpoint" })
        {
            if (parts[name].FirstOrDefault() is { } endpoint && !IsHttps(endpoint))
                yield return $"{ApplicationInsightsSetting} has a {name} that is not an https address. {Right}";
        }
    }

    private static bool IsHttps(string address) => Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme == Uri.UriSchemeHttps;

    /// <summary>The candidate with the smallest edit distance, at most 2; null if there is none.</summary>
    private static string? Nearest(string name, IEnumerable<string> candidates) => candidates
        .Select(candidate => (Candidate: candidate, Distance: Distance(name.ToUpperInvariant(), candidate.ToUpperInvariant())))
        .Where(near => near.Distance is > 0 and <= 2)
        .OrderBy(near => near.Distance)
        .Select(near => near.Candidate)
        .FirstOrDefault();

    // Levenshtein distance, computed one row at a time.
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

    /// <summary>The members of an identity-based connection that the Functions host and the Azure SDK read.</summary>
    private sealed record ServiceBusConnection(
        string FullyQualifiedNamespace, string Credential, string ClientId, string TenantId, string ManagedIdentityResourceId);
}
