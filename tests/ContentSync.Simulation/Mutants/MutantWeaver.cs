using System.Globalization;
using System.Text;

namespace ContentSync.Simulation.Mutants;

/// <summary>Weaves all bugs of one source file into it. Each is inactive until its number is switched on.</summary>
internal static class MutantWeaver
{
    /// <param name="source">Text of the file in the repository.</param>
    /// <param name="mutants">The bugs of this file, with their numbers.</param>
    /// <exception cref="InvalidOperationException">A place does not occur, occurs more than once, or overlaps another.</exception>
    public static string Weave(string source, IEnumerable<(int Number, Mutant Mutant)> mutants)
    {
        var places = mutants
            .GroupBy(planted => Find(source, planted.Mutant))
            .OrderByDescending(place => place.Key.Start)
            .ToList();
        var woven = new StringBuilder(source);
        var end = source.Length;
        foreach (var place in places)
        {
            var (start, length) = place.Key;
            if (start + length > end) throw new InvalidOperationException($"'{place.First().Mutant.Name}' overlaps the place of another bug.");
            var text = place.Aggregate(source.Substring(start, length), Choose);
            woven.Remove(start, length).Insert(start, text);
            end = start;
        }

        return woven.ToString();
    }

    private static (int Start, int Length) Find(string source, Mutant mutant)
    {
        var at = source.IndexOf(mutant.Context, StringComparison.Ordinal);
        if (at < 0) throw new InvalidOperationException($"The place of '{mutant.Name}' no longer occurs in {mutant.File}: {mutant.Place}");
        if (source.IndexOf(mutant.Context, at + 1, StringComparison.Ordinal) >= 0)
            throw new InvalidOperationException($"The place of '{mutant.Name}' occurs more than once in {mutant.File}: {mutant.Place}");
        return (at + mutant.Place.IndexOf('⟦', StringComparison.Ordinal), mutant.Original.Length);
    }

    private static string Choose(string original, (int Number, Mutant Mutant) planted)
    {
        var isOn = string.Create(CultureInfo.InvariantCulture, $"global::ContentSync.Simulation.Mutants.PlantedBug.Is({planted.Number})");
        return planted.Mutant.IsStatement
            ? $"if ({isOn}) {{ {planted.Mutant.Bug} }} else {{ {original} }}"
            : $"({isOn} ? ({planted.Mutant.Bug}) : ({original}))";
    }
}
