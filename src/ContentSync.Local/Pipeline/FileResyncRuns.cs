using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ContentSync.Resync;

namespace ContentSync.Local.Pipeline;

/// <summary>
/// Keeps the newest run of each source, with its plan, in one folder. For the one process that owns the data folder: a run that
/// is found under way was left by an owner who is gone.
/// </summary>
public sealed class FileResyncRuns : IResyncRuns
{
    private readonly string _folder;

    private FileResyncRuns(string folder) => _folder = folder;

    /// <summary>Opens the folder, and clears away what a killed owner left half done.</summary>
    /// <exception cref="IOException">It cannot be used.</exception>
    public static FileResyncRuns Open(string folder)
    {
        var directory = Directory.CreateDirectory(folder);
        foreach (var spill in directory.GetDirectories("plan-*")) spill.Delete(recursive: true);
        foreach (var draft in directory.GetFiles("*.draft")) draft.Delete();
        return new FileResyncRuns(folder);
    }

    /// <inheritdoc/>
    public async ValueTask<ResyncRun?> FindAsync(string source, CancellationToken cancellationToken)
    {
        var file = RunFile(source);
        if (!File.Exists(file)) return null;
        try
        {
            return JsonSerializer.Deserialize(await File.ReadAllBytesAsync(file, cancellationToken).ConfigureAwait(false), RunJson.Default.ResyncRun);
        }
        catch (JsonException e)
        {
            throw new IOException($"The file {file} holds no run that this program can read; move it away to begin anew.", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ResyncRun?> WriteAsync(ResyncRun run, CancellationToken cancellationToken)
    {
        var current = await FindAsync(run.Source, cancellationToken).ConfigureAwait(false);
        if ((current?.Version ?? 0) != run.Version) return null;
        var next = run with { Version = run.Version + 1 };
        await ReplaceAsync(RunFile(run.Source), file => file.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(next, RunJson.Default.ResyncRun), cancellationToken).AsTask()).ConfigureAwait(false);
        if (current is not null && current.RunId != run.RunId) File.Delete(PlanFile(current.RunId));
        if (next.State != ResyncRunState.Sending) File.Delete(PlanFile(next.RunId));
        return next;
    }

    /// <inheritdoc/>
    public async ValueTask SavePlanAsync(string runId, CatalogPlan plan, CancellationToken cancellationToken) =>
        await ReplaceAsync(PlanFile(runId), file => plan.SaveAsync(file, cancellationToken)).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<CatalogPlan> LoadPlanAsync(string runId, CancellationToken cancellationToken)
    {
        var file = File.OpenRead(PlanFile(runId));
        await using (file.ConfigureAwait(false)) return await CatalogPlan.LoadAsync(file, cancellationToken).ConfigureAwait(false);
    }

    // Whole or not at all, also when the process is killed in it.
    private static async Task ReplaceAsync(string path, Func<FileStream, Task> write)
    {
        var draft = path + ".draft";
        var file = File.Create(draft);
        await using (file.ConfigureAwait(false))
        {
            await write(file).ConfigureAwait(false);
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
    }

    private string RunFile(string source) => Path.Combine(_folder, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source)).AsSpan(0, 16)) + ".json");

    private string PlanFile(string runId) => Path.Combine(_folder, runId + ".plan");
}

/// <summary>How runs are written to disk.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
[JsonSerializable(typeof(ResyncRun))]
internal sealed partial class RunJson : JsonSerializerContext;
