namespace ContentSync.Functions;

/// <summary>Says on standard error why the app does not start, so that an operator sees it.</summary>
internal static class StartFailure
{
    /// <summary>The host logs a line of a worker's standard error as an error only where it holds this word, and host.json hides what is less than a warning.</summary>
    private const string Mark = "error: ";

    /// <param name="output">Standard error.</param>
    /// <param name="message">Of one or more lines.</param>
    public static async Task WriteAsync(TextWriter output, string message)
    {
        foreach (var line in message.Split('\n')) await output.WriteLineAsync(Mark + line.TrimEnd('\r')).ConfigureAwait(false);
    }
}
