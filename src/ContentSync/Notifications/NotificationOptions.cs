namespace ContentSync.Notifications;

/// <summary>Where notifications go. Section <c>Notifications</c>. Without receivers nothing is sent.</summary>
public sealed class NotificationOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Notifications";

    /// <summary>Max receivers.</summary>
    public const int MaxReceivers = 10;

    /// <summary>Each receives every notification, signed with its own secret.</summary>
    public IList<NotificationReceiverOptions> Receivers { get; init; } = [];

    /// <summary>The events' <c>source</c>, a URI reference; tells several apps apart. Together with the id it identifies an event.</summary>
    public string Source { get; set; } = "/contentsync";

    /// <summary>
    /// After how many hours without a successful resync of the catalog to report it as overdue, 0 (never) to 8,760. The default leaves a
    /// resync every night two hours.
    /// </summary>
    public int ResyncOverdueHours { get; set; } = 26;
}

/// <summary>One receiver of notifications.</summary>
public sealed class NotificationReceiverOptions
{
    /// <summary>Where to post them: https, or http on a loopback address.</summary>
    public Uri? Address { get; set; }

    /// <summary>Secret of Standard Webhooks: base64 of 24 to 64 bytes, with or without the prefix <c>whsec_</c>.</summary>
    public string Secret { get; set; } = "";
}
