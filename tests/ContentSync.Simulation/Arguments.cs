using System.Globalization;

namespace ContentSync.Simulation;

/// <summary>Command-line arguments.</summary>
internal sealed record Arguments
{
    public const string Usage = """
        Simulates the app in a hostile environment and checks that no item is lost.

          --seeds N [--from N]   runs N seeds, starting with 1 or with the given one
          --seed N --trace       runs one seed and prints its trace
          --wide                 resyncs whole catalogs and uses several vaults in every seed, not only in some
          --poison               adds items that always fail, and removes everything else that delays an item
          --table                keeps the ledger in Table storage in every seed, not only in some
          --local                runs the local host in every seed, not only in some
          --shared               shares one send budget and one circuit breaker between one to eight processes
          --crash-points         crashes at each port call in turn, on every path of an item or a catalog
          --mutants [--seed N]   plants bugs one at a time (or only the N-th) and shows which invariant catches each
          --json                 prints one JSON object instead of text
          --threads N            number of seeds that run at the same time (default: number of cores)
        """;

    public int Seeds { get; private set; } = 1_000;

    public ulong From { get; private set; } = 1;

    public ulong? Seed { get; private set; }

    public bool IsTraced { get; private set; }

    public bool IsJson { get; private set; }

    public bool Mutants { get; private set; }

    public bool CrashPoints { get; private set; }

    /// <summary>Maps a seed to its plan.</summary>
    public Func<ulong, Plan> PlanOf { get; private set; } = PlanGenerator.Of;

    public int Threads { get; private set; } = Environment.ProcessorCount;

    /// <summary>Null when the arguments are invalid.</summary>
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
                    arguments.PlanOf = PlanGenerator.WithCatalogsAndVaults;
                    break;
                case "--poison":
                    arguments.PlanOf = PlanGenerator.WithPoison;
                    break;
                case "--table":
                    arguments.PlanOf = PlanGenerator.WithTable;
                    break;
                case "--local":
                    arguments.PlanOf = PlanGenerator.WithLocalHost;
                    break;
                case "--shared":
                    arguments.PlanOf = PlanGenerator.WithSharedBudget;
                    break;
                case "--crash-points":
                    arguments.CrashPoints = true;
                    break;
                case "--mutants":
                    arguments.Mutants = true;
                    break;
                case "--seeds" or "--from" or "--seed" or "--threads" when i + 1 < args.Length && TryParse(args[i + 1], out var number):
                    if (!arguments.Set(args[i++], number)) return null;
                    break;
                default:
                    return null;
            }
        }

        return arguments;
    }

    private static bool TryParse(string text, out ulong number) =>
        ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private bool Set(string name, ulong number)
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
