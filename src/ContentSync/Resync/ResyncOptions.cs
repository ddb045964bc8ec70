namespace ContentSync.Resync;

/// <summary>Limits of a resync. Section <c>Resync</c> of the settings.</summary>
public sealed class ResyncOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Resync";

    /// <summary>Maximum share of the listed items that a run may delist without an override, 0 to 1.</summary>
    public double MaxDelistShare { get; set; } = 0.10;

    /// <summary>Maximum share by which a catalog may be smaller than the previous one without an override, 0 to 1.</summary>
    public double MaxShrinkShare { get; set; } = 0.20;

    /// <summary>Longest <see cref="GuardWindowDays"/>.</summary>
    internal static readonly TimeSpan MaxGuardWindow = TimeSpan.FromDays(90);

    /// <summary>
    /// The guard compares a catalog with the largest one of this many days, so that a loss that is small every night adds up; 0 to 90, and 0
    /// compares only with the one before.
    /// </summary>
    public int GuardWindowDays { get; set; } = 7;

    /// <summary>
    /// Number of completed runs in a row from whose catalogs an item must be absent before it is delisted; 1 delists it at once.
    /// </summary>
    public int DelistAfterRuns { get; set; } = 1;

    /// <summary>
    /// How many hours an item must have been absent before it is delisted, from the first run that found it so; 0 for no such limit. If
    /// <see cref="DelistAfterRuns"/> is set too, both must hold.
    /// </summary>
    public int DelistAfterHours { get; set; }

    /// <summary>Number of parallel lanes; an item is always in the same one.</summary>
    public int Lanes { get; set; } = 16;

    /// <summary>Items in a pack.</summary>
    public int ItemsPerPack { get; set; } = 50;

    /// <summary>
    /// Items of one lane in flight at the same time. Times <see cref="Lanes"/>, it limits how many items a killed process can cause to be
    /// sent twice: no more than a pack.
    /// </summary>
    public int InFlightPerLane { get; set; } = 3;

    /// <summary>
    /// Requests per second of each instance, for all inputs together, where <c>AlipayHk:MaxSendsPerSecond</c> is not set; 0 for no limit.
    /// </summary>
    public double SendsPerSecond { get; set; } = 200;

    /// <summary>Share of them that bulk sends leave to single changes, 0 to less than 1.</summary>
    public double ReservedShare { get; set; } = 0.2;

    /// <summary>
    /// Packs of a run that may wait on a broker's sessions; beyond that, the run waits until some are sent. The default is two hours' work
    /// at the default rate.
    /// </summary>
    public int MaxWaitingPacks { get; set; } = 20_000;
}
