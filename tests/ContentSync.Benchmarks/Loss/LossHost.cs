using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using ContentSync.Local.CommandLine;

namespace ContentSync.Benchmarks.Loss;

/// <summary>The local host as a process of its own.</summary>
internal sealed partial class LossHost : IAsyncDisposable
{
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly Task<string[]> _reading;

    private LossHost(Process process, Uri address, Task<string[]> reading) => (_process, Address, _reading) = (process, address, reading);

    public Uri Address { get; }

    /// <summary>Starts it and waits until it serves.</summary>
    /// <param name="command">The command of this program that runs it; null to run the command line itself.</param>
    /// <param name="arguments">Arguments of the command line.</param>
    public static async Task<LossHost> StartAsync(string? command, IReadOnlyList<string> arguments)
    {
        var assembly = command is null ? typeof(CommandLineProgram).Assembly : typeof(LossHost).Assembly;
        var start = new ProcessStartInfo("dotnet", [assembly.Location, .. command is null ? [] : new[] { command }, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var seen = "";
        while (await process.StandardError.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            seen += line + "\n";
            if (Serving().Match(line) is { Success: true } match)
                return new LossHost(process, new Uri(match.Value), Task.WhenAll(output, process.StandardError.ReadToEndAsync()));
        }

        throw new InvalidOperationException($"The local host did not start:\n{seen}{await output.ConfigureAwait(false)}");
    }

    /// <summary>Like kill -9.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Sends SIGTERM and waits for the end.</summary>
    /// <exception cref="InvalidOperationException">The local host had ended by itself.</exception>
    public async Task TerminateAsync()
    {
        if (_process.HasExited)
        {
            var output = string.Concat(await _reading.ConfigureAwait(false));
            throw new InvalidOperationException($"The local host had ended by itself with exit code {_process.ExitCode}:\n{output}");
        }

        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync().ConfigureAwait(false);
        using var timeout = new CancellationTokenSource(StopTimeout);
        await _process.WaitForExitAsync(timeout.Token).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) Kill();
        await _reading.ConfigureAwait(false);
        _process.Dispose();
    }

    [GeneratedRegex(@"http://(127\.0\.0\.1|localhost):\d+")]
    private static partial Regex Serving();
}
