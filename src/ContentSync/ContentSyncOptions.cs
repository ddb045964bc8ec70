using System.Text.RegularExpressions;
using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Ledger;
using ContentSync.Notifications;
using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync;

/// <summary>The settings of the pipeline and its HTTP API, the same in every host. A host adds only the settings of what it runs on.</summary>
public sealed partial record ContentSyncOptions
{
    /// <summary>The settings sections of these options, each with the class that it binds to.</summary>
    public static IReadOnlyDictionary<string, Type> Sections { get; } = new Dictionary<string, Type>
    {
        [AlipayHkOptions.Section] = typeof(AlipayHkOptions),
        [ContentOptions.Section] = typeof(ContentOptions),
        [RecoverabilityOptions.Section] = typeof(RecoverabilityOptions),
        [ResyncOptions.Section] = typeof(ResyncOptions),
        [RetentionOptions.Section] = typeof(RetentionOptions),
        [ApiOptions.Section] = typeof(ApiOptions),
        [WebhookOptions.Section] = typeof(WebhookOptions),
        [NotificationOptions.Section] = typeof(NotificationOptions),
    };

    public AlipayHkOptions AlipayHk { get; init; } = new();

    public ContentOptions Content { get; init; } = new();

    public RecoverabilityOptions Recoverability { get; init; } = new();

    public ResyncOptions Resync { get; init; } = new();

    public RetentionOptions Retention { get; init; } = new();

    /// <summary>Not a settings section: both hosts use the defaults.</summary>
    public ReplayOptions Replay { get; init; } = new();

    public ApiOptions Api { get; init; } = new();

    public WebhookOptions Webhook { get; init; } = new();

    public NotificationOptions Notifications { get; init; } = new();

    /// <summary>Folder for the files in which a resync sorts its plan; null for a folder among the system's temporary files.</summary>
    public string? PlanFolder { get; init; }

    /// <summary>
    /// Validates all options. Empty if they are valid; otherwise one or more sentences per fault: which setting, and what would be right.
    /// </summary>
    /// <param name="displayName">
    /// The name under which the user knows a setting, given its name in configuration such as <c>AlipayHk:PublicKeys:0:PublicKey</c>; null to
    /// name it as in configuration.
    /// </param>
    public IReadOnlyList<string> Faults(Func<string, string>? displayName = null)
    {
        IEnumerable<string> faults =
        [
            .. AlipayHkOptionsValidator.Faults(AlipayHk),
            .. ContentOptionsValidator.Faults(Content),
            .. RecoverabilityOptionsValidator.Faults(Recoverability, AlipayHk),
            .. ResyncOptionsValidator.Faults(Resync),
            .. RetentionOptionsValidator.Faults(Retention),
            .. ReplayOptionsValidator.Faults(Replay),
            .. ApiOptionsValidator.Faults(Api),
            .. WebhookOptionsValidator.Faults(Webhook),
            .. NotificationOptionsValidator.Faults(Notifications),
        ];
        return displayName is null ? [.. faults] : [.. faults.Select(fault => SettingName().Replace(fault, match => displayName(match.Value)))];
    }

    [GeneratedRegex(
        $@"\b({AlipayHkOptions.Section}|{ContentOptions.Section}|{RecoverabilityOptions.Section}|{ResyncOptions.Section}|{ReplayOptions.Section}"
        + $@"|{ApiOptions.Section}|{WebhookOptions.Section}|{RetentionOptions.Section}|{NotificationOptions.Section})(:\w+)+")]
    private static partial Regex SettingName();
}
