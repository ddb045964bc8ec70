namespace ContentSync.Local.Pipeline;

/// <summary>Files that only their owner can read.</summary>
internal static class PrivateFile
{
    /// <summary>Writes a new file, which survives a power loss. Except on Windows, only its owner can read it.</summary>
    /// <exception cref="IOException">The file already exists or cannot be written.</exception>
    public static void Write(string path, string text)
    {
        using var file = Create(path, FileMode.CreateNew);
        using var writer = new StreamWriter(file);
        writer.Write(text);
        writer.Flush();
        file.Flush(flushToDisk: true);
    }

    /// <summary>Opens a file for writing. Except on Windows, only its owner can read it if it is new.</summary>
    /// <exception cref="IOException">The file cannot be opened, or exists although it must be new.</exception>
    public static FileStream Create(string path, FileMode mode)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }
}
