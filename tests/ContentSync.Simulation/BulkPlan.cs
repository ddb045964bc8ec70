using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>How a simulation resyncs whole catalogs.</summary>
internal sealed record BulkPlan
{
    public int Lanes { get; init; } = 1;

    public int ItemsPerPack { get; init; } = 5;

    public int InFlightPerLane { get; init; } = 1;

    /// <summary>Exports of the catalog, by time.</summary>
    public IReadOnlyList<Export> Exports { get; init; } = [];

    public IReadOnlyList<ResyncTrigger> Triggers { get; init; } = [];

    /// <summary>The final catalog. It is resynced once all other work is done and no more faults occur; then everything must equal it.</summary>
    public required Export FinalExport { get; init; }

    /// <summary>The runs of the final catalog, one after the other.</summary>
    public IReadOnlyList<ResyncParameters> FinalRuns { get; init; } = [new() { AllowedDelistShare = 1 }];

    /// <summary>The last of the final runs repeats the one before, so it must send nothing.</summary>
    public bool IsLastRunRepeated { get; init; }

    /// <summary>Planning often ends after a file, or fails to write one, and continues later.</summary>
    public bool IsPlannedInSteps { get; init; }

    public ResyncOptions Options(Plan plan) => plan.HasHostSettings ? HostSettings.ResyncOf(plan) : new ResyncOptions
    {
        Lanes = Lanes,
        ItemsPerPack = ItemsPerPack,
        InFlightPerLane = InFlightPerLane,
        SendsPerSecond = plan.MaxSendsPerSecond,
        MaxWaitingPacks = 12,
    };
}

/// <summary>An export of the catalog.</summary>
/// <param name="At">When it is written.</param>
/// <param name="Items">Lines of the file.</param>
/// <param name="Form">How the file is written.</param>
internal sealed record Export(TimeSpan At, IReadOnlyList<SubmittedItem> Items, ExportForm Form = ExportForm.Plain)
{
    /// <summary>Time from when it was written until the time that it declares its lines to be as of; zero if it declares none.</summary>
    public TimeSpan AsOfOffset { get; init; }

    /// <summary>Its first line gives the number of items.</summary>
    public bool DeclaresItems { get; init; }

    /// <summary>It must be refused as a whole.</summary>
    public bool IsDamaged => Form is not (ExportForm.Plain or ExportForm.Packed);
}

/// <summary>How a catalog is written.</summary>
internal enum ExportForm
{
    Plain,

    /// <summary>With gzip.</summary>
    Packed,

    /// <summary>The last line is incomplete.</summary>
    Truncated,

    /// <summary>The last line is missing, although the first one gives the number of items.</summary>
    Shortened,

    /// <summary>With gzip, but for the last line.</summary>
    PackedInPart,
}

/// <summary>A timer or a person starts a run or cancels one.</summary>
/// <param name="At">When it happens.</param>
/// <param name="Machine">Number of the machine that receives the request.</param>
/// <param name="Parameters">Parameters of the run.</param>
/// <param name="IsLedger">Sends items of the ledger again instead of the catalog.</param>
/// <param name="IsCancel">Cancels the run under way instead of starting one.</param>
internal sealed record ResyncTrigger(TimeSpan At, int Machine, ResyncParameters Parameters, bool IsLedger = false, bool IsCancel = false);
