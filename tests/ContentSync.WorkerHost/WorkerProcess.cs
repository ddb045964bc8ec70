using System.Diagnostics;
using System.Text;

namespace ContentSync.WorkerHost;

/// <summary>The built app in its own process, started as the Functions host starts a worker.</summary>
internal sealed class WorkerProcess : IDisposable
{
    /// <summary>How long a test waits for a worker to exit, in seconds.</summary>
    private const int ExitTimeoutSeconds = 90;

    private readonly Process _process;
    private readonly StringBuilder _error = new();

    private WorkerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, line) =>
        {
            lock (_error) _error.AppendLine(line.Data);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The text that the worker has written to standard error.</summary>
    public string Error
    {
        get
        {
            lock (_error) return _error.ToString();
        }
    }

    public bool HasExited => _process.HasExited;

    /// <summary>User and system time that the process has used.</summary>
    public TimeSpan CpuTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <param name="folder">The folder of the built app.</param>
    /// <param name="host">The address on which the host listens.</param>
    /// <param name="settings">App settings, as environment variables.</param>
    public static WorkerProcess Start(string folder, Uri host, IReadOnlyDictionary<string, string> settings)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                Path.Combine(folder, "ContentSync.Functions.dll"),
                "--functions-uri", host.AbsoluteUri,
                "--functions-worker-id", "worker",
                "--functions-request-id", "start",
                "--functions-grpc-max-message-length", $"{int.MaxValue}",
            },
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = folder;
        foreach (var (name, value) in settings) start.Environment[name] = value;
        return new WorkerProcess(Process.Start(start)!);
    }

    /// <summary>Sends SIGTERM, as the platform does to stop an instance.</summary>
    public async Task TerminateAsync(CancellationToken cancellationToken)
    {
        using var kill = Process.Start(new ProcessStartInfo("kill", ["-TERM", $"{_process.Id}"]))!;
        await kill.WaitForExitAsync(cancellationToken);
    }

    /// <summary>Waits for the worker to exit.</summary>
    /// <returns>The worker's exit code.</returns>
    public async Task<int> EndAsync(CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(TimeSpan.FromSeconds(ExitTimeoutSeconds));
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
