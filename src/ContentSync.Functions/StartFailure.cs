namespace ContentSync.Functions;

/// <summary>Writes to standard error why the app does not start, in a form that the host shows to an operator.</summary>
internal static class StartFailure
{
    /// <summary>
    /// The host logs a line of a worker's standard error as an error only if it contains this word; host.json hides everything below a warning.
    /// </summary>
    private const string Mark = "error: ";

    /// <param name="output">Standard error.</param>
    /// <param name="message">One or more lines.</param>
    public static async Task WriteAsync(TextWriter output, string message)
    {
        foreach (var line in message.Split('\n')) await output.WriteLineAsync(Mark + line.TrimEnd('\r')).ConfigureAwait(false);
    }
}
