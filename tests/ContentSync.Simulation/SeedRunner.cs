using System.Diagnostics;

namespace ContentSync.Simulation;

/// <summary>Runs many seeds, each on one thread.</summary>
internal static class SeedRunner
{
    private static readonly TimeSpan SlowAfter = TimeSpan.FromMinutes(1);

    /// <summary>Runs the seeds. One that takes longer than a minute is named on standard error: it may never end.</summary>
    /// <param name="seeds">Run in this order.</param>
    /// <param name="plan">Maps a seed to its plan.</param>
    /// <param name="threads">Number of seeds that run at the same time.</param>
    /// <param name="limit">No more seeds are started after this time.</param>
    public static SeedReport Run(IEnumerable<ulong> seeds, Func<ulong, Plan> plan, int threads, TimeSpan limit)
    {
        var report = new SeedReport();
        var clock = Stopwatch.StartNew();
        using var keys = new SimulatedKeys();
        using var source = seeds.GetEnumerator();
        var workers = Enumerable.Range(0, threads)
            .Select(_ => new Thread(() => Work(report, source, plan, keys, clock, limit), maxStackSize: 16 * 1024 * 1024))
            .ToList();
        workers.ForEach(worker => worker.Start());
        workers.ForEach(worker => worker.Join());
        report.Duration = clock.Elapsed;
        return report;
    }

    /// <summary>Runs one plan with a trace.</summary>
    public static SimulationRun Trace(Plan plan)
    {
        SimulationRun? run = null;
        using var keys = new SimulatedKeys();
        var worker = new Thread(() => run = SimulationRun.Of(plan, keys, isTraced: true), maxStackSize: 16 * 1024 * 1024);
        worker.Start();
        worker.Join();
        return run!;
    }

    private static void Work(
        SeedReport report, IEnumerator<ulong> seeds, Func<ulong, Plan> plan, SimulatedKeys keys, Stopwatch clock, TimeSpan limit)
    {
        while (true)
        {
            ulong seed;
            lock (seeds)
            {
                if (clock.Elapsed > limit || !seeds.MoveNext()) return;
                seed = seeds.Current;
            }

            using var alarm = new Timer(
                _ => Console.Error.WriteLine($"Seed {seed} has run for more than {SlowAfter.TotalSeconds} s."),
                null,
                SlowAfter,
                Timeout.InfiniteTimeSpan);
            report.Add(seed, SimulationRun.Of(plan(seed), keys));
        }
    }
}

/// <summary>Combined results of many seeds. Adding is thread-safe.</summary>
internal sealed class SeedReport
{
    private readonly Lock _lock = new();
    private readonly List<(ulong Seed, Violation Violation)> _violations = [];

    public int Seeds { get; private set; }

    public double VirtualHours { get; private set; }

    public long AlipayHkCalls { get; private set; }

    public FaultCounts Faults { get; } = new();

    public TimeSpan Duration { get; set; }

    /// <summary>Violations, ordered by seed.</summary>
    public IReadOnlyList<(ulong Seed, Violation Violation)> Violations => [.. _violations.OrderBy(violation => violation.Seed)];

    public void Add(ulong seed, SimulationRun run)
    {
        lock (_lock)
        {
            Seeds++;
            VirtualHours += run.Elapsed.TotalHours;
            AlipayHkCalls += run.AlipayHkCalls;
            Faults.Add(run.Faults);
            if (run.Violation is { } violation) _violations.Add((seed, violation));
        }
    }
}
