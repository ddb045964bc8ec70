using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json.Nodes;

namespace ContentSync.Tests.Infra;

/// <summary>The Bicep compiler from its NuGet package, as one JSON-RPC process, since a start is far slower than a call.</summary>
internal sealed class BicepCompiler : IAsyncDisposable
{
    private readonly Process _process;
    private int _lastId;

    private BicepCompiler(Process process) => _process = process;

    /// <summary>Path of the compiler; null if its package is not referenced.</summary>
    public static string? Path { get; } = Metadata("BicepCompiler");

    /// <summary>Root of the repository that this assembly was built from.</summary>
    public static string RepositoryRoot { get; } = Metadata("RepositoryRoot") ?? throw new InvalidOperationException("The build did not name the repository's root.");

    /// <summary>Why tests that need the compiler are skipped; null if they run.</summary>
    public static string? SkipReason { get; } =
        Path is null ? "No package of the Bicep compiler is referenced (SkipBicep, or BicepCompilerPackage is empty)."
        : !File.Exists(Path) ? $"The Bicep compiler is not at {Path}."
        : null;

    /// <param name="environment">All variables that readEnvironmentVariable sees; such variables of the calling process are removed.</param>
    public static BicepCompiler Start(IReadOnlyDictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(Path!, ["jsonrpc", "--stdio"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        foreach (var prefix in new[] { "ALERT_", "ALIPAYHK_", "AZURE_", "CALLER_", "CSYNC_", "OPERATOR_", "PRIVATE_", "PUBLIC_", "SIGNING_",
            "VAULT_", "WEBHOOK_" })
        {
            foreach (var name in start.Environment.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).ToArray())
            {
                start.Environment.Remove(name);
            }
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        // The compiler needs no culture, and the machine may lack ICU.
        start.Environment["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1";

        var process = Process.Start(start) ?? throw new InvalidOperationException("The Bicep compiler did not start.");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return new BicepCompiler(process);
    }

    /// <summary>Compiles and lints a .bicep file.</summary>
    public async Task<Compilation> CompileAsync(string path, CancellationToken cancellationToken)
    {
        var result = await CallAsync("bicep/compile", new JsonObject { ["path"] = path }, cancellationToken);
        return new Compilation((string?)result["contents"], Diagnostics(result));
    }

    /// <summary>Compiles a .bicepparam file and its template.</summary>
    public async Task<Compilation> CompileParametersAsync(string path, CancellationToken cancellationToken)
    {
        var result = await CallAsync("bicep/compileParams", new JsonObject { ["path"] = path, ["parameterOverrides"] = new JsonObject() }, cancellationToken);
        return new Compilation((string?)result["parameters"], Diagnostics(result));
    }

    /// <summary>What a deployment with these parameters would create in Azure, as far as the compiler can predict it.</summary>
    /// <exception cref="BicepException">The parameters or the template are invalid; the message is what a user sees.</exception>
    public async Task<string> SnapshotAsync(string path, CancellationToken cancellationToken)
    {
        var metadata = new JsonObject
        {
            ["tenantId"] = "11111111-1111-1111-1111-111111111111",
            ["subscriptionId"] = "00000000-0000-0000-0000-000000000000",
            ["resourceGroup"] = "rg-csync",
            ["location"] = "eastasia",
            ["deploymentName"] = "csync",
        };

        var result = await CallAsync("bicep/getSnapshot", new JsonObject { ["path"] = path, ["metadata"] = metadata, ["externalInputs"] = new JsonArray() }, cancellationToken);
        return (string?)result["snapshot"] ?? throw new BicepException("The compiler returned no snapshot.");
    }

    public async Task<string> FormatAsync(string path, CancellationToken cancellationToken) =>
        (string?)(await CallAsync("bicep/format", new JsonObject { ["path"] = path }, cancellationToken))["contents"] ?? "";

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static string? Metadata(string key) =>
        typeof(BicepCompiler).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().FirstOrDefault(attribute => attribute.Key == key)?.Value;

    private static string[] Diagnostics(JsonObject result) =>
        [.. result["diagnostics"]!.AsArray().Select(one => $"{System.IO.Path.GetFileName((string?)one!["source"])} {one["range"]?["start"]?["line"]}: {one["level"]} {one["code"]}: {one["message"]}")];

    private async Task<JsonObject> CallAsync(string method, JsonObject parameters, CancellationToken cancellationToken)
    {
        var call = new JsonObject { ["jsonrpc"] = "2.0", ["id"] = ++_lastId, ["method"] = method, ["params"] = parameters };
        var body = Encoding.UTF8.GetBytes(call.ToJsonString());
        var input = _process.StandardInput.BaseStream;
        await input.WriteAsync(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n\r\n")), cancellationToken);
        await input.WriteAsync(body, cancellationToken);
        await input.FlushAsync(cancellationToken);

        var response = await ReadAsync(_process.StandardOutput.BaseStream, cancellationToken);
        return response["result"] as JsonObject
            ?? throw new BicepException((string?)response["error"]?["message"] ?? "The compiler returned no result.");
    }

    private static async Task<JsonObject> ReadAsync(Stream output, CancellationToken cancellationToken)
    {
        var header = new StringBuilder();
        var one = new byte[1];

        while (!header.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            await output.ReadExactlyAsync(one, cancellationToken);
            header.Append((char)one[0]);
        }

        const string Length = "Content-Length:";
        var line = header.ToString().Split("\r\n").Single(text => text.StartsWith(Length, StringComparison.OrdinalIgnoreCase));
        var body = new byte[int.Parse(line[Length.Length..], CultureInfo.InvariantCulture)];
        await output.ReadExactlyAsync(body, cancellationToken);
        return JsonNode.Parse(body)!.AsObject();
    }
}

/// <param name="Contents">The compiled JSON; null if there are errors.</param>
/// <param name="Diagnostics">Compiler and linter diagnostics, one line each.</param>
internal sealed record Compilation(string? Contents, IReadOnlyList<string> Diagnostics);

/// <summary>The compiler returned an error.</summary>
internal sealed class BicepException(string message) : Exception(message);
