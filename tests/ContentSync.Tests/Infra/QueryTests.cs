using System.Text.RegularExpressions;
using ContentSync.Tests.Infra.Rules;

namespace ContentSync.Tests.Infra;

/// <summary>
/// Kusto's language service checks every alert and workbook query against the tables that hold the telemetry. The tags in Properties are
/// dynamic in Kusto; the rules on known metrics check them.
/// </summary>
[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed partial class QueryTests(InfrastructureFixture fixture)
{
    private const string QueryAlerts = "Microsoft.Insights/scheduledQueryRules";

    private static readonly string? s_skip = BicepCompiler.SkipReason ?? Tools.Missing(["node", "npm"]);

    /// <summary>The columns that queries may read, by table:
    /// https://learn.microsoft.com/azure/azure-monitor/reference/tables</summary>
    private static readonly Dictionary<string, string> s_tables = new()
    {
        ["AppMetrics"] =
            "(TimeGenerated: datetime, Name: string, Sum: real, Min: real, Max: real, ItemCount: int, Properties: dynamic, AppRoleName: string, AppRoleInstance: string, _ResourceId: string)",
        ["AppRequests"] =
            "(TimeGenerated: datetime, Name: string, Success: bool, ResultCode: string, DurationMs: real, ItemCount: int, OperationName: string, Properties: dynamic, AppRoleName: string, AppRoleInstance: string, _ResourceId: string)",
        ["AzureMetrics"] =
            "(TimeGenerated: datetime, MetricName: string, ResourceProvider: string, ResourceId: string, Total: real, Count: real, Average: real, Minimum: real, Maximum: real, _ResourceId: string)",
        ["Usage"] = "(TimeGenerated: datetime, DataType: string, IsBillable: bool, Quantity: real, QuantityUnit: string, Solution: string)",
        ["_LogOperation"] = "(TimeGenerated: datetime, Category: string, Operation: string, Level: string, Detail: string, _ResourceId: string)",
    };

    [SkippableFact]
    public async Task Every_alert_query_is_valid_and_returns_its_measure_as_a_number()
    {
        Skip.If(s_skip is not null, s_skip);
        var alerts = fixture.Infrastructure.Of(QueryAlerts).ToArray();

        var analyses = await KustoLanguage.AnalyzeAsync(s_tables, [.. alerts.Select(QueryOf)]);

        Assert.All(alerts.Zip(analyses), pair =>
        {
            Assert.True(pair.Second.Errors.Count == 0, $"{pair.First}: {string.Join(' ', pair.Second.Errors)}");
            Assert.Contains(pair.Second.Columns[pair.First.Text("properties.criteria.allOf.0.metricMeasureColumn")!],
                new[] { "int", "long", "real" });
            Assert.Single(pair.Second.Tables);
        });
    }

    [SkippableFact]
    public async Task Every_workbook_query_is_valid()
    {
        Skip.If(s_skip is not null, s_skip);
        var queries = ObservabilityRules.WorkbookQueries(fixture.Infrastructure.Production).ToArray();

        var analyses =
            await KustoLanguage.AnalyzeAsync(s_tables,
            [.. queries.Select(one => Parameter().Replace(one.Query, match => match.Value == "{TimeRange:grain}" ? "1h" : "1.0"))]);

        Assert.NotEmpty(queries);
        Assert.All(queries.Zip(analyses), pair =>
            Assert.True(pair.Second.Errors.Count == 0, $"{pair.First.Name}: {string.Join(' ', pair.Second.Errors)}"));
    }

    [SkippableTheory]
    [InlineData("-parked", "AppMetrics", "AppMetric")]
    [InlineData("-parked", "sum(Sum)", "sum(sum)")]
    [InlineData("-silence", "| summarize", "| sumarize")]
    [InlineData("-function-failures", "AppRequests", "AppMetrics")]
    [InlineData("-oldest-pending", "Sum / ItemCount", "Name / ItemCount")]
    public async Task A_query_with_an_unknown_name_is_an_error(string nameEnd, string from, string to)
    {
        Skip.If(s_skip is not null, s_skip);
        var query = QueryOf(fixture.Infrastructure.Small.The(QueryAlerts, nameEnd));

        var analysis = Assert.Single(await KustoLanguage.AnalyzeAsync(s_tables, [query.Replace(from, to, StringComparison.Ordinal)]));

        Assert.NotEmpty(analysis.Errors);
    }

    private static string QueryOf(Resource alert) => alert.Text("properties.criteria.allOf.0.query")!;

    [GeneratedRegex(@"\{[A-Za-z:]+\}")]
    private static partial Regex Parameter();
}
