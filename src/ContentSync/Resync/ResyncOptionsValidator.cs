namespace ContentSync.Resync;

/// <summary>Validates the members of settings section <c>Resync</c> that both hosts have.</summary>
public static class ResyncOptionsValidator
{
    private const int MaxLanes = 1000;
    private const int MaxItemsPerPack = 200;
    private const double MaxSendsPerSecond = 1_000_000;

    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    public static IEnumerable<string> Faults(ResyncOptions options)
    {
        const string Section = ResyncOptions.Section;
        if (options.MaxDelistShare is not (>= 0 and <= 1)) yield return $"{Section}:{nameof(ResyncOptions.MaxDelistShare)} must be from 0 to 1.";
        if (options.MaxShrinkShare is not (>= 0 and <= 1)) yield return $"{Section}:{nameof(ResyncOptions.MaxShrinkShare)} must be from 0 to 1.";
        if (options.GuardWindowDays < 0 || options.GuardWindowDays > ResyncOptions.MaxGuardWindow.Days)
            yield return $"{Section}:{nameof(ResyncOptions.GuardWindowDays)} must be from 0 to {ResyncOptions.MaxGuardWindow.Days}.";
        if (options.Lanes is < 1 or > MaxLanes) yield return $"{Section}:{nameof(ResyncOptions.Lanes)} must be from 1 to {MaxLanes}.";
        if (options.ItemsPerPack is < 1 or > MaxItemsPerPack)
            yield return $"{Section}:{nameof(ResyncOptions.ItemsPerPack)} must be from 1 to {MaxItemsPerPack}.";
        if (options.InFlightPerLane < 1) yield return $"{Section}:{nameof(ResyncOptions.InFlightPerLane)} must be at least 1.";
        if (options.SendsPerSecond is not (>= 0 and <= MaxSendsPerSecond))
            yield return $"{Section}:{nameof(ResyncOptions.SendsPerSecond)} must be from 0, which means no limit, to {MaxSendsPerSecond}.";
        if (options.ReservedShare is not (>= 0 and < 1))
            yield return $"{Section}:{nameof(ResyncOptions.ReservedShare)} must be from 0 to less than 1.";
        if (options.MaxWaitingPacks < 1) yield return $"{Section}:{nameof(ResyncOptions.MaxWaitingPacks)} must be at least 1.";
    }
}
