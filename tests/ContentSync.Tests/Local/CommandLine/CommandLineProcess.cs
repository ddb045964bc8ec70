using System.Diagnostics;
using System.Text;

namespace ContentSync.Tests.Local.CommandLine;

/// <summary>Runs the command line in its own process and folder, as a user or a script does.</summary>
internal sealed class CommandLineProcess : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "contentsync-local.dll");

    private readonly Process _process;
    private readonly StringBuilder _error = new();
    private readonly StringBuilder _output = new();

    private CommandLineProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        process.ErrorDataReceived += (_, line) => Append(_error, line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (_output) return _output.ToString();
        }
    }

    public string Error
    {
        get
        {
            lock (_error) return _error.ToString();
        }
    }

    public bool HasExited => _process.HasExited;

    public static CommandLineProcess Start(string folder, params string[] arguments) => Start(folder, null, arguments);

    private static CommandLineProcess Start(string folder, Uri? host, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Program, .. arguments])
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment["COLUMNS"] = "200";
        start.Environment["TMPDIR"] = folder;
        if (host is not null) start.Environment["CONTENTSYNC_HOST"] = host.AbsoluteUri;
        return new CommandLineProcess(Process.Start(start)!);
    }

    /// <summary>Runs the process to its end.</summary>
    /// <param name="folder">Its working directory.</param>
    /// <param name="arguments">Its command line.</param>
    /// <param name="input">Standard input, empty unless given.</param>
    /// <param name="host">The environment variable CONTENTSYNC_HOST.</param>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(
        string folder, string[] arguments, byte[]? input = null, Uri? host = null)
    {
        using var process = Start(folder, host, arguments);
        try
        {
            if (input is not null) await process._process.StandardInput.BaseStream.WriteAsync(input);
            process._process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The process ended without reading its input.
        }

        var exitCode = await process.EndAsync();
        return (exitCode, process.Output, process.Error);
    }

    public async Task<int> EndAsync()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <summary>Like kill -9.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Like Ctrl-C.</summary>
    public void Interrupt() => Process.Start("kill", ["-INT", $"{_process.Id}"]).WaitForExit();

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.Dispose();
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is null) return;
        lock (text) text.Append(line).Append('\n');
    }
}
