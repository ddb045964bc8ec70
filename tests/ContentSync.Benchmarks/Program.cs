using BenchmarkDotNet.Running;
using ContentSync.Benchmarks.Ratios;

// ratios [--json]   same-run ratios of whole items, see RatiosProgram
// peer              the other process of a ratios run: simulated AlipayHK and fake vault
// anything else     BenchmarkDotNet, for example: --filter '*StringToSign*'
switch (args.FirstOrDefault())
{
    case "ratios":
        return await RatiosProgram.RunAsync(args.Contains("--json")).ConfigureAwait(false);
    case "peer":
        return await PeerProgram.RunAsync(Console.In, Console.Out).ConfigureAwait(false);
    default:
        BenchmarkSwitcher.FromAssembly(typeof(RatiosProgram).Assembly).Run(args);
        return 0;
}
