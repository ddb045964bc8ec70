using ContentSync.Ledger;

namespace ContentSync.Functions;

/// <summary>
/// Names of the queues. The binding expressions of the triggers name these settings. The scale controller reads binding expressions literally and
/// finds no setting in a section, so the names have none: an app scaled to zero would never wake up.
/// </summary>
public sealed class QueueOptions
{
    /// <summary>Setting of <see cref="Content"/>.</summary>
    public const string ContentSetting = "ContentQueue";

    /// <summary>Setting of <see cref="Resync"/>.</summary>
    public const string ResyncSetting = "ResyncQueue";

    /// <summary>Binding expression of the content queue.</summary>
    public const string ContentBinding = $"%{ContentSetting}%";

    /// <summary>Binding expression of the resync queue.</summary>
    public const string ResyncBinding = $"%{ResyncSetting}%";

    /// <summary>The queue for items from catalog pipelines and for the app's own references to items.</summary>
    public string Content { get; set; } = "";

    /// <summary>The queue with sessions for the packs of a resync.</summary>
    public string Resync { get; set; } = "";
}

/// <summary>When the timers fire. Settings without a section, as in <see cref="QueueOptions"/>.</summary>
public sealed class ScheduleOptions
{
    /// <summary>Setting of <see cref="Resync"/>.</summary>
    public const string ResyncSetting = "ResyncSchedule";

    /// <summary>Setting of <see cref="Sweep"/>.</summary>
    public const string SweepSetting = "SweepSchedule";

    /// <summary>Binding expression of the resync's schedule.</summary>
    public const string ResyncBinding = $"%{ResyncSetting}%";

    /// <summary>Binding expression of the sweep's schedule.</summary>
    public const string SweepBinding = $"%{SweepSetting}%";

    /// <summary>When the whole catalog is resynced: an NCRONTAB expression with six fields.</summary>
    public string Resync { get; set; } = "";

    /// <summary>When the sweep looks for overdue items: an NCRONTAB expression with six fields.</summary>
    public string Sweep { get; set; } = "";
}

/// <summary>
/// The Service Bus namespace. Section <c>ServiceBus</c>, which is also the triggers' connection; its members are named as the Functions host
/// expects.
/// </summary>
public sealed class ServiceBusOptions
{
    /// <summary>Name of the settings section and of the triggers' connection.</summary>
    public const string Section = "ServiceBus";

    /// <summary>Marks a connection string as the emulator's, whose key is public.</summary>
    public const string EmulatorMark = "UseDevelopmentEmulator=true";

    /// <summary><c>NAMESPACE.servicebus.windows.net</c>.</summary>
    public string FullyQualifiedNamespace { get; set; } = "";

    /// <summary>The value of the setting <c>ServiceBus</c> itself: the emulator's connection string, for development only.</summary>
    public string? EmulatorConnectionString { get; set; }
}

/// <summary>The ledger's table. Section <c>Ledger</c>.</summary>
public sealed class LedgerOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Ledger";

    /// <summary><c>https://ACCOUNT.table.core.windows.net</c>; plain HTTP only for Azurite on a loopback address.</summary>
    public Uri? TableEndpoint { get; set; }

    /// <summary>Name of the table. On Azurite it is created at startup if it does not exist.</summary>
    public string TableName { get; set; } = "syncrecords";

    /// <summary>
    /// How far a table of an earlier version is on the way to its index: set Skip, Write and Complete one after another, each when every
    /// instance has the one before. A new table needs no setting.
    /// </summary>
    public LedgerIndexStep IndexStep { get; set; }
}

/// <summary>Where snapshots of the catalog are uploaded. Section <c>Catalog</c>.</summary>
public sealed class CatalogOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Catalog";

    /// <summary>
    /// <c>https://ACCOUNT.blob.core.windows.net/CONTAINER</c>; plain HTTP only for Azurite on a loopback address. Null if there is no catalog.
    /// </summary>
    public Uri? ContainerUri { get; set; }

    /// <summary>Prefix of the blobs that are snapshots; null for all blobs.</summary>
    public string? Prefix { get; set; }
}

/// <summary>Where resyncs store their state. Section <c>Resync</c>, shared with <see cref="ContentSync.Resync.ResyncOptions"/>.</summary>
public sealed class ResyncStateOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = ContentSync.Resync.ResyncOptions.Section;

    /// <summary>
    /// The container of runs and plans, and of nothing else: <c>https://ACCOUNT.blob.core.windows.net/CONTAINER</c>; plain HTTP only for Azurite
    /// on a loopback address.
    /// </summary>
    public Uri? StateContainerUri { get; set; }

    /// <summary>The table of the lanes' progress and of the send budget's leases, at the ledger's endpoint.</summary>
    public string LaneTableName { get; set; } = "resynclanes";
}
