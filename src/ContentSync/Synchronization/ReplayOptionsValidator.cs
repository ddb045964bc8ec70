namespace ContentSync.Synchronization;

/// <summary>Validates <see cref="ReplayOptions"/>.</summary>
public static class ReplayOptionsValidator
{
    private const double MinPerSecond = 0.001;
    private const double MaxPerSecond = 1_000_000;

    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    public static IEnumerable<string> Faults(ReplayOptions options)
    {
        if (options.PerSecond is not (>= MinPerSecond and <= MaxPerSecond))
            yield return $"{ReplayOptions.Section}:{nameof(ReplayOptions.PerSecond)} must be from {MinPerSecond} to {MaxPerSecond}.";
    }
}
