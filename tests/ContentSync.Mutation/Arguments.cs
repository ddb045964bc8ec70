using System.Globalization;

namespace ContentSync.Mutation;

/// <summary>Command-line arguments.</summary>
/// <param name="Sample">Number of mutants.</param>
/// <param name="Minutes">No mutant is started after this time, in minutes of the wall clock.</param>
/// <param name="Only">Ids of mutants, or the start of their file's path; empty for the whole sample.</param>
/// <param name="IsListed">Whether mutants are only listed, not run.</param>
/// <param name="IsReported">Whether only cached results are printed.</param>
internal sealed record Arguments(int Sample, int Minutes, IReadOnlyList<string> Only, bool IsListed, bool IsReported)
{
    public const string Usage = """
        Changes one place of src at a time, mechanically, and runs the tests that execute it and 500 seeds of the simulation against the change.

        Stryker.NET does not fit: it can run neither the seeds beside the tests nor a fixed sample of the mutants, and it keeps no result when
        only another file changed. So the operators, the sample and the cache are our own; one warm compilation emits a mutant in seconds.

          dotnet run -c Release --project tests/ContentSync.Mutation -- --sample 250              runs what has no cached result, prints the table
          dotnet run -c Release --project tests/ContentSync.Mutation -- --sample 250 --minutes 8  the same in pieces: run it until nothing is left
          dotnet run -c Release --project tests/ContentSync.Mutation -- --only 1f2e3d4c           one mutant, by its id (or all of a file)

          --list     prints the sample without running it
          --report   prints the table of the cached results

        Results and coverage are kept in artifacts/mutation. Survivors.md explains the mutants that no test can catch.
        """;

    /// <summary>Null when the arguments are invalid.</summary>
    public static Arguments? Read(string[] args)
    {
        var arguments = new Arguments(250, 24 * 60, [], false, false);
        for (var i = 0; i < args.Length; i++)
        {
            var value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--list":
                    arguments = arguments with { IsListed = true };
                    break;
                case "--report":
                    arguments = arguments with { IsReported = true };
                    break;
                case "--only" when value is not null:
                    arguments = arguments with { Only = [.. arguments.Only, value] };
                    i++;
                    break;
                case "--sample" when TryParse(value, out var sample):
                    arguments = arguments with { Sample = sample };
                    i++;
                    break;
                case "--minutes" when TryParse(value, out var minutes):
                    arguments = arguments with { Minutes = minutes };
                    i++;
                    break;
                default:
                    return null;
            }
        }

        return arguments;
    }

    private static bool TryParse(string? text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is > 0 and <= 100_000;
}
