namespace ContentSync.Resync.Planning;

/// <summary>Keeps the files of each plan in a folder of its own.</summary>
/// <param name="folder">Holds the folders of the plans; created if necessary. Plans need up to about 110 bytes per item and record.</param>
public sealed class FolderPlanFiles(string folder) : IPlanFiles
{
    private const string PlanPrefix = "plan-";
    private const string DraftSuffix = ".draft";

    // ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL of Windows; ENOSPC and EDQUOT of Linux and macOS.
    private static readonly int[] FullDisk = [unchecked((int)0x80070070), unchecked((int)0x80070027), 28, 122, 69];

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> FindAsync(string prefix, CancellationToken cancellationToken) => ValueTask.FromResult(Guard(
        "read", IReadOnlyList<string> () => Directory.Exists(folder)
            ? [.. Directory.GetDirectories(folder, $"{PlanPrefix}{prefix}*").Select(path => Path.GetFileName(path)[PlanPrefix.Length..])]
            : []));

    /// <inheritdoc/>
    public ValueTask<IReadOnlySet<string>> ListAsync(string plan, CancellationToken cancellationToken) => ValueTask.FromResult(Guard(
        "read", IReadOnlySet<string> () => Directory.Exists(FolderOf(plan))
            ? Directory.GetFiles(FolderOf(plan))
                .Select(path => Path.GetFileName(path)!)
                .Where(name => !name.EndsWith(DraftSuffix, StringComparison.Ordinal))
                .ToHashSet(StringComparer.Ordinal)
            : []));

    /// <inheritdoc/>
    public async ValueTask WriteAsync(
        string plan, string name, IAsyncEnumerable<ReadOnlyMemory<byte>> content, CancellationToken cancellationToken)
    {
        var path = Path.Combine(FolderOf(plan), name);
        if (File.Exists(path)) return;
        var draft = $"{path}.{Path.GetRandomFileName()}{DraftSuffix}";
        try
        {
            var file = Guard("written", () =>
            {
                Directory.CreateDirectory(FolderOf(plan));
                return new FileStream(draft, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
            });
            using (file)
            {
                await foreach (var part in content.WithCancellation(cancellationToken).ConfigureAwait(false))
                    Guard("written", () => file.Write(part.Span));
            }

            Guard("written", () => Publish(draft, path));
        }
        catch
        {
            if (File.Exists(draft)) File.Delete(draft);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<long> LengthAsync(string plan, string name, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Guard("read", () => new FileInfo(Path.Combine(FolderOf(plan), name)).Length));

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(string plan, string name, long offset, Memory<byte> buffer, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Guard("read", () =>
        {
            using var file = File.OpenHandle(Path.Combine(FolderOf(plan), name), options: FileOptions.None);
            var read = 0;
            while (read < buffer.Length)
            {
                var length = RandomAccess.Read(file, buffer.Span[read..], offset + read);
                if (length == 0) break;
                read += length;
            }

            return read;
        }));

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string plan, CancellationToken cancellationToken)
    {
        Guard("deleted", () =>
        {
            if (Directory.Exists(FolderOf(plan))) Directory.Delete(FolderOf(plan), recursive: true);
        });
        return ValueTask.CompletedTask;
    }

    private string FolderOf(string plan) => Path.Combine(folder, PlanPrefix + plan);

    private static void Publish(string draft, string path)
    {
        try
        {
            File.Move(draft, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            File.Delete(draft);
        }
    }

    private void Guard(string what, Action action) => Guard(what, () =>
    {
        action();
        return true;
    });

    private T Guard<T>(string what, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var isFull = FullDisk.Contains(e.HResult);
            var message = isFull
                ? $"The disk with the folder {folder} is full. It holds a plan while a catalog is compared with the ledger, about 110 bytes "
                + "per item; free some space and run again. Nothing was sent, and the catalog is not at fault."
                : $"The files of the plan in {folder} cannot be {what}: {e.Message}";
            throw new PlanStorageException(message, e)
            {
                IsFull = isFull,
            };
        }
    }
}
