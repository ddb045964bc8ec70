namespace ContentSync.Resync.Planning;

/// <summary>
/// Holds the files of plans while they are made, outside the memory of the process and, in the cloud, outside its disk. A file is written
/// once, completely or not at all, so what a killed process has written is what the next one continues with. Thread-safe.
/// </summary>
public interface IPlanFiles
{
    /// <summary>The names of the plans that have files and start with a prefix.</summary>
    /// <exception cref="PlanStorageException">The storage cannot be read.</exception>
    ValueTask<IReadOnlyList<string>> FindAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>The names of a plan's files.</summary>
    /// <exception cref="PlanStorageException">The storage cannot be read.</exception>
    ValueTask<IReadOnlySet<string>> ListAsync(string plan, CancellationToken cancellationToken);

    /// <summary>
    /// Writes a file, unless it exists: of two processes that continue the same plan, the first one's file stays.
    /// </summary>
    /// <param name="plan">Letters, digits and hyphens.</param>
    /// <param name="name">Letters, digits and hyphens.</param>
    /// <param name="content">The bytes in order; each part is used before the next one is requested.</param>
    /// <param name="cancellationToken">Stops the writing; the file does not exist then.</param>
    /// <exception cref="PlanStorageException">The file cannot be written.</exception>
    ValueTask WriteAsync(string plan, string name, IAsyncEnumerable<ReadOnlyMemory<byte>> content, CancellationToken cancellationToken);

    /// <summary>The length of a file in bytes.</summary>
    /// <exception cref="PlanStorageException">The file does not exist or cannot be read.</exception>
    ValueTask<long> LengthAsync(string plan, string name, CancellationToken cancellationToken);

    /// <summary>Reads part of a file.</summary>
    /// <returns>The number of bytes read: fewer than fit into <paramref name="buffer"/> only at the end of the file.</returns>
    /// <exception cref="PlanStorageException">The file does not exist or cannot be read.</exception>
    ValueTask<int> ReadAsync(string plan, string name, long offset, Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Deletes a plan's files, if it has any.</summary>
    /// <exception cref="PlanStorageException">A file cannot be deleted.</exception>
    ValueTask DeleteAsync(string plan, CancellationToken cancellationToken);
}

/// <summary>The files of a plan cannot be written or read: the storage is at fault, not the catalog.</summary>
public sealed class PlanStorageException(string message, Exception? innerException = null) : IOException(message, innerException)
{
    /// <summary>There is no room left for the plan.</summary>
    public bool IsFull { get; init; }
}
