namespace ContentSync.Local.Pipeline;

/// <summary>Folders that only their owner can read. On Windows permissions are inherited and left alone.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const UnixFileMode Others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    // What a link points to may serve other purposes.
    private static readonly EnumerationOptions WithoutLinks = new() { AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true };

    /// <summary>Creates the folder, or takes the permissions of other users away from an existing one.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="isOwn">
    /// Whether an entry of the folder, by name, was written by this program. Other entries keep their permissions, and so does a folder that
    /// has any, because it serves other purposes too.
    /// </param>
    /// <returns>A warning if other users could read what the folder contained, or can; otherwise null.</returns>
    /// <exception cref="IOException">The folder cannot be created or listed.</exception>
    /// <exception cref="UnauthorizedAccessException">As above.</exception>
    public static string? Open(string path, Func<string, bool> isOwn)
    {
        if (OperatingSystem.IsWindows() || !Directory.Exists(path))
        {
            Create(path);
            return null;
        }

        var folder = new DirectoryInfo(path);
        var entries = folder.GetFileSystemInfos("*", WithoutLinks);
        var own = entries.Where(entry => isOwn(entry.Name)).ToArray();
        if ((folder.UnixFileMode & Others) == 0)
        {
            TightenAll(own);
            return null;
        }

        var isShared = own.Length < entries.Length;
        if (isShared && !own.Any(IsOpen)) return null;
        var refused = TightenAll(isShared ? own : [.. own, folder]);
        if (own.Length == 0) return null;
        return refused is null
            ? $"The data in '{path}' could be read by other users of this machine; now only you can read it."
            : $"The data in '{path}' can be read by other users of this machine, and that cannot be changed: {refused}";
    }

    /// <summary>Creates the folder unless it exists.</summary>
    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, OwnerOnly);
    }

    private static bool IsOpen(FileSystemInfo entry) => !OperatingSystem.IsWindows() && (entry.UnixFileMode & Others) != 0;

    /// <returns>Why an entry could not be changed; null if all were.</returns>
    private static string? TightenAll(IEnumerable<FileSystemInfo> entries)
    {
        string? refused = null;
        foreach (var entry in entries)
        {
            if (entry is DirectoryInfo folder) refused ??= TightenAll(folder.EnumerateFileSystemInfos("*", WithoutLinks));
            refused ??= Tighten(entry);
        }

        return refused;
    }

    private static string? Tighten(FileSystemInfo entry)
    {
        if (OperatingSystem.IsWindows() || !IsOpen(entry)) return null;
        try
        {
            entry.UnixFileMode &= ~Others;
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }
}
