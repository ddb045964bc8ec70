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

    /// <summary>The queue that takes content from catalog pipelines and the app's own references.</summary>
    public string Content { get; set; } = "";

    /// <summary>The queue with sessions that takes the packs of a resync.</summary>
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

    /// <summary>NCRONTAB expression with six fields: when the whole catalog is reconciled.</summary>
    public string Resync { get; set; } = "";

    /// <summary>NCRONTAB expression with six fields: when overdue contents are looked for.</summary>
    public string Sweep { get; set; } = "";
}

/// <summary>The Service Bus namespace. Section <c>ServiceBus</c>, which is the triggers' connection too; its members are spelled as the Functions host reads them.</summary>
public sealed class ServiceBusOptions
{
    /// <summary>Name of the settings section and of the triggers' connection.</summary>
    public const string Section = "ServiceBus";

    /// <summary>Part of a connection string that shows it to be the emulator's, whose key is public.</summary>
    public const string EmulatorMark = "UseDevelopmentEmulator=true";

    /// <summary><c>NAMESPACE.servicebus.windows.net</c>.</summary>
    public string FullyQualifiedNamespace { get; set; } = "";

    /// <summary>Value of the setting <c>ServiceBus</c> itself: the emulator's connection string, for development only.</summary>
    public string? EmulatorConnectionString { get; set; }
}

/// <summary>The ledger's table. Section <c>Ledger</c>.</summary>
public sealed class LedgerOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Ledger";

    /// <summary><c>https://ACCOUNT.table.core.windows.net</c>; plain HTTP only for Azurite on a loopback address.</summary>
    public Uri? TableEndpoint { get; set; }

    /// <summary>Made on first use where it does not exist.</summary>
    public string TableName { get; set; } = "syncrecords";
}

/// <summary>Where snapshots of the catalog are put. Section <c>Catalog</c>.</summary>
public sealed class CatalogOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Catalog";

    /// <summary><c>https://ACCOUNT.blob.core.windows.net/CONTAINER</c>; plain HTTP only for Azurite on a loopback address. Null: there is no catalog to reconcile with.</summary>
    public Uri? ContainerUri { get; set; }

    /// <summary>Only blobs whose names begin with it; null for all.</summary>
    public string? Prefix { get; set; }
}

/// <summary>Where resyncs keep what they know. Section <c>Resync</c>, beside <see cref="ContentSync.Resync.ResyncOptions"/>.</summary>
public sealed class ResyncStateOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = ContentSync.Resync.ResyncOptions.Section;

    /// <summary>Container of runs and plans, which holds nothing else: <c>https://ACCOUNT.blob.core.windows.net/CONTAINER</c>; plain HTTP only for Azurite on a loopback address.</summary>
    public Uri? StateContainerUri { get; set; }

    /// <summary>Table of the lanes' standings, at the ledger's endpoint.</summary>
    public string LaneTableName { get; set; } = "resynclanes";
}
