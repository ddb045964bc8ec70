using System.Diagnostics;
using System.Text;

namespace ContentSync.WorkerHost;

/// <summary>The built app as a process of its own, started as the Functions host starts a worker.</summary>
internal sealed class WorkerProcess : IDisposable
{
    /// <summary>Longest that a test waits for a worker to end, in seconds.</summary>
    private const int MaxEndSeconds = 90;

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

    /// <summary>What it wrote to standard error.</summary>
    public string Error
    {
        get
        {
            lock (_error) return _error.ToString();
        }
    }

    public bool HasExited => _process.HasExited;

    /// <param name="folder">Of the built app.</param>
    /// <param name="host">Where its host listens.</param>
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
        foreach (var (name, value) in settings) start.Environment[name] = value;
        return new WorkerProcess(Process.Start(start)!);
    }

    /// <summary>Sends SIGTERM, as a platform does that stops an instance.</summary>
    public async Task TerminateAsync(CancellationToken cancellationToken)
    {
        using var kill = Process.Start(new ProcessStartInfo("kill", ["-TERM", $"{_process.Id}"]))!;
        await kill.WaitForExitAsync(cancellationToken);
    }

    /// <summary>Waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> EndAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(MaxEndSeconds));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
