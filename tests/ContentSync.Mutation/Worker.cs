using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Xunit;
using Xunit.Abstractions;
using Xunit.Sdk;

namespace ContentSync.Mutation;

/// <summary>
/// Runs tests, then seeds, in its own process, for one mutant after the other. It writes one JSON object per line, so that the process that
/// started it sees where it hangs.
/// </summary>
internal sealed class Worker : IDisposable
{
    /// <summary>The command that starts it. Jobs follow on standard input.</summary>
    public const string Command = "worker";

    private const string TestAssembly = "ContentSync.Tests";

    // A virtual day each. The kinds share the 500 seeds; a few of each come first, because most bugs show at once.
    private static readonly (string? Kind, int First, int All)[] Seeds =
        [(null, 20, 300), ("--wide", 10, 80), ("--poison", 5, 40), ("--shared", 10, 80)];

    private readonly TextWriter _output;
    private readonly Assembly _tests = Assembly.Load(TestAssembly);
    private readonly XunitTestFramework _framework = new(new NullMessageSink());
    private readonly Dictionary<string, IReadOnlyList<ITestCase>> _found = new(StringComparer.Ordinal);
    private WorkerJob _job = new([], false, [], false);
    private IReadOnlyList<bool[]> _marks = [];

    private Worker(TextWriter output)
    {
        _output = output;
    }

    /// <summary>
    /// Runs one job per line. Tests may write to the console, so that events go to the output of the process and everything else nowhere.
    /// </summary>
    public static int Run(TextReader jobs)
    {
        using var output = new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true };
        Console.SetOut(TextWriter.Null);
        Console.SetError(TextWriter.Null);
        using var worker = new Worker(output);
        while (jobs.ReadLine() is { } line)
        {
            worker.Run(JsonSerializer.Deserialize<WorkerJob>(line)!);
            worker.Write(new(WorkerEventKind.Completed));
        }

