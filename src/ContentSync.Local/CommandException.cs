namespace ContentSync.Local;

/// <summary>Ends a command with one sentence for the person who typed it, and an exit code.</summary>
public sealed class CommandException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    public int ExitCode { get; init; } = ExitCodes.Unusable;
}

/// <summary>What the process tells its caller.</summary>
public static class ExitCodes
{
    /// <summary>Everything is synchronized or unchanged.</summary>
    public const int Done = 0;

    /// <summary>Some items were invalid, rejected or dead-lettered.</summary>
    public const int SomeFailed = 1;

    /// <summary>Wrong usage, or something that is needed cannot be used.</summary>
    public const int Unusable = 2;

    /// <summary>Stopped before the end; what is pending goes on with the next run.</summary>
    public const int Stopped = 3;
}
