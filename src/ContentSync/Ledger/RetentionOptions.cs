namespace ContentSync.Ledger;

/// <summary>What the ledger keeps of the past, and how long. Settings section <c>Retention</c>.</summary>
public sealed class RetentionOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Retention";

    /// <summary>Least <see cref="DelistedDays"/>.</summary>
    public const int MinDelistedDays = 30;

    /// <summary>Greatest number of days of any of these settings.</summary>
    public const int MaxDays = 36_500;

    /// <summary>
    /// Days without any change or attempt after which a delisted item is forgotten. From then on, a change to an id that the ledger does
    /// not hold is superseded if it is dated before that. Must be longer than a message, a dead letter or a catalog can be old when it
    /// arrives.
    /// </summary>
    public int DelistedDays { get; set; } = 400;

    /// <summary>
    /// Days after which an item's earlier attempts, and the requests sent before the newest one, are dropped. The newest attempt stays.
    /// </summary>
    public int HistoryDays { get; set; } = 400;

    /// <summary>Days after which a finished run of a resync is dropped. The newest run of each source stays.</summary>
    public int RunsDays { get; set; } = 400;

    /// <summary>
    /// Whether the bodies of an item's earlier requests are kept, not only their digests: up to <see cref="SentHistory.MaxStoredBytes"/>
    /// per item, compressed.
    /// </summary>
    public bool SentBodies { get; set; }
}

/// <summary>Validates the settings section <c>Retention</c>.</summary>
public static class RetentionOptionsValidator
{
    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    public static IEnumerable<string> Faults(RetentionOptions options)
    {
        (string Name, int Days, int Min)[] settings =
        [
            (nameof(RetentionOptions.DelistedDays), options.DelistedDays, RetentionOptions.MinDelistedDays),
            (nameof(RetentionOptions.HistoryDays), options.HistoryDays, 1),
            (nameof(RetentionOptions.RunsDays), options.RunsDays, 1),
        ];
        return from setting in settings
               where setting.Days < setting.Min || setting.Days > RetentionOptions.MaxDays
               select $"{RetentionOptions.Section}:{setting.Name} must be from {setting.Min} to {RetentionOptions.MaxDays}.";
    }
}
