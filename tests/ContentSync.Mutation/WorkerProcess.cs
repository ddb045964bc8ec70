using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace ContentSync.Mutation;

/// <summary>Starts workers in a copy of this program's folder, where an assembly of src can be replaced.</summary>
internal sealed class WorkerProcess : IDisposable
{
    /// <summary>What <see cref="RunAsync"/> adds when a worker ends or stops reporting before its job is done.</summary>
    public const string Ended = "the process ended";

    public const string Hangs = "hangs";

    // 3 GiB, in hexadecimal. A mutant that allocates without end must not take the machine with it.
    private const string MaxHeap = "C0000000";

    private readonly string _folder;
    private Process? _process;

    /// <param name="repository">The copy goes to its cache folder.</param>
    public WorkerProcess(Repository repository)
    {
        _folder = Path.Combine(repository.Cache, "worker");
        Copy(AppContext.BaseDirectory, _folder);
    }

    /// <summary>Path of an assembly that a mutant replaces.</summary>
    public string PathOf(string assembly) => Path.Combine(_folder, assembly + ".dll");

    /// <summary>Puts the assembly that was built back.</summary>
    public void Restore(string assembly) => File.Copy(Path.Combine(AppContext.BaseDirectory, assembly + ".dll"), PathOf(assembly), overwrite: true);

    /// <summary>Ends the worker that goes on from job to job. Assemblies must not be replaced while it runs.</summary>
    public void Stop()
    {
        if (_process is { HasExited: false }) _process.Kill(entireProcessTree: true);
        _process?.WaitForExit();
        _process?.Dispose();
        _process = null;
    }

    public void Dispose() => Stop();

    /// <summary>Runs a job and reports its events. A worker that hangs is ended.</summary>
    /// <param name="job">The job. A fresh one starts a process of its own.</param>
    /// <param name="limitOf">How long a worker may be silent after an event; also before the first one, which is null.</param>
    /// <param name="cancellationToken">Ends the worker.</param>
    public async IAsyncEnumerable<WorkerEvent> RunAsync(
        WorkerJob job, Func<WorkerEvent?, TimeSpan> limitOf, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (job.IsFresh || _process is null || _process.HasExited) Start();
        var isDone = false;
        try
        {
            await _process!.StandardInput.WriteLineAsync(JsonSerializer.Serialize(job).AsMemory(), cancellationToken).ConfigureAwait(false);
            await _process.StandardInput.FlushAsync(cancellationToken).ConfigureAwait(false);
            WorkerEvent? last = null;
            while (last?.Kind != WorkerEventKind.Completed)
            {
                last = await ReadAsync(_process.StandardOutput, last, limitOf(last), cancellationToken).ConfigureAwait(false);
                isDone = last is { Kind: WorkerEventKind.Completed, Text: null };
                yield return last;
            }
        }
        finally
        {
            if (!isDone) Stop();
        }
    }

    // The end of the output and the end of the time both complete the job: nothing follows.
    private static async Task<WorkerEvent> ReadAsync(StreamReader output, WorkerEvent? last, TimeSpan limit, CancellationToken cancellationToken)
    {
        var read = output.ReadLineAsync(cancellationToken).AsTask();
        try
        {
            return await read.WaitAsync(limit, cancellationToken).ConfigureAwait(false) is { } line
                ? JsonSerializer.Deserialize<WorkerEvent>(line)!
                : new(WorkerEventKind.Completed, last?.Test, Ended);
        }
        catch (TimeoutException)
        {
            return new(WorkerEventKind.Completed, last?.Test, Hangs);
        }
    }

    private void Start()
    {
        Stop();
        var program = Path.Combine(_folder, Path.GetFileName(Environment.GetCommandLineArgs()[0]));
        var start = new ProcessStartInfo("dotnet", [program, Worker.Command])
        {
            WorkingDirectory = _folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = MaxHeap;
        _process = Process.Start(start)!;
        _ = _process.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    private static void Copy(string source, string target)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy, overwrite: true);
        }
    }
}
