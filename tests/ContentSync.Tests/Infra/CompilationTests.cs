using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra;

[Collection(InfrastructureTests.Name)]
[Trait(TestCategory.Name, TestCategory.Slow)]
public sealed class CompilationTests(InfrastructureFixture fixture)
{
    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(InfrastructureFixture.Source, "*.bicep*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".bicep" or ".bicepparam")
            .Select(file => Path.GetRelativePath(InfrastructureFixture.Source, file))];

    [BicepFact]
    public void Compiles_and_lints_without_a_warning()
    {
        Assert.Empty(fixture.Main.Diagnostics);
        Assert.Empty(fixture.Azd.Diagnostics);
    }

    [BicepTheory]
    [InlineData("small.bicepparam")]
    [InlineData("production.bicepparam")]
    public async Task Parameters_compile_without_a_warning(string file) => Assert.Empty((await fixture.CompileParametersAsync(file)).Diagnostics);

    [BicepTheory]
    [InlineData("small", "")]
    [InlineData("production", "")]
    [InlineData("prod", "does not contain property \"prod\"")]
    public async Task Azd_selects_the_size_by_name(string size, string expected)
    {
        var diagnostics = (await fixture.CompileAzdParametersAsync(size)).Diagnostics;

        if (expected.Length == 0) Assert.Empty(diagnostics);
        else Assert.Contains(diagnostics, line => line.Contains(expected, StringComparison.Ordinal));
    }

    [BicepFact]
    public void Every_linter_rule_that_does_not_depend_on_the_date_is_an_error()
    {
        var rules = JsonNode.Parse(File.ReadAllText(Path.Combine(InfrastructureFixture.Source, "bicepconfig.json")))!["analyzers"]!["core"]!["rules"]!.AsObject();

        // use-recent-api-versions depends on today's date and would break unchanged builds; our rule api-versions-recent replaces it.
        Assert.All(rules.Where(rule => rule.Key != "use-recent-api-versions"), rule => Assert.Equal("error", (string?)rule.Value!["level"]));
        Assert.True(rules.Count > 40);
    }

    [BicepTheory]
    [MemberData(nameof(Files))]
    public async Task Is_formatted(string file) =>
        Assert.Equal(await fixture.FormatAsync(file), await File.ReadAllTextAsync(Path.Combine(InfrastructureFixture.Source, file)));

    [BicepFact]
    public void The_azd_wrapper_passes_on_every_parameter()
    {
        var wrapper = JsonNode.Parse(fixture.Azd.Contents!)!;
        var module = wrapper["resources"]!.AsObject().Single(one => (string?)one.Value!["type"] == "Microsoft.Resources/deployments").Value!;

        Assert.Equal(Keys(fixture.Infrastructure.Template["parameters"]), Keys(wrapper["parameters"]));
        Assert.Equal(Keys(fixture.Infrastructure.Template["parameters"]), Keys(module["properties"]!["parameters"]));
        Assert.Contains("AZURE_RESOURCE_GROUP", Keys(wrapper["outputs"]));
    }

    [Fact]
    public void Azd_publishes_the_project_to_the_tagged_app()
    {
        var azd = File.ReadAllText(Path.Combine(BicepCompiler.RepositoryRoot, "azure.yaml"));

        Assert.Matches(@"(?m)^  functions:\r?$", azd);
        Assert.Matches(@"(?m)^    project: \./src/ContentSync\.Functions\r?$", azd);
        Assert.Matches(@"(?m)^    host: function\r?$", azd);
        Assert.Matches(@"(?m)^  module: azd\r?$", azd);
        Assert.Matches(@"(?m)^  preprovision:\r?\n    shell: sh\r?\n    run: AZD=1 bash \./infra/preflight\.sh ""rg-csync-\$AZURE_ENV_NAME"" ""\$\{CSYNC_SIZE:-small\}""\r?$", azd);
        Assert.Matches(@"(?m)^  postdeploy:\r?\n    shell: sh\r?\n    run: bash \./infra/check-health\.sh ""\$FUNCTION_APP_URL""\r?$", azd);
        Assert.True(File.Exists(Path.Combine(InfrastructureFixture.Source, "azd.bicep")));
    }

    [BicepTheory]
    [InlineData("environmentName", "'UAT'", "environmentName is UAT")]
    [InlineData("environmentName", "'far-too-long-a-name'", "maximum allowable length is 10")]
    [InlineData("signing", "{ vaultCount: 1, placedVaults: 2, keyVersion: '1', keyExpiry: { '1': '2028-11-27T00:00:00Z' }, vaultGeneration: 1, hardware: false }", "signing.placedVaults is 2")]
    [InlineData("signing", "{ vaultCount: 6, placedVaults: 1, keyVersion: '1', keyExpiry: { '1': '2028-11-27T00:00:00Z' }, vaultGeneration: 1, hardware: false }", "BCP327")]
    [InlineData("signing", "{ vaultCount: 1, placedVaults: 1, keyVersion: '1', keyExpiry: { '1': '2028-11-27T00:00:00Z' }, vaultGeneration: 1, hardware: false, algorithm: 'RSA' }", "\"algorithm\" is not allowed")]
    [InlineData("signing", "{ vaultCount: 1, placedVaults: 1, keyVersion: '2', keyExpiry: { '1': '2028-11-27T00:00:00Z' }, vaultGeneration: 1, hardware: false }", "signing.keyExpiry has no entry for keyVersion 2: run infra/preflight.sh")]
    [InlineData("capacity", "{ instanceMemoryMB: 1024, maximumInstanceCount: 1, alwaysReady: { http: 0, content: 0, resync: 0 }, messagingUnits: 1, dailyTelemetryCapGB: 1, retentionDays: 30 }", "instanceMemoryMB")]
    [InlineData("alerting", "{ emails: [], oldestPendingSeconds: 900, alipayHkErrorPercent: 20, functionFailures: 0, deadLettersKept: 1, resyncOverdueHours: 26 }", "BCP333|minimum")]
    [InlineData("alerting", "{ emails: ['nobody'], oldestPendingSeconds: 900, alipayHkErrorPercent: 20, functionFailures: 0, deadLettersKept: 1, resyncOverdueHours: 26 }", "alerting.emails holds nobody")]
    [InlineData("alipayHk", "{ baseAddress: 'http://gateway.example', clientId: 'x', publicKeys: [{ keyVersion: '1', publicKey: join(map(range(0, 300), i => 'A'), '') }] }", "alipayHk.baseAddress is http://gateway.example")]
    [InlineData("alipayHk", "{ baseAddress: 'https://gateway.example', clientId: '', publicKeys: [{ keyVersion: '1', publicKey: join(map(range(0, 300), i => 'A'), '') }] }", "BCP333")]
    public async Task The_error_names_the_invalid_parameter(string parameter, string value, string expected)
    {
        var error = await Assert.ThrowsAsync<BicepException>(() => fixture.SnapshotAsync((parameter, value)));

        Assert.Matches(expected, error.Message);
    }

    private static string[] Keys(JsonNode? map) => [.. map!.AsObject().Select(one => one.Key).Order()];
}
