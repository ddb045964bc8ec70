using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Keeps the runs of each source, and the plans of the runs under way, in one folder. Only the process that owns the data folder may use it,
/// so a run found under way was left by an earlier process. Thread-safe.
/// </summary>
/// <remarks>
/// A file is synced before it replaces the previous one, and then the folder: a run that was reported as started is there after a power loss.
/// Windows cannot sync a folder. There a power loss may bring back the previous file: the run then repeats packs, which sends nothing for items
/// that the ledger knows to be in sync, and one that was started a few seconds before must be started again.
/// </remarks>
public sealed class FileResyncStore : IResyncStore
{
    private readonly string _folder;
    private readonly Action<string> _syncFolder;
    private readonly Lock _lock = new();

    private FileResyncStore(string folder, Action<string> syncFolder) => (_folder, _syncFolder) = (folder, syncFolder);

    /// <summary>Opens the folder and deletes unfinished files of a killed process.</summary>
    /// <exception cref="IOException">The folder cannot be used.</exception>
    public static FileResyncStore Open(string folder) => Open(folder, FolderSync.Flush);

    /// <summary>The same with another way to sync the folder. Lets a test simulate a power loss.</summary>
    internal static FileResyncStore Open(string folder, Action<string> syncFolder)
    {
        var directory = Directory.CreateDirectory(folder);
        foreach (var partitions in directory.GetDirectories("plan-*")) partitions.Delete(recursive: true);
        foreach (var draft in directory.GetFiles("*.draft")) draft.Delete();
        DeleteOrphans(directory);
        return new FileResyncStore(folder, syncFolder);
    }

    /// <summary>For reading while another process may own the folder; the folder need not exist.</summary>
    public static FileResyncStore OpenReadOnly(string folder) => new(folder, FolderSync.Flush);

    /// <inheritdoc/>
    public ValueTask<ResyncHistory?> FindAsync(string source, CancellationToken cancellationToken)
    {
        lock (_lock) return ValueTask.FromResult(Read(HistoryFile(source)));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ResyncHistory> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        if (!Directory.Exists(_folder)) yield break;
        foreach (var file in Directory.EnumerateFiles(_folder, "*.json"))
        {
            cancellationToken.ThrowIfCancellationRequested();
            ResyncHistory? history;
            lock (_lock) history = Read(file);
            if (history is not null) yield return history;
        }
    }

    /// <inheritdoc/>
    public ValueTask<ResyncHistory?> WriteAsync(ResyncHistory history, CancellationToken cancellationToken)
    {
        var file = HistoryFile(history.Source);
        lock (_lock)
        {
            if (Read(file)?.Version != history.Version) return ValueTask.FromResult<ResyncHistory?>(null);
            var version = history.Version is null ? 1 : long.Parse(history.Version, CultureInfo.InvariantCulture) + 1;
            var next = history with { Version = version.ToString(CultureInfo.InvariantCulture) };
            var draft = file + ".draft";
            using (var stream = PrivateFile.Create(draft, FileMode.Create))
            {
                JsonSerializer.Serialize(stream, next, ResyncStoreJson.Default.ResyncHistory);
                stream.Flush(flushToDisk: true);
            }

            File.Move(draft, file, overwrite: true);
            _syncFolder(_folder);
            return ValueTask.FromResult<ResyncHistory?>(next);
        }
    }

    /// <inheritdoc/>
    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        var draft = PlanFile(planId) + ".draft";
        var file = PrivateFile.Create(draft, FileMode.Create);
        await using (file.ConfigureAwait(false))
        {
            await plan.SaveAsync(file, cancellationToken).ConfigureAwait(false);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, PlanFile(planId), overwrite: true);
    }

    /// <inheritdoc/>
    public async ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken) => await CatalogPlan
        .OpenAsync(_ => ValueTask.FromResult<Stream>(File.OpenRead(PlanFile(planId))), release: null, cancellationToken)
        .ConfigureAwait(false);

    /// <inheritdoc/>
    public ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken)
    {
        File.Delete(PlanFile(planId));
        return ValueTask.CompletedTask;
    }

    // A plan is saved before the run that names it, and deleted after the end of that run is written.
    private static void DeleteOrphans(DirectoryInfo directory)
    {
        try
        {
            var inUse = directory.GetFiles("*.json")
                .Select(history => Read(history.FullName))
                .SelectMany(history => new[] { history?.InProgress()?.PlanId, history?.AbsentPlanId })
                .ToHashSet();
            var plans = directory.GetFiles("*.plan");
            foreach (var orphan in plans.Where(plan => !inUse.Contains(Path.GetFileNameWithoutExtension(plan.Name)))) orphan.Delete();
        }
        catch (IOException)
        {
            // The history that names the plans is unreadable, so no plan may be deleted. Reading the runs reports the error.
        }
    }

    private static ResyncHistory? Read(string file)
    {
        try
        {
            return ResyncStoreJson.Read(File.ReadAllBytes(file), $"The file {file}", "Move it away to start without a history.");
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private string HistoryFile(string source)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(source));
        return Path.Combine(_folder, Convert.ToHexStringLower(hash.AsSpan(0, 16)) + ".json");
    }

    private string PlanFile(string planId) => Path.Combine(_folder, planId + ".plan");
}
