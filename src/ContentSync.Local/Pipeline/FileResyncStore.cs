using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ContentSync.Resync;
using ContentSync.Resync.Planning;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Keeps the runs of each source, and the plans of those under way, in one folder. For the one process that owns the data folder: a
/// run that is found under way was left by an owner who is gone. Thread-safe.
/// </summary>
public sealed class FileResyncStore : IResyncStore
{
    private readonly string _folder;
    private readonly Lock _lock = new();

    private FileResyncStore(string folder) => _folder = folder;

    /// <summary>Opens the folder, and clears away what a killed owner left half done.</summary>
    /// <exception cref="IOException">It cannot be used.</exception>
    public static FileResyncStore Open(string folder)
    {
        var directory = Directory.CreateDirectory(folder);
        foreach (var spill in directory.GetDirectories("plan-*")) spill.Delete(recursive: true);
        foreach (var draft in directory.GetFiles("*.draft")) draft.Delete();
        DeleteOrphans(directory);
        return new FileResyncStore(folder);
    }

    /// <summary>Looks at the folder whoever owns it; it need not be there.</summary>
    public static FileResyncStore Look(string folder) => new(folder);

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
            using (var stream = File.Create(draft))
            {
                JsonSerializer.Serialize(stream, next, ResyncStoreJson.Default.ResyncHistory);
                stream.Flush(flushToDisk: true);
            }

            File.Move(draft, file, overwrite: true);
            return ValueTask.FromResult<ResyncHistory?>(next);
        }
    }

    /// <inheritdoc/>
    public async ValueTask SavePlanAsync(string planId, CatalogPlan plan, CancellationToken cancellationToken)
    {
        var draft = PlanFile(planId) + ".draft";
        var file = File.Create(draft);
        await using (file.ConfigureAwait(false))
        {
            await plan.SaveAsync(file, cancellationToken).ConfigureAwait(false);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, PlanFile(planId), overwrite: true);
    }

    /// <inheritdoc/>
    public async ValueTask<CatalogPlan> LoadPlanAsync(string planId, CancellationToken cancellationToken)
    {
        var file = File.OpenRead(PlanFile(planId));
        await using (file.ConfigureAwait(false)) return await CatalogPlan.LoadAsync(file, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DeletePlanAsync(string planId, CancellationToken cancellationToken)
    {
        File.Delete(PlanFile(planId));
        return ValueTask.CompletedTask;
    }

    // A plan is saved before the run that names it is written, and deleted after that run's end is.
    private static void DeleteOrphans(DirectoryInfo directory)
    {
        try
        {
            var inUse = directory.GetFiles("*.json").Select(history => Read(history.FullName)?.InProgress()?.PlanId).ToHashSet();
            foreach (var plan in directory.GetFiles("*.plan").Where(plan => !inUse.Contains(Path.GetFileNameWithoutExtension(plan.Name)))) plan.Delete();
        }
        catch (IOException)
        {
            // Which plans are in use cannot be read; whoever asks for these runs is told.
        }
    }

    private static ResyncHistory? Read(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), ResyncStoreJson.Default.ResyncHistory);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new IOException($"The file {file} holds no runs that this program can read; move it away to begin anew.", e);
        }
    }

    private string HistoryFile(string source) => Path.Combine(_folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)).AsSpan(0, 16)) + ".json");

    private string PlanFile(string planId) => Path.Combine(_folder, planId + ".plan");
}
