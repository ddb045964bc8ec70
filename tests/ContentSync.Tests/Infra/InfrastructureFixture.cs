using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ContentSync.Tests.Infra;

/// <summary>Compiles the Bicep files once for all tests.</summary>
public sealed partial class InfrastructureFixture : IAsyncLifetime
{
    /// <summary>Environment variables that the parameter files read. The public keys only look like keys.</summary>
    private static readonly Dictionary<string, string> s_environment = new()
    {
        ["ALERT_EMAILS"] = "operations@example.com, catalog@example.com",
        ["ALIPAYHK_BASE_ADDRESS"] = "https://gateway.example",
        ["ALIPAYHK_CLIENT_ID"] = "4Q5Y8W0WSG45P907917",
        ["ALIPAYHK_PUBLIC_KEYS"] = $"1:{new string('A', 392)},2:{new string('B', 390)}==",
        ["OPERATOR_ADDRESSES"] = "203.0.113.7, 198.51.100.0/28",
        ["SIGNING_PLACED_VAULTS"] = "3",
        ["SIGNING_KEY_EXPIRY"] = "1=2028-11-27T00:00:00Z,2=2030-10-01T12:30:45Z",
        ["SIGNING_NEXT_KEY_VERSION"] = "2",
        ["NOTIFICATION_RECEIVERS"] = "notify-operations=https://receiver.example/events",
        ["WEBHOOK_SECRET_NAMES"] = "webhook-pim",
    };

    /// <summary>Keeps the quotation marks of expressions unescaped.</summary>
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string _folder = Directory.CreateTempSubdirectory("contentsync-infra-").FullName;
    private BicepCompiler? _compiler;

    /// <summary>The folder of the Bicep files.</summary>
    public static string Source { get; } = Path.Combine(BicepCompiler.RepositoryRoot, "infra");

    internal Infrastructure Infrastructure { get; private set; } = null!;

    internal Compilation Main { get; private set; } = null!;

    internal Compilation Azd { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        if (BicepCompiler.SkipReason is not null) return;

        Copy(Source, _folder);
        _compiler = BicepCompiler.Start(s_environment);
        var none = CancellationToken.None;
        Main = await _compiler.CompileAsync(At("main.bicep"), none);
        Azd = await _compiler.CompileAsync(At("azd.bicep"), none);
        if (Main.Contents is null) return;

        var small = Parse(await _compiler.SnapshotAsync(At("small.bicepparam"), none));
        var production = Parse(await _compiler.SnapshotAsync(At("production.bicepparam"), none));
        Infrastructure = new Infrastructure(Parse(Main.Contents), Parse(Azd.Contents!), small, production);
    }

