namespace ContentSync.Mutation;

/// <summary>
/// Chooses mutants: each folder gives its share, in the order of their ids, which are digests. So the same sources give the same sample, and a
/// change of one member moves only the mutants of that member.
/// </summary>
internal static class Sample
{
    // More would test one rule many times and leave others out.
    private const int MaxPerMember = 2;

    /// <param name="mutations">All mutants.</param>
    /// <param name="size">Number of mutants.</param>
    /// <param name="compiles">Whether a mutant compiles. One that does not is replaced by the next of its folder.</param>
    public static IReadOnlyList<Mutation> Of(IEnumerable<Mutation> mutations, int size, Func<Mutation, bool> compiles)
    {
        var byFolder = mutations.ToLookup(mutation => mutation.Folder);
        var shares = Folders.All.Values.Sum();
        return
        [
            .. Folders.All.SelectMany(folder => Choose(byFolder[folder.Key], (int)Math.Round((double)size * folder.Value / shares), compiles)),
        ];
    }

    private static IEnumerable<Mutation> Choose(IEnumerable<Mutation> mutations, int count, Func<Mutation, bool> compiles)
    {
        var perMember = new Dictionary<(string, int?, string?), int>();
        return mutations.OrderBy(mutation => mutation.Id, StringComparer.Ordinal).Where(IsNew).Where(compiles).Take(count);

        bool IsNew(Mutation mutation)
        {
            var member = (mutation.File, mutation.Member, mutation.Field);
            perMember[member] = perMember.GetValueOrDefault(member) + 1;
            return perMember[member] <= MaxPerMember;
        }
    }
}
