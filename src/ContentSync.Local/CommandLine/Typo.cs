using System.CommandLine;

namespace ContentSync.Local.CommandLine;

/// <summary>Finds what someone who mistyped a command or an option meant.</summary>
internal static class Typo
{
    private const int MaxDistance = 3;

    /// <summary>The command or option that differs least from a word; null if none is similar.</summary>
    /// <param name="word">As typed.</param>
    /// <param name="command">The command that did not understand it.</param>
    public static string? Nearest(string word, Command command)
    {
        var isOption = word.StartsWith('-');
        IEnumerable<Symbol> symbols = isOption ? command.Options : command.Subcommands;
        return symbols
            .Where(symbol => !symbol.Hidden)
            .Select(symbol => (symbol.Name, Distance: Distance(word, symbol.Name)))
            .Where(near => near.Distance <= Math.Min(MaxDistance, word.Length / 2))
            .OrderBy(near => near.Distance)
            .ThenBy(near => near.Name, StringComparer.Ordinal)
            .Select(near => near.Name)
            .FirstOrDefault();
    }

    // Insertions, deletions and replacements (Levenshtein), in one row.
    private static int Distance(string from, string to)
    {
        var row = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[to.Length];
    }
}