    public async Task DisposeAsync()
    {
        if (_compiler is not null) await _compiler.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>The result of a deployment of main.bicep with the small size and these changes.</summary>
    internal async Task<Infrastructure> WithAsync(params (string Parameter, string Value)[] changes)
    {
        var snapshot = Parse(await SnapshotAsync(changes));
        return new Infrastructure(Parse(Main.Contents!), Parse(Azd.Contents!), snapshot, snapshot);
    }

    /// <summary>The signing parameter of the small size.</summary>
    internal const string Signing =
        "{ vaultCount: 1, placedVaults: 1, keyVersion: '1', keyExpiry: { '1': '2028-11-27T00:00:00Z' }, vaultGeneration: 1, hardware: false }";

    /// <summary>The alerting parameter.</summary>
    internal const string Alerting =
        "{ emails: ['operations@example.com'], oldestPendingSeconds: 900, alipayHkErrorPercent: 20, functionFailures: 0, deadLettersKept: 1000, resyncOverdueHours: 26 }";

    /// <exception cref="BicepException">The changed parameters are invalid.</exception>
    internal async Task<string> SnapshotAsync(params (string Parameter, string Value)[] changes)
    {
        var parameters = new Dictionary<string, string>
        {
            ["environmentName"] = "'uat'",
            ["capacity"] = "small",
            ["zoneRedundant"] = "false",
            ["lockResources"] = "false",
            ["access"] = "{ privateData: false, publicIngress: true, callerAddresses: [], operatorAddresses: [] }",
            ["signing"] = Signing,
            ["alerting"] = Alerting,
        };

        foreach (var (parameter, value) in changes)
        {
            parameters[parameter] = value;
        }

        // A new name each time, so that the compiler does not use its cache.
        var path = At($"{Path.GetRandomFileName()}.bicepparam");
        var lines = parameters.Select(one => $"param {one.Key} = {one.Value}");
        var import = parameters["capacity"] == "small" ? "import { small } from 'sizes.bicep'\n" : "";
        await File.WriteAllTextAsync(path, $"using 'main.bicep'\n{import}{string.Join('\n', lines)}\n");
        var compilation = await _compiler!.CompileParametersAsync(path, CancellationToken.None);
        var errors = compilation.Diagnostics.Where(line => line.Contains("Error ", StringComparison.Ordinal)).ToArray();
        if (errors.Length > 0) throw new BicepException(string.Join('\n', errors));
        return await _compiler.SnapshotAsync(path, CancellationToken.None);
    }

    /// <summary>Evaluates another compiled template with the parameters of both sizes.</summary>
    internal async Task<Infrastructure> EvaluateAsync(JsonObject template)
    {
        var name = Path.GetRandomFileName();
        await File.WriteAllTextAsync(At($"{name}.json"), template.ToJsonString());
        var effects = new List<JsonObject>();

        foreach (var size in new[] { "small", "production" })
        {
            var parameters = await File.ReadAllTextAsync(At($"{size}.bicepparam"));
            var path = At($"{size}-{name}.bicepparam");
            await File.WriteAllTextAsync(path, parameters.Replace("using 'main.bicep'", $"using '{name}.json'", StringComparison.Ordinal));
            effects.Add(Parse(await _compiler!.SnapshotAsync(path, CancellationToken.None)));
        }

        return new Infrastructure(template, Parse(Azd.Contents!), effects[0], effects[1]);
    }

    /// <summary>
    /// Evaluates a compiled template as if deployed at the given time. Calls of utcNow are replaced, since the compiler would read the clock.
    /// </summary>
    internal Task<Infrastructure> EvaluateAtAsync(JsonObject template, DateTimeOffset time) =>
        EvaluateAsync(Parse(DeploymentTime().Replace(template.ToJsonString(s_plain), call =>
            $"'{time.UtcDateTime.ToString(call.Groups["format"] is { Success: true, Value: var format } ? format : "yyyyMMddTHHmmssZ", CultureInfo.InvariantCulture)}'")));

    /// <summary>Evaluates the compiled template after a text replacement.</summary>
    internal Task<Infrastructure> EvaluateChangedAsync(string from, string to)
    {
        var text = Infrastructure.Template.ToJsonString(s_plain);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return EvaluateAsync(Parse(text.Replace(from, to, StringComparison.Ordinal)));
    }

    internal Task<Compilation> CompileParametersAsync(string name) => _compiler!.CompileParametersAsync(At(name), CancellationToken.None);

    /// <summary>The parameters of azd, with the values of its environment filled in.</summary>
    internal async Task<Compilation> CompileAzdParametersAsync(string size)
    {
        var path = At($"azd-{Path.GetRandomFileName()}.bicepparam");
        var parameters = await File.ReadAllTextAsync(At("azd.bicepparam"));
        await File.WriteAllTextAsync(path, parameters
            .Replace("readEnvironmentVariable('AZURE_ENV_NAME')", "'uat'", StringComparison.Ordinal)
            .Replace("readEnvironmentVariable('CSYNC_SIZE', 'small')", $"'{size}'", StringComparison.Ordinal));
        return await _compiler!.CompileParametersAsync(path, CancellationToken.None);
    }

    internal Task<string> FormatAsync(string name) => _compiler!.FormatAsync(At(name), CancellationToken.None);

    private string At(string name) => Path.Combine(_folder, name);

    [GeneratedRegex(@"utcNow\(\s*(?:'(?<format>[^']*)')?\s*\)")]
    private static partial Regex DeploymentTime();

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}

/// <summary>Tests that share one compilation.</summary>
[CollectionDefinition(Name)]
public sealed class InfrastructureTests : ICollectionFixture<InfrastructureFixture>
{
    public const string Name = "Infrastructure";
}
