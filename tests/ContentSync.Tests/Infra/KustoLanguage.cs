using System.Diagnostics;
using System.Text.Json;

namespace ContentSync.Tests.Infra;

/// <summary>The analysis of a query by the language service.</summary>
/// <param name="Errors">Code and message of each error; empty if the query is valid for the schema.</param>
/// <param name="Tables">The tables that the query reads.</param>
/// <param name="Columns">Name and Kusto type of each column of the result.</param>
internal sealed record KustoAnalysis(IReadOnlyList<string> Errors, IReadOnlyList<string> Tables, IReadOnlyDictionary<string, string> Columns);

/// <summary>
/// Kusto's language service from npm. The first use installs it into <c>.tools</c> in the repository root; later uses need no network.
/// Needs node and npm on the PATH.
/// </summary>
internal static class KustoLanguage
{
    private const string Version = "12.4.1";

    private static readonly JsonSerializerOptions s_web = new(JsonSerializerDefaults.Web);

    private static readonly SemaphoreSlim s_installing = new(1);

    /// <summary>Parses the queries and binds them to the schema.</summary>
    /// <param name="tables">Name and columns of each table, as in <c>(Name: string, Sum: real)</c>.</param>
    /// <param name="queries">The queries to analyze, in KQL.</param>
    public static async Task<IReadOnlyList<KustoAnalysis>> AnalyzeAsync(IReadOnlyDictionary<string, string> tables, IReadOnlyList<string> queries)
    {
        var package = await InstalledAsync();
        var start =
            new ProcessStartInfo("node", [Path.Combine(BicepCompiler.RepositoryRoot, "tests", "ContentSync.Tests", "Infra", "kusto.js"), package])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
        using var node = Process.Start(start)!;
        var output = node.StandardOutput.ReadToEndAsync();
        var errors = node.StandardError.ReadToEndAsync();
        await node.StandardInput.WriteAsync(JsonSerializer.Serialize(new { tables, queries }));
        node.StandardInput.Close();
        await node.WaitForExitAsync();
        Assert.True(node.ExitCode == 0, await errors);
        return JsonSerializer.Deserialize<KustoAnalysis[]>(await output, s_web)!;
    }

    private static async Task<string> InstalledAsync()
    {
        var folder = Path.Combine(BicepCompiler.RepositoryRoot, ".tools", $"kusto-{Version}");
        var package = Path.Combine(folder, "node_modules", "@kusto", "language-service-next");
        var mark = Path.Combine(folder, "installed");
        await s_installing.WaitAsync();
        try
        {
            if (File.Exists(mark)) return package;

            // The service needs no install scripts.
            Directory.CreateDirectory(folder);
            using var install = Process.Start(new ProcessStartInfo(
                OperatingSystem.IsWindows() ? "npm.cmd" : "npm",
                ["install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error",
                    $"@kusto/language-service-next@{Version}"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var output = install.StandardOutput.ReadToEndAsync();
            var errors = install.StandardError.ReadToEndAsync();
            await install.WaitForExitAsync();
            if (install.ExitCode != 0)
            {
                var reason = $"npm could not install @kusto/language-service-next {Version}: {(await errors + await output).Trim()}";
                Skip.If(Environment.GetEnvironmentVariable("CI") is not ("true" or "1"), reason);
                throw new InvalidOperationException(reason);
            }

            // Done last, so that an interrupted installation runs again.
            await File.WriteAllTextAsync(mark, "");
            return package;
        }
        finally
        {
            s_installing.Release();
        }
    }
}
