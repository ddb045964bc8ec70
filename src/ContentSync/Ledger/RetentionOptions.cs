namespace ContentSync.Ledger;

/// <summary>What the ledger keeps of the past. Settings section <c>Retention</c>.</summary>
public sealed class RetentionOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Retention";

    /// <summary>
    /// Whether the bodies of an item's earlier requests are kept, not only their digests: up to <see cref="SentHistory.MaxStoredBytes"/>
    /// per item, compressed.
    /// </summary>
    public bool SentBodies { get; set; }
}
