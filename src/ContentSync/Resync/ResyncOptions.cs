namespace ContentSync.Resync;

/// <summary>How a resync goes about it. Section <c>Resync</c> of the settings.</summary>
public sealed class ResyncOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Resync";

    /// <summary>Largest share of the listed contents that a run may delist without an override, 0 to 1.</summary>
    public double MaxDelistShare { get; set; } = 0.10;

    /// <summary>Largest share by which a catalog may be smaller than the last one without an override, 0 to 1.</summary>
    public double MaxShrinkShare { get; set; } = 0.20;

    /// <summary>Lanes side by side; a content is always in the same one.</summary>
    public int Lanes { get; set; } = 16;

    /// <summary>Contents in a pack.</summary>
    public int ItemsPerPack { get; set; } = 50;

    /// <summary>Contents of one lane in flight at the same time. With <see cref="Lanes"/> it bounds what a kill can make be sent twice: no more than a pack.</summary>
    public int InFlightPerLane { get; set; } = 3;

    /// <summary>Sends per second that AlipayHK agreed to, over everything; 0 for no limit.</summary>
    public double SendsPerSecond { get; set; } = 200;

    /// <summary>Share of them that bulk leaves to single changes, 0 to less than 1.</summary>
    public double ReservedShare { get; set; } = 0.2;

    /// <summary>Packs of a run that may wait on a broker's sessions; a run hands over no more until some are done. At the default rate, two hours' work.</summary>
    public int MaxWaitingPacks { get; set; } = 20_000;
}
