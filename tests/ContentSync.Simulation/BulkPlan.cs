using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>How a simulation resyncs whole catalogs.</summary>
internal sealed record BulkPlan
{
    public int Lanes { get; init; } = 1;

    public int ItemsPerPack { get; init; } = 5;

    public int InFlightPerLane { get; init; } = 1;

    /// <summary>Packs go through sessions of the broker instead of being sent by the process that executes the run.</summary>
    public bool IsThroughBroker { get; init; }

    /// <summary>Exports of the catalog, by time.</summary>
    public IReadOnlyList<Export> Exports { get; init; } = [];

    public IReadOnlyList<ResyncTrigger> Triggers { get; init; } = [];

    /// <summary>The final catalog. It is resynced once all other work is done and no more faults occur; then everything must equal it.</summary>
    public required IReadOnlyList<SubmittedItem> FinalItems { get; init; }

    public ResyncOptions Options(Plan plan) => new()
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
/// <param name="IsTruncated">The last line is incomplete.</param>
internal sealed record Export(TimeSpan At, IReadOnlyList<SubmittedItem> Items, bool IsTruncated);

/// <summary>A timer or a person starts a run or cancels one.</summary>
/// <param name="At">When it happens.</param>
/// <param name="Machine">Number of the machine that receives the request.</param>
/// <param name="Parameters">Parameters of the run.</param>
/// <param name="IsLedger">Sends items of the ledger again instead of the catalog.</param>
/// <param name="IsCancel">Cancels the run under way instead of starting one.</param>
internal sealed record ResyncTrigger(TimeSpan At, int Machine, ResyncParameters Parameters, bool IsLedger = false, bool IsCancel = false);
