using ContentSync.Synchronization;

namespace ContentSync.Simulation;

/// <summary>All that is decided before a simulation begins. The same plan always runs the same way.</summary>
internal sealed record Plan
{
    /// <summary>Of everything that chance decides while it runs.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Machines that run the app at the same time.</summary>
    public int Machines { get; init; } = 1;

    /// <summary>Messages that one process works on at the same time.</summary>
    public int Consumers { get; init; } = 4;

    /// <summary>Faults happen until then; afterwards everything works.</summary>
    public TimeSpan Horizon { get; init; } = TimeSpan.FromHours(24);

    /// <summary>By when all must have come to its end after the horizon.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromHours(240);

    /// <summary>More than any sound run takes; what goes on after that goes on for ever.</summary>
    public int MostSteps { get; init; } = 1_000_000;

    public RecoverabilityOptions Recoverability { get; init; } = new();

    /// <summary>Of one process.</summary>
    public double MaxSendsPerSecond { get; init; } = 5;

    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromMinutes(5);

    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The broker's duplicate detection; zero for none.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(10);

    public int MaxDeliveries { get; init; } = 10;

    /// <summary>The partner's answer takes up to this long where nothing is wrong.</summary>
    public TimeSpan PartnerLatency { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Chances of the faults that hit single calls: per partner call, store call, signature or message.</summary>
    public IReadOnlyDictionary<Fault, double> Chances { get; init; } = new Dictionary<Fault, double>();

    public IReadOnlyList<Outage> Outages { get; init; } = [];

    public IReadOnlyList<MachineEvent> MachineEvents { get; init; } = [];

    public IReadOnlyList<Submitted> Submissions { get; init; } = [];

    /// <summary>When a person replays everything that is parked.</summary>
    public IReadOnlyList<TimeSpan> Replays { get; init; } = [];

    public CrashPoint? CrashPoint { get; init; }

    /// <summary>Whole catalogs are reconciled too; null for none.</summary>
    public BulkPlan? Bulk { get; init; }

    /// <summary>Vaults that hold the key; several are pooled.</summary>
    public int Vaults { get; init; } = 1;

    /// <summary>Of one pooled vault and process.</summary>
    public double SignaturesPerSecond { get; init; } = 1;

    public double Chance(Fault fault) => Chances.GetValueOrDefault(fault);
}

/// <summary>Something is away for a while: <see cref="Fault.PartnerDark"/>, <see cref="Fault.StoreOutage"/> and the like.</summary>
/// <param name="Fault">What is away.</param>
/// <param name="From">When it begins.</param>
/// <param name="To">When it ends.</param>
/// <param name="Vault">Which vault, where there are several and just one is away.</param>
internal sealed record Outage(Fault Fault, TimeSpan From, TimeSpan To, int Vault = 0);

/// <summary>A crash, a restart, a shutdown or a clock jump of one machine.</summary>
internal sealed record MachineEvent(Fault Fault, int Machine, TimeSpan At, TimeSpan Amount);

/// <summary>The process crashes at its n-th port call, before the call takes effect or after.</summary>
internal sealed record CrashPoint(int Call, bool AfterEffect);

/// <summary>How an item comes in.</summary>
internal enum Door
{
    Queue,
    HttpNow,
    HttpLater,
}

/// <summary>One item that a caller sends.</summary>
/// <param name="At">When it is sent.</param>
/// <param name="Door">Where.</param>
/// <param name="Machine">Which machine's HTTP endpoint takes it.</param>
/// <param name="MessageId">Of the queue message.</param>
/// <param name="Items">One, or several in one message.</param>
internal sealed record Submitted(TimeSpan At, Door Door, int Machine, string MessageId, IReadOnlyList<SubmittedItem> Items);

/// <param name="ContentId">Which content.</param>
/// <param name="Content">What it is to show; the same number is the same content.</param>
/// <param name="Revision">The caller's own number, or an hour and second count that becomes occurredAt; null where it gives none.</param>
/// <param name="Nature">How the partner takes it.</param>
internal sealed record SubmittedItem(string ContentId, int Content, RevisionText? Revision, Nature Nature)
{
    public string ToJson() =>
        $$"""{"contentId":"{{ContentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{"title":"v{{Content}}","nature":"{{Nature}}"}{{Revision?.Json}}}""";
}

/// <param name="Order">Larger is newer.</param>
/// <param name="Json">The member as the caller writes it.</param>
internal sealed record RevisionText(long Order, string Json);

/// <summary>How the partner takes a content, whatever else is wrong.</summary>
internal enum Nature
{
    Sound,

    /// <summary>Rejected for good, in a signed answer.</summary>
    Risky,

    /// <summary>Always answered with a signed UNKNOWN_EXCEPTION.</summary>
    Poison,

    /// <summary>Never answered.</summary>
    Tarpit,
}

/// <summary>Finds the nature in a body.</summary>
internal static class NatureText
{
    private static readonly (Nature Nature, byte[] Text)[] Natures = [.. Enum.GetValues<Nature>().Select(nature => (nature, System.Text.Encoding.UTF8.GetBytes(nature.ToString())))];

    public static Nature Find(ReadOnlySpan<byte> body)
    {
        foreach (var (nature, text) in Natures)
        {
            if (body.IndexOf(text) >= 0) return nature;
        }

        throw new InvalidOperationException("The body names no nature.");
    }
}
