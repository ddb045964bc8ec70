using ContentSync.Simulation;

using var keys = SimulatedKeys.Create();
var from = args.Length > 0 ? ulong.Parse(args[0]) : 1;
var n = args.Length > 1 ? ulong.Parse(args[1]) : 1;
var traced = args.Length > 2;
var t = System.Diagnostics.Stopwatch.StartNew();
long calls = 0; int bad = 0; double hours = 0;
for (var s = from; s < from + n; s++)
{
    var run = SimulationRun.Of(PlanDraw.Of(s), keys, traced);
    calls += run.PartnerCalls; hours += run.Elapsed.TotalHours;
    if (traced) foreach (var l in run.Trace) Console.WriteLine(l);
    if (run.Violation is { } v) { bad++; Console.WriteLine($"seed {s}: {v.Invariant} {v.Text[..Math.Min(1200, v.Text.Length)]}"); }
}
Console.WriteLine($"{n} seeds, {bad} bad, {calls / (double)n:0.0} calls/seed, {hours / n:0} h/seed, {t.Elapsed.TotalMilliseconds / n:0.0} ms/seed");
