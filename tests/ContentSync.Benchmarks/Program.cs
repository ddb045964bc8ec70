using BenchmarkDotNet.Running;
using ContentSync.Benchmarks.Drain;
using ContentSync.Benchmarks.Ledger;
using ContentSync.Benchmarks.Loss;
using ContentSync.Benchmarks.Ratios;
using ContentSync.Benchmarks.Resync;

// ratios [--json]   ratios measured in one run, see RatiosProgram
// peer              the other process of a ratios run: simulated AlipayHK and fake vault
// item-ratios       only the figures of single items
// allocations       what an item allocates, by type
// sql-ratios        the ledger's SQL through ADO.NET, over the same as shipped
// drain [--json] [--no-telemetry]
//                   CPU time of the Functions worker per single message, see DrainProgram
// api-ratios        only the figures of the HTTP API
// load              the load on that API, in its own process; started by ratios
// resync-ratios     only the figures of a whole catalog
// local-rate        only the share of its rate that a resync on one machine uses
// ledger-ratios     only the figures of the ledgers' lists and counts
// plan-peak ITEMS   peak memory of planning this many items, in its own process; started by ratios
// plan-time ITEMS   shortest time of planning a file with this many items
// mapped-time ROWS  rows mapped per second, and a mapped plan over a plan in our own form
// plan-steps ITEMS FOLDER  planning in steps, with the plan's files in a folder; see PlanStepsProgram
// in-flight ITEMS   items sent over real connections, 256 at a time, in its own process; started by ratios
// slow-alipayhk     the receiver for in-flight, which responds after 20 ms; started by in-flight
// kill-loops [N] [--power-loss] [--seed N] [--window SECONDS]
//                   kills the local host N times (20) and compares AlipayHK with what was submitted
// forgetful-host    the local host on a disk that forgets unsynced writes; started by kill-loops
// anything else     BenchmarkDotNet, for example: --filter '*StringToSign*'
switch (args.FirstOrDefault())
{
    case "ratios":
        return await RatiosProgram.RunAsync(args.Contains("--json"), whole: true).ConfigureAwait(false);
    case "item-ratios":
        return await RatiosProgram.RunAsync(args.Contains("--json"), whole: false).ConfigureAwait(false);
    case "allocations":
        return await AllocationProgram.RunAsync().ConfigureAwait(false);
    case "sql-ratios":
        return await SqlRatios.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "drain":
        return await DrainProgram.RunAsync(args.Contains("--json"), telemetry: !args.Contains("--no-telemetry")).ConfigureAwait(false);
    case "api-ratios":
        return await ApiRatios.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "load":
        return await LoadProgram.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    case "resync-ratios":
        return await ResyncRatios.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "local-rate":
        return await ResyncRatios.RunLocalRateAsync(args.Contains("--json")).ConfigureAwait(false);
    case "ledger-ratios":
        return await LedgerRatios.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "plan-peak":
        return await PlanPeakProgram.RunAsync(long.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
    case "plan-time":
        return await PlanTimeProgram.RunAsync(long.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
    case "mapped-time":
        return await MappedTimeProgram.RunAsync(long.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
    case "plan-steps":
        return await PlanStepsProgram
            .RunAsync(long.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture), args[2])
            .ConfigureAwait(false);
    case "in-flight":
        return await InFlightProgram.RunAsync(int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
    case SlowAlipayHk.Command:
        return await SlowAlipayHk.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    case "kill-loops":
        var seed = Number(Array.IndexOf(args, "--seed") + 1) ?? 1;

        // One second more than LateAlipayHk.MaxLateEffect.
        var window = Number(Array.IndexOf(args, "--window") + 1) ?? 8;
        return await LossProgram.RunAsync(Number(1) ?? 20, args.Contains("--power-loss"), seed, window).ConfigureAwait(false);
    case LossProgram.HostCommand:
        return await LossProgram.HostAsync(args[1..]).ConfigureAwait(false);
    case "peer":
        return await PeerProgram.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(RatiosProgram).Assembly).Run(args);
        return 0;
}

int? Number(int index) =>
    int.TryParse(args.ElementAtOrDefault(index), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;
