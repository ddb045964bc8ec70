using System.Diagnostics;

namespace ContentSync.Benchmarks.Resync;

/// <summary>Starts this program again, for measurements that need a process of their own.</summary>
internal static class OwnProgram
{
    /// <summary>How to start it with these arguments and its output redirected.</summary>
    public static ProcessStartInfo Start(string arguments, bool redirectInput = false)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = redirectInput, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(OwnProgram).Assembly.Location);
        foreach (var argument in arguments.Split(' ')) start.ArgumentList.Add(argument);
        return start;
    }

    /// <summary>Runs it and returns the last line of its output.</summary>
    public static async Task<string> RunAsync(string arguments)
    {
        using var process = Process.Start(Start(arguments))!;
        var output = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return output.TrimEnd().Split('\n')[^1];
    }
}
