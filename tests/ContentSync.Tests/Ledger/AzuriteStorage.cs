using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage;
using Azure.Storage.Blobs;

namespace ContentSync.Tests.Ledger;

/// <summary>
/// Azurite's table and blob services for the tests of this collection: installed from npm on first use into <c>.tools</c> at the repository's
/// root, on free ports of the loopback address, in memory, stopped at the end. Where it cannot be had the tests are skipped with
/// the reason; with CI=true in the environment only a missing Node is a reason, anything else fails.
/// </summary>
public sealed class AzuriteStorage : IAsyncLifetime
{
    private const string Version = "3.35.0";
    private const string Account = "ledgertests";

    /// <summary>The account that a developer's Azurite has; a host that finds a loopback address in its settings signs in to it with its published key.</summary>
    private const string DeveloperAccount = "devstoreaccount1:Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private readonly string _key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly StringBuilder _output = new();
    private readonly List<Process> _running = [];
    private Uri? _tables;
    private Uri? _blobs;
    private string? _skipReason;

    /// <summary>A client of a table that no other test uses, which does not exist yet.</summary>
    /// <exception cref="SkipException">There is no Azurite; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal TableClient Table(HttpPipelinePolicy? policy = null)
    {
        Skip.If(_skipReason is not null, _skipReason);
        var options = new TableClientOptions();
        options.Retry.Delay = TimeSpan.FromMilliseconds(10);
        if (policy is not null) options.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
        return new TableClient(_tables, "t" + RandomNumberGenerator.GetHexString(16, lowercase: true), new TableSharedKeyCredential(Account, _key), options);
    }

    /// <summary>A client of a container that no other test uses, which does not exist yet.</summary>
    /// <exception cref="SkipException">There is no Azurite; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal BlobContainerClient Container(HttpPipelinePolicy? policy = null)
    {
        Skip.If(_skipReason is not null, _skipReason);
        var options = new BlobClientOptions();
        options.Retry.Delay = TimeSpan.FromMilliseconds(10);
        if (policy is not null) options.AddPolicy(policy, Azure.Core.HttpPipelinePosition.PerRetry);
        return new BlobContainerClient(new Uri($"{_blobs}/c{RandomNumberGenerator.GetHexString(16, lowercase: true)}"), new StorageSharedKeyCredential(Account, _key), options);
    }

    /// <summary>Addresses of the developer's account, for the settings of a host: its tables, and a container that no other test uses.</summary>
    /// <exception cref="SkipException">There is no Azurite; a <c>[SkippableFact]</c> is reported as skipped.</exception>
    internal (Uri Tables, Uri Container) Developer()
    {
        Skip.If(_skipReason is not null, _skipReason);
        return (new Uri(_tables!, "/devstoreaccount1"), new Uri(_blobs!, $"/devstoreaccount1/c{RandomNumberGenerator.GetHexString(16, lowercase: true)}"));
    }

    public async Task InitializeAsync()
    {
        if (OnPath("node") is not { } node || OnPath(OperatingSystem.IsWindows() ? "npm.cmd" : "npm") is not { } npm)
        {
            _skipReason = "Azurite needs node and npm on the PATH; install Node.js to run the tests of what is kept in Azure Storage.";
            return;
        }

        try
        {
            var scripts = await InstalledAsync(npm);
            _tables = await StartAsync(node, scripts, "table");
            _blobs = await StartAsync(node, scripts, "blob");
        }
        catch (AzuriteUnavailableException fault) when (Environment.GetEnvironmentVariable("CI") is not ("true" or "1"))
        {
            _skipReason = fault.Message;
        }
    }

    public async Task DisposeAsync()
    {
        foreach (var azurite in _running)
        {
            if (!azurite.HasExited) azurite.Kill(entireProcessTree: true);
            await azurite.WaitForExitAsync();
            azurite.Dispose();
        }
    }

    private static async Task<string> InstalledAsync(string npm)
    {
        var folder = Path.Combine(RepositoryRoot(), ".tools", $"azurite-{Version}");
        var scripts = Path.Combine(folder, "node_modules", "azurite", "dist", "src");
        if (File.Exists(Path.Combine(folder, "installed"))) return scripts;

        // No install scripts: none is needed to run it.
        Directory.CreateDirectory(folder);
        using var install = Started(npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", $"azurite@{Version}");
        var errors = install.StandardError.ReadToEndAsync();
        var output = install.StandardOutput.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        try
        {
            await install.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            install.Kill(entireProcessTree: true);
            throw new AzuriteUnavailableException($"npm did not install Azurite {Version} within five minutes.");
        }

        if (install.ExitCode != 0) throw new AzuriteUnavailableException($"npm could not install Azurite {Version}: {(await errors + await output).Trim()}");
        // Last, so that an install that broke off is done again.
        await File.WriteAllTextAsync(Path.Combine(folder, "installed"), "");
        return scripts;
    }

    private async Task<Uri> StartAsync(string node, string scripts, string service)
    {
        // The port is free when it is looked for; should another program be quicker, the next one is tried.
        for (var tries = 0; tries < 3; tries++)
        {
            var port = FreePort();
            var azurite = Process.Start(new ProcessStartInfo(node)
            {
                ArgumentList = { Path.Combine(scripts, service, "main.js"), $"--{service}Host", "127.0.0.1", $"--{service}Port", $"{port}", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent" },
                Environment = { ["AZURITE_ACCOUNTS"] = $"{Account}:{_key};{DeveloperAccount}" },
                WorkingDirectory = Path.GetTempPath(),
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            azurite.OutputDataReceived += Gather;
            azurite.ErrorDataReceived += Gather;
            azurite.BeginOutputReadLine();
            azurite.BeginErrorReadLine();
            if (await ListensAsync(azurite, port))
            {
                _running.Add(azurite);
                return new Uri($"http://127.0.0.1:{port}/{Account}");
            }

            if (!azurite.HasExited) azurite.Kill(entireProcessTree: true);
            azurite.Dispose();
        }

        lock (_output) { throw new AzuriteUnavailableException($"Azurite {Version} did not start: {_output}"); }
    }

    private void Gather(object sender, DataReceivedEventArgs line)
    {
        lock (_output) { _output.AppendLine(line.Data); }
    }

    private static async Task<bool> ListensAsync(Process azurite, int port)
    {
        var since = Stopwatch.StartNew();
        while (since.Elapsed < TimeSpan.FromSeconds(60) && !azurite.HasExited)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(IPAddress.Loopback, port);
                return !azurite.HasExited;
            }
            catch (SocketException)
            {
                await Task.Delay(50);
            }
        }

        return false;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Process Started(string program, params string[] arguments) =>
        Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => OperatingSystem.IsWindows() ? [Path.Combine(folder, program), Path.Combine(folder, program + ".exe")] : new[] { Path.Combine(folder, program) })
            .FirstOrDefault(File.Exists);

    private static string RepositoryRoot([CallerFilePath] string source = "")
    {
        for (var folder = Path.GetDirectoryName(source); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "global.json"))) return folder;
        }

        throw new InvalidOperationException("The repository's root is not above this file.");
    }

    private sealed class AzuriteUnavailableException(string message) : Exception(message);
}

/// <summary>The tests that share one Azurite.</summary>
[CollectionDefinition(Name)]
public sealed class AzuriteTests : ICollectionFixture<AzuriteStorage>
{
    public const string Name = "Azurite";
}
