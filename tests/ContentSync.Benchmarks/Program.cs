using BenchmarkDotNet.Running;
using ContentSync.Benchmarks.Ratios;
using ContentSync.Benchmarks.Resync;

// ratios [--json]   same-run ratios of whole items, see RatiosProgram
// peer              the other process of a ratios run: simulated AlipayHK and fake vault
// item-ratios       only those members of it that tell of a single item
// api-ratios        only those members of it that tell how the HTTP API takes items in
// load              the load on that API, in a process of its own; started by ratios
// resync-ratios     only those members of it that tell of a whole catalog
// plan-peak ITEMS   memory of planning that many, in a process of its own; started by ratios
// in-flight ITEMS   items sent over real connections, 256 at a time, in a process of its own; started by ratios
// slow-partner      the partner of in-flight, which takes 20 ms for an answer
// anything else     BenchmarkDotNet, for example: --filter '*StringToSign*'
switch (args.FirstOrDefault())
{
    case "ratios":
        return await RatiosProgram.RunAsync(args.Contains("--json"), whole: true).ConfigureAwait(false);
    case "item-ratios":
        return await RatiosProgram.RunAsync(args.Contains("--json"), whole: false).ConfigureAwait(false);
    case "api-ratios":
        return await ApiRatios.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "load":
        return await LoadProgram.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    case "resync-ratios":
        return await ResyncRatios.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "plan-peak":
        return await PlanPeakProgram.RunAsync(long.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
    case "in-flight":
        return await InFlightProgram.RunAsync(int.Parse(args[1], System.Globalization.CultureInfo.InvariantCulture)).ConfigureAwait(false);
    case "slow-partner":
        return await SlowPartner.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    case "peer":
        return await PeerProgram.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(RatiosProgram).Assembly).Run(args);
        return 0;
}
