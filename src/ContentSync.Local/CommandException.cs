namespace ContentSync.Local;

/// <summary>Ends a command with one sentence for the user and an exit code.</summary>
public sealed class CommandException(string message, Exception? innerException = null) : Exception(message, innerException)
{
    public int ExitCode { get; init; } = ExitCodes.Unusable;

    /// <summary>Whether the same call may succeed later: the host does not run or is restarting.</summary>
    public bool IsTemporary { get; init; }
}

/// <summary>Exit codes of the process.</summary>
public static class ExitCodes
{
    /// <summary>Everything is synchronized or unchanged.</summary>
    public const int Done = 0;

    /// <summary>Some items were invalid, rejected or parked.</summary>
    public const int SomeFailed = 1;

    /// <summary>Wrong usage, or a required file, key, port or host is unusable.</summary>
    public const int Unusable = 2;

    /// <summary>Stopped before the end; the next run continues with the pending items.</summary>
    public const int Stopped = 3;
}
