namespace ContentSync.Local.Pipeline;

/// <summary>Files that only their owner can read.</summary>
internal static class PrivateFile
{
    /// <summary>Writes a new file. Except on Windows, only its owner can read it.</summary>
    /// <exception cref="IOException">The file already exists or cannot be written.</exception>
    public static void Write(string path, string text)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        using var writer = new StreamWriter(path, options);
        writer.Write(text);
    }
}
