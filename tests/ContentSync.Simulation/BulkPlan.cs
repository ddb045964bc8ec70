using ContentSync.Resync;

namespace ContentSync.Simulation;

/// <summary>How whole catalogs are reconciled in a simulation.</summary>
internal sealed record BulkPlan
{
    public int Lanes { get; init; } = 1;

    public int ItemsPerPack { get; init; } = 5;

    public int InFlightPerLane { get; init; } = 1;

    /// <summary>The packs go over a broker's sessions, not straight on in the process that runs it.</summary>
    public bool IsThroughBroker { get; init; }

    /// <summary>The catalog's exports.</summary>
    public IReadOnlyList<Export> Exports { get; init; } = [];

    /// <summary>When somebody asks for something.</summary>
    public IReadOnlyList<ResyncAsked> Asked { get; init; } = [];

    /// <summary>The catalog as it stands at the end, when all is quiet and everything works: it is reconciled once more, and everything must equal it.</summary>
    public required IReadOnlyList<SubmittedItem> Last { get; init; }

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
/// <param name="Items">Its lines.</param>
/// <param name="IsCut">It broke off in its last line.</param>
internal sealed record Export(TimeSpan At, IReadOnlyList<SubmittedItem> Items, bool IsCut);

/// <summary>A timer or a person asks for a run, or for the end of one.</summary>
/// <param name="At">When.</param>
/// <param name="Machine">Of which machine.</param>
/// <param name="Wish">What for.</param>
/// <param name="IsLedger">The ledger is to be sent again, not the catalog.</param>
/// <param name="IsCancel">The run under way is to end.</param>
internal sealed record ResyncAsked(TimeSpan At, int Machine, ResyncParameters Wish, bool IsLedger = false, bool IsCancel = false);