        // Threads of a mutant may never end.
        Environment.Exit(0);
        return 0;
    }

    /// <summary>Full names of the classes that may hold tests.</summary>
    public static IEnumerable<string> TestClasses() => Assembly.Load(TestAssembly).GetTypes()
        .Where(type => type is { IsClass: true, IsAbstract: false, IsPublic: true })
        .Select(type => type.FullName!);

    public void Dispose() => _framework.Dispose();

    private void Run(WorkerJob job)
    {
        _job = job;
        _marks = [.. job.Marked.Select(name => (bool[])FieldOf(name, CoverageMarks.ClassOf(name), CoverageMarks.Field).GetValue(null)!)];
        Switch(job.Mutant);
        if (job.Marked.Count > 0) RunAll();
        else if (!RunCovering() && !job.IsControl) return;
        if (job.RunsSeeds) RunSeeds();
    }

    private void Switch(int mutant)
    {
        foreach (var name in _job.Switched) FieldOf(name, MutantSwitch.ClassOf(name), MutantSwitch.Field).SetValue(null, mutant);
    }

    private static FieldInfo FieldOf(string assembly, string type, string field) => Assembly.Load(assembly)
        .GetType(type, throwOnError: true)!
        .GetField(field, BindingFlags.Static | BindingFlags.NonPublic)!;

    private void RunAll()
    {
        foreach (var type in _job.Tests)
        {
            var cases = Find(type.Class).Where(test => !IsSlow(test)).ToList();
            if (cases.Count > 0) Execute(cases, stopsAtFailure: false);
        }
    }

    private bool RunCovering()
    {
        var isClean = true;
        foreach (var type in _job.Tests.GroupBy(test => test.Class))
        {
            var methods = type.Select(test => test.Method).ToHashSet();
            isClean &= RunClass([.. Find(type.Key).Where(test => methods.Contains(test.TestMethod.Method.Name) && !IsSlow(test))]);
            if (!isClean && !_job.IsControl) return false;
        }

        return isClean;
    }

    // A test that fails once and then passes says something of the machine, not of the mutant.
    private bool RunClass(List<ITestCase> cases)
    {
        while (cases.Count > 0)
        {
            var failed = Execute(cases, stopsAtFailure: !_job.IsControl);
            if (failed is null) return true;
            if (Execute([failed.TestCase], stopsAtFailure: true) is { } again)
            {
                var isOfMutant = _job.Mutant == 0 || _job.IsFresh || PassesWithoutMutant(failed.TestCase);
                Write(new(isOfMutant ? WorkerEventKind.Failed : WorkerEventKind.Spoiled, MethodOf(again.TestCase), FirstLine(again)));
                return false;
            }

            cases = [.. cases.Where(test => test.UniqueID != failed.TestCase.UniqueID)];
        }

        return true;
    }

    private bool PassesWithoutMutant(ITestCase test)
    {
        Switch(0);
        return Execute([test], stopsAtFailure: true) is null;
    }

    private IReadOnlyList<ITestCase> Find(string type)
    {
        if (_found.TryGetValue(type, out var known)) return known;
        using var discoverer = _framework.GetDiscoverer(Reflector.Wrap(_tests));
        using var sink = new Sink();
        discoverer.Find(type, includeSourceInformation: false, sink, new Options());
        sink.Wait();
        return _found[type] = sink.Cases;
    }

    private ITestFailed? Execute(IReadOnlyList<ITestCase> cases, bool stopsAtFailure)
    {
        using var executor = _framework.GetExecutor(_tests.GetName());
        ITestFailed? failed = null;
        using var sink = new Sink(message =>
        {
            switch (message)
            {
                case ITestStarting starting:
                    Write(new(WorkerEventKind.Started, MethodOf(starting.TestCase)));
                    break;
                case ITestFailed failure:
                    failed ??= failure;
                    if (_job.IsControl || _job.Marked.Count > 0) Write(new(WorkerEventKind.Failed, MethodOf(failure.TestCase), FirstLine(failure)));
                    return !stopsAtFailure;
                case ITestFinished finished when _job.Marked.Count > 0:
                    Write(new(WorkerEventKind.Finished, MethodOf(finished.TestCase), Seconds: (double)finished.ExecutionTime, Members: TakeMarks()));
                    break;
            }

            return true;
        });
        executor.RunTests(cases, sink, new Options());
        sink.Wait();
        return failed;
    }

    private void RunSeeds()
    {
        var clock = Stopwatch.StartNew();
        foreach (var isFirst in (bool[])[true, false])
        {
            foreach (var (kind, first, all) in Seeds)
            {
                Write(new(WorkerEventKind.SeedsStarted));
                string[] range = isFirst ? ["--seeds", $"{first}"] : ["--seeds", $"{all - first}", "--from", $"{first + 1}"];
                string[] arguments = kind is null ? range : [kind, .. range];
                if (Simulate(arguments) is not { } found) continue;
                Write(new(IsOfMutant(arguments) ? WorkerEventKind.Violation : WorkerEventKind.Spoiled, Text: $"{string.Join(' ', kind, found)}"));
                return;
            }
        }

        Write(new(WorkerEventKind.SeedsFinished, Seconds: clock.Elapsed.TotalSeconds, Members: TakeMarks()));
    }

    private bool IsOfMutant(string[] arguments)
    {
        if (_job.Mutant == 0 || _job.IsFresh) return true;
        Switch(0);
        return Simulate(arguments) is null;
    }

    private static string? Simulate(string[] arguments)
    {
        using var output = new StringWriter();
        Console.SetOut(output);
        var code = Assembly.Load("ContentSync.Simulation").EntryPoint!.Invoke(null, [(string[])[.. arguments, "--threads", "1"]]);
        Console.SetOut(TextWriter.Null);
        if (code is 0) return null;
        var lines = output.ToString().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return Array.Find(lines, line => line.StartsWith("seed", StringComparison.Ordinal)) ?? lines.FirstOrDefault() ?? "no output";
    }

    private List<IReadOnlyList<int>> TakeMarks()
    {
        List<IReadOnlyList<int>> taken = [];
        foreach (var marks in _marks)
        {
            taken.Add([.. Enumerable.Range(0, marks.Length).Where(member => marks[member])]);
            Array.Clear(marks);
        }

        return taken;
    }

    private static bool IsSlow(ITestCase test) => test.Traits.TryGetValue("Category", out var categories) && categories.Contains("Slow");

    private static TestMethod MethodOf(ITestCase test) => new(test.TestMethod.TestClass.Class.Name, test.TestMethod.Method.Name);

    private static string FirstLine(ITestFailed failure) => string.Join(' ', failure.Messages).Split('\n')[0].Trim();

    private void Write(WorkerEvent happened)
    {
        lock (_output) _output.WriteLine(JsonSerializer.Serialize(happened));
    }

    /// <summary>Collects test cases, or hands on what a run reports.</summary>
    private sealed class Sink(Func<IMessageSinkMessage, bool>? report = null) : LongLivedMarshalByRefObject, IMessageSink, IDisposable
    {
        private readonly ManualResetEventSlim _done = new();

        public List<ITestCase> Cases { get; } = [];

        public bool OnMessage(IMessageSinkMessage message)
        {
            if (message is ITestCaseDiscoveryMessage discovered) Cases.Add(discovered.TestCase);
            var goesOn = report?.Invoke(message) ?? true;
            if (message is IDiscoveryCompleteMessage or ITestAssemblyFinished) _done.Set();
            return goesOn;
        }

        public void Wait() => _done.Wait();

        public void Dispose() => _done.Dispose();
    }

    /// <summary>One test at a time, each reported before the next one starts.</summary>
    private sealed class Options : ITestFrameworkDiscoveryOptions, ITestFrameworkExecutionOptions
    {
        private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal)
        {
            ["xunit.discovery.PreEnumerateTheories"] = false,
            ["xunit.execution.DisableParallelization"] = true,
            ["xunit.execution.SynchronousMessageReporting"] = true,
        };

        public TValue GetValue<TValue>(string name) => _values.TryGetValue(name, out var value) && value is TValue found ? found : default!;

        public void SetValue<TValue>(string name, TValue value) => _values[name] = value;
    }
}
