using System.Globalization;

namespace ContentSync.Simulation;

/// <summary>The command line.</summary>
internal sealed record Arguments
{
    public const string Usage = """
        Simulates the app against a hostile world and checks that nothing is lost.

          --seeds N [--from N]   runs N seeds, from 1 on or from the one named
          --seed N --trace       runs one seed and prints what happened
          --wide                 every seed reconciles whole catalogs and has several vaults, which else a share of them has
          --crash-points         crashes at every port call in turn, on every way an item or a catalog takes
          --mutants [--seed N]   plants bugs, one at a time, and shows which invariant catches each; or only the N-th
          --json                 one JSON object instead of text
          --threads N            how many seeds run at the same time (default: all cores)
        """;

    public int Seeds { get; private set; } = 1_000;

    public ulong From { get; private set; } = 1;

    public ulong? Seed { get; private set; }

    public bool IsTraced { get; private set; }

    public bool IsJson { get; private set; }

    public bool Mutants { get; private set; }

    public bool CrashPoints { get; private set; }

    /// <summary>What a seed stands for.</summary>
    public Func<ulong, Plan> PlanOf { get; private set; } = PlanDraw.Of;

    public int Threads { get; private set; } = Environment.ProcessorCount;

    /// <summary>Null where they make no sense.</summary>
    public static Arguments? Read(string[] args)
    {
        var arguments = new Arguments();
        for (var i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--trace":
                    arguments.IsTraced = true;
                    break;
                case "--json":
                    arguments.IsJson = true;
                    break;
                case "--wide":
                    arguments.PlanOf = PlanDraw.WithCatalogsAndVaults;
                    break;
                case "--crash-points":
                    arguments.CrashPoints = true;
                    break;
                case "--mutants":
                    arguments.Mutants = true;
                    break;
                case "--seeds" or "--from" or "--seed" or "--threads" when i + 1 < args.Length && ulong.TryParse(args[i + 1], NumberStyles.None, CultureInfo.InvariantCulture, out var number):
                    if (!arguments.Take(args[i++], number)) return null;
                    break;
                default:
                    return null;
            }
        }

        return arguments;
    }

    private bool Take(string name, ulong number)
    {
        switch (name)
        {
            case "--from":
                From = number;
                return true;
            case "--seed":
                Seed = number;
                return true;
            case "--threads" when number is > 0 and <= 64:
                Threads = (int)number;
                return true;
            case "--seeds" when number <= int.MaxValue:
                Seeds = (int)number;
                return true;
            default:
                return false;
        }
    }
}
