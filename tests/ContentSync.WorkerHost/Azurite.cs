using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;

namespace ContentSync.WorkerHost;

/// <summary>
/// Azurite's table and blob services: installed from npm on first use into <c>.tools</c> at the root of the repository, on free loopback
/// ports, in memory.
/// </summary>
internal sealed class Azurite : IAsyncDisposable
{
    private const string Version = "3.35.0";

    /// <summary>The account that a developer's Azurite has; a host that finds a loopback address in its settings signs in to it with its published key.</summary>
    private const string DeveloperAccount = "devstoreaccount1";

    private const string DeveloperKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private readonly string _accounts;
    private readonly StringBuilder _output = new();
    private readonly List<Process> _running = [];

    private Azurite(string accounts) => _accounts = accounts;

    /// <summary>The developer's account of the table service.</summary>
    public Uri Tables { get; private set; } = null!;

    /// <summary>The developer's account of the blob service.</summary>
    public Uri Blobs { get; private set; } = null!;

    /// <summary>Starts both services.</summary>
    /// <param name="otherAccounts">Accounts besides the developer's, each as <c>name:key</c>.</param>
    /// <exception cref="AzuriteUnavailableException">Azurite cannot be installed or does not start; the message says why.</exception>
    public static async Task<Azurite> StartAsync(params IReadOnlyList<string> otherAccounts)
    {
        if (OnPath("node") is not { } node || OnPath(OperatingSystem.IsWindows() ? "npm.cmd" : "npm") is not { } npm)
        {
            throw new AzuriteUnavailableException("Azurite needs node and npm on the PATH; install Node.js.") { IsNodeMissing = true };
        }

        var azurite = new Azurite(string.Join(';', otherAccounts.Append($"{DeveloperAccount}:{DeveloperKey}")));
        try
        {
            var scripts = await InstalledAsync(npm);
            azurite.Tables = await azurite.StartAsync(node, scripts, "table");
            azurite.Blobs = await azurite.StartAsync(node, scripts, "blob");
            return azurite;
        }
        catch
        {
            await azurite.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _running)
        {
            if (!service.HasExited) service.Kill(entireProcessTree: true);
            await service.WaitForExitAsync();
            service.Dispose();
        }

        _running.Clear();
    }

    private static async Task<string> InstalledAsync(string npm)
    {
        var folder = Path.Combine(RepositoryRoot(), ".tools", $"azurite-{Version}");
        var scripts = Path.Combine(folder, "node_modules", "azurite", "dist", "src");
        if (File.Exists(Path.Combine(folder, "installed"))) return scripts;

        // Azurite runs without its install scripts.
        Directory.CreateDirectory(folder);
        using var install = Started(
            npm, "install", "--prefix", folder, "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", $"azurite@{Version}");
        var errors = install.StandardError.ReadToEndAsync();
        var output = install.StandardOutput.ReadToEndAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        try
        {
            await install.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            install.Kill(entireProcessTree: true);
            throw new AzuriteUnavailableException($"npm did not install Azurite {Version} within five minutes.");
        }

        if (install.ExitCode != 0)
            throw new AzuriteUnavailableException($"npm could not install Azurite {Version}: {(await errors + await output).Trim()}");
        // Written last, so that an interrupted installation is repeated.
        await File.WriteAllTextAsync(Path.Combine(folder, "installed"), "");
        return scripts;
    }

    private async Task<Uri> StartAsync(string node, string scripts, string service)
    {
        // Another program may take the free port before Azurite does, so this tries up to three ports.
        for (var attempts = 0; attempts < 3; attempts++)
        {
            var port = FreePort();
            var azurite = Process.Start(new ProcessStartInfo(node)
            {
                ArgumentList =
                {
                    Path.Combine(scripts, service, "main.js"),
                    $"--{service}Host", "127.0.0.1",
                    $"--{service}Port", $"{port}",
                    "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent",
                },
                Environment = { ["AZURITE_ACCOUNTS"] = _accounts },
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
                return new Uri($"http://127.0.0.1:{port}/{DeveloperAccount}");
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
            .SelectMany(folder => OperatingSystem.IsWindows()
                ? [Path.Combine(folder, program), Path.Combine(folder, program + ".exe")]
                : new[] { Path.Combine(folder, program) })
            .FirstOrDefault(File.Exists);

    private static string RepositoryRoot([CallerFilePath] string source = "")
    {
        for (var folder = Path.GetDirectoryName(source); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "global.json"))) return folder;
        }

        throw new InvalidOperationException("No parent folder of this file is the root of the repository.");
    }
}

/// <summary>Azurite cannot be used; the message says why.</summary>
internal sealed class AzuriteUnavailableException(string message) : Exception(message)
{
    /// <summary>The machine lacks Node.js, which is no fault of this repository.</summary>
    public bool IsNodeMissing { get; init; }
}
