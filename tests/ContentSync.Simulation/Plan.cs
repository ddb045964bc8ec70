using System.Text.Json.Nodes;
using ContentSync.Synchronization;
using Microsoft.AspNetCore.Http;

namespace ContentSync.Simulation;

/// <summary>Everything that is decided before a simulation begins. The same plan always runs the same way.</summary>
internal sealed record Plan
{
    /// <summary>Seeds the random numbers that are drawn during the simulation.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Machines that run the app at the same time.</summary>
    public int Machines { get; init; } = 1;

    /// <summary>Max messages that one process handles at the same time.</summary>
    public int Consumers { get; init; } = 4;

    /// <summary>Faults occur until then; afterwards everything works.</summary>
    public TimeSpan Horizon { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Time after the horizon within which every item must reach an outcome.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(240);

    /// <summary>More steps than any correct run takes; a run that exceeds them would never end.</summary>
    public int MaxSteps { get; init; } = 4_000_000;

    public RecoverabilityOptions Recoverability { get; init; } = new();

    /// <summary>Whether all processes share one send budget and one circuit breaker, as in the cloud.</summary>
    public bool SharesBudget { get; init; }

    /// <summary>Whether what they share is in Table storage, in the real store, instead of its fast double.</summary>
    public bool HasSendTable { get; init; }

    /// <summary>Limit of one process, or of all together if they share it.</summary>
    public double MaxSendsPerSecond { get; init; } = 5;

    /// <summary>The ledger is the real one on Table storage instead of the fast double.</summary>
    public bool IsOnTable { get; init; }

    /// <summary>
    /// The local host: one machine with the real ledger in SQLite and the real queue in the process, and a disk that may lose what was not
    /// synced.
    /// </summary>
    public bool IsLocal { get; init; }

    /// <summary>The local host has the settings of the shipped one, with <see cref="MaxSendsPerSecond"/> as its rate.</summary>
    public bool HasHostSettings { get; init; }

    /// <summary>The local host keeps pauses, its send budget and its circuit breaker in their file, on the same disk.</summary>
    public bool HasSendState { get; init; }

    /// <summary>The local host starts requests only from its queue, never for an HTTP caller that waits.</summary>
    public bool SendsFromQueueOnly { get; init; }

    /// <summary>When the lists of the real ledger are compared with what it holds; null for never.</summary>
    public TimeSpan? ListedAt { get; init; }

    /// <summary>Time until a process restarts after a crash during a call.</summary>
    public TimeSpan RestartTime { get; init; } = SimulatedProcess.CrashPointDownTime;

    /// <summary>How often overdue items are enqueued again.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The functions that maintain the ledger run with every second sweep.</summary>
    public bool HasMaintenance { get; init; }

    public TimeSpan LockDuration { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Window of the broker's duplicate detection; zero for none.</summary>
    public TimeSpan DuplicateWindow { get; init; } = TimeSpan.FromMinutes(10);

    public int MaxDeliveries { get; init; } = 10;

    /// <summary>
    /// How far Request-Time may be from the true time; AlipayHK refuses other requests, and responds with its own time. Null if it accepts any
    /// time and adapts its own.
    /// </summary>
    public TimeSpan? MaxClockSkew { get; init; }

    /// <summary>Max time until AlipayHK responds, without faults.</summary>
    public TimeSpan AlipayHkLatency { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>Probabilities of faults of single calls: per AlipayHK call, store call, signature or message.</summary>
    public IReadOnlyDictionary<Fault, double> Chances { get; init; } = new Dictionary<Fault, double>();

    public IReadOnlyList<Outage> Outages { get; init; } = [];

    public IReadOnlyList<MachineEvent> MachineEvents { get; init; } = [];

    public IReadOnlyList<Submitted> Submissions { get; init; } = [];

    /// <summary>When a person replays all parked items.</summary>
    public IReadOnlyList<TimeSpan> Replays { get; init; } = [];

    /// <summary>Pauses by an operator, one after the other; only where processes keep their state outside.</summary>
    public IReadOnlyList<PausePlan> Pauses { get; init; } = [];

    public CrashPoint? CrashPoint { get; init; }

    /// <summary>Resyncs of whole catalogs; null for none.</summary>
    public BulkPlan? Bulk { get; init; }

    /// <summary>Number of vaults that hold the key; several of them form a pool.</summary>
    public int Vaults { get; init; } = 1;

    /// <summary>Limit of one process for one vault of a pool.</summary>
    public double SignaturesPerSecond { get; init; } = 1;

    /// <summary>Max time from the acceptance of an item that AlipayHK accepts until it is synchronized; null for no limit.</summary>
    public TimeSpan? FlowLimit { get; init; }

    /// <summary>Whether the send budget is kept outside the processes, so that it counts what another one has sent.</summary>
    public bool HasSharedBudget => SharesBudget || HasSendState;

    /// <summary>Whether processes freeze.</summary>
    public bool HasFreezes => MachineEvents.Any(machineEvent => machineEvent.Fault == Fault.Freeze);

    public double Chance(Fault fault) => Chances.GetValueOrDefault(fault);
}

/// <summary>A service is down for a while: <see cref="Fault.AlipayHkOutage"/>, <see cref="Fault.StoreOutage"/> and so on.</summary>
/// <param name="Fault">Identifies the service.</param>
/// <param name="From">Start, inclusive.</param>
/// <param name="To">End, exclusive.</param>
/// <param name="Vault">Number of the vault, for an outage of one vault of a pool.</param>
internal sealed record Outage(Fault Fault, TimeSpan From, TimeSpan To, int Vault = 0);

/// <summary>A crash, a restart, a shutdown, a freeze or a clock jump of one machine.</summary>
internal sealed record MachineEvent(Fault Fault, int Machine, TimeSpan At, TimeSpan Amount);

/// <summary>A pause by an operator.</summary>
/// <param name="From">Start.</param>
/// <param name="To">End.</param>
/// <param name="ContentType">The content type that is not sent; null for all.</param>
internal sealed record PausePlan(TimeSpan From, TimeSpan To, string? ContentType);

/// <summary>Where a process crashes.</summary>
internal enum CrashMoment
{
    /// <summary>At a port call, before it takes effect.</summary>
    BeforeCall,

    /// <summary>At a port call, after it took effect.</summary>
    AfterCall,

    /// <summary>The power fails at a write or a sync of the local host's disk, which no longer happens.</summary>
    AtDiskWrite,
}

/// <summary>A crash at the n-th call, write or sync of the simulation, from 1.</summary>
internal sealed record CrashPoint(CrashMoment Moment, int Number)
{
    /// <summary>Whether the process crashes at this port call.</summary>
    public bool IsAtCall(int call) => Moment != CrashMoment.AtDiskWrite && Number == call;
}

/// <summary>How an item is submitted.</summary>
internal enum Input
{
    Queue,

    /// <summary>Over HTTP; sent before the response.</summary>
    HttpSync,

    /// <summary>Over HTTP; enqueued.</summary>
    HttpAsync,
}

/// <summary>A submission by a caller.</summary>
/// <param name="At">When it is submitted.</param>
/// <param name="Input">The input that receives it.</param>
/// <param name="Machine">Number of the machine that receives it over HTTP.</param>
/// <param name="MessageId">MessageId of the queue message.</param>
/// <param name="Items">One item, or several in one message.</param>
internal sealed record Submitted(TimeSpan At, Input Input, int Machine, string MessageId, IReadOnlyList<SubmittedItem> Items);

/// <param name="ContentId">Identifies the item.</param>
/// <param name="Content">Number of the content; equal numbers mean equal content.</param>
/// <param name="Revision">The caller's revision or occurredAt; null when it gives neither.</param>
/// <param name="Kind">How AlipayHK responds to it.</param>
/// <param name="Intent">What the caller wants; over HTTP and in catalogs only.</param>
internal sealed record SubmittedItem(
    string ContentId, int Content, RevisionText? Revision, ItemKind Kind, Intent Intent = Intent.Submit)
{
    public string ToJson()
    {
        var info = $$"""{"title":"v{{Content}}","kind":"{{Kind}}"}""";
        return $$"""{"contentId":"{{ContentId}}","contentType":"SKU","contentStatus":1,"contentInfo":{{info}}{{Revision?.Json}}}""";
    }

    /// <summary>Begins every <see cref="Mark"/>.</summary>
    public const string MarkPrefix = "not valid ";

    /// <summary>Identifies an item in a message that is not valid.</summary>
    public string Mark => $"{MarkPrefix}{Content}.";

    /// <summary>Whether it is not valid.</summary>
    public bool IsInvalid => Intent is Intent.SubmitInvalid or Intent.SubmitUnidentified;

    /// <summary>The item in a message.</summary>
    public string ToMessage() => Intent switch
    {
        Intent.SubmitInvalid =>
            $$"""{"contentId":"{{ContentId}}","contentType":"SKU","contentStatus":7,"contentInfo":{"title":"{{Mark}}"}{{Revision?.Json}}}""",
        Intent.SubmitUnidentified => $$$"""{"contentType":"SKU","contentStatus":1,"contentInfo":{"title":"{{{Mark}}}"}}""",
        _ => ToJson(),
    };

    /// <summary>The item as a line of a catalog.</summary>
    public string ToLine() => Intent switch
    {
        Intent.Delist => $$"""{"contentId":"{{ContentId}}","contentStatus":0{{Revision?.Json}}}""",
        Intent.SubmitInvalid => $$"""{"contentId":"{{ContentId}}","contentType":"SKU","contentStatus":7,"contentInfo":{}{{Revision?.Json}}}""",
        Intent.SubmitUnidentified => """{"contentType":"SKU","contentStatus":1,"contentInfo":{"title":"unknown","kind":"Normal"}}""",
        _ => ToJson(),
    };
}

/// <param name="Json">The JSON member as the caller writes it, with a leading comma.</param>
internal sealed record RevisionText(string Json)
{
    /// <summary>The same in the query of a request.</summary>
    public QueryString ToQuery()
    {
        var member = JsonNode.Parse($"{{{Json[1..]}}}")!.AsObject().Single();
        return QueryString.Create(member.Key, member.Value!.ToString());
    }
}

/// <summary>What a caller wants with an item.</summary>
internal enum Intent
{
    Submit,

    /// <summary>Delist it by its id.</summary>
    Delist,

    /// <summary>Submit a version that is not valid.</summary>
    SubmitInvalid,

    /// <summary>A line of a catalog whose contentId is missing.</summary>
    SubmitUnidentified,

    /// <summary>Declare that this version wins regardless of what is newer.</summary>
    RollBack,
}

/// <summary>How AlipayHK responds to an item, besides injected faults.</summary>
internal enum ItemKind
{
    /// <summary>Accepted.</summary>
    Normal,

    /// <summary>Rejected permanently, in a signed response.</summary>
    Risky,

    /// <summary>Always fails with a signed UNKNOWN_EXCEPTION.</summary>
    Poison,

    /// <summary>Never gets a response.</summary>
    Tarpit,

    /// <summary>A firewall in front of AlipayHK responds with 403 and a page.</summary>
    Blocked,

    /// <summary>AlipayHK's front end responds with an unsigned INVALID_SIGNATURE.</summary>
    Unauthorized,

    /// <summary>The connection is always reset.</summary>
    Resetting,

    /// <summary>A cache responds with an old success that AlipayHK signed.</summary>
    Outdated,
}

/// <summary>Finds the kind of an item in the body of its request.</summary>
internal static class ItemKindText
{
    private static readonly (ItemKind Kind, byte[] Text)[] Kinds =
        [.. Enum.GetValues<ItemKind>().Select(kind => (kind, System.Text.Encoding.UTF8.GetBytes(kind.ToString())))];

    public static ItemKind Find(ReadOnlySpan<byte> body)
    {
        foreach (var (kind, text) in Kinds)
        {
            if (body.IndexOf(text) >= 0) return kind;
        }

        throw new InvalidOperationException("The body names no kind.");
    }
}
