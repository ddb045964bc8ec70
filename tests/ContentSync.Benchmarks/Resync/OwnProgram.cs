using System.Diagnostics;

namespace ContentSync.Benchmarks.Resync;

/// <summary>This program, started once more, for what needs a process of its own.</summary>
internal static class OwnProgram
{
    /// <summary>How to start it with these words, its output kept.</summary>
    public static ProcessStartInfo Start(string words, bool redirectInput = false)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = redirectInput, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(OwnProgram).Assembly.Location);
        foreach (var word in words.Split(' ')) start.ArgumentList.Add(word);
        return start;
    }

    /// <summary>Has it do something, and answers the last line that it writes.</summary>
    public static async Task<string> RunAsync(string words)
    {
        using var process = Process.Start(Start(words))!;
        var answer = await process.StandardOutput.ReadToEndAsync().ConfigureAwait(false);
        await process.WaitForExitAsync().ConfigureAwait(false);
        return answer.TrimEnd().Split('\n')[^1];
    }
}
