using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Functions;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Notifications;
using ContentSync.Resync;
using ContentSync.Signing;
using ContentSync.Synchronization;

namespace ContentSync.Tests.Infra;

/// <summary>The settings, functions and metrics of the app that the templates must match.</summary>
internal static class SettingsContract
{
    /// <summary>Sections that bind to option classes; each of their settings must name a property.</summary>
    public static IReadOnlyDictionary<string, Type[]> Options { get; } = new Dictionary<string, Type[]>
    {
        [AlipayHkOptions.Section] = [typeof(AlipayHkOptions)],
        [CatalogOptions.Section] = [typeof(CatalogOptions)],
        [ContentOptions.Section] = [typeof(ContentOptions)],
        [LedgerOptions.Section] = [typeof(LedgerOptions)],
        [RecoverabilityOptions.Section] = [typeof(RecoverabilityOptions)],
        [ResyncOptions.Section] = [typeof(ResyncOptions), typeof(ResyncStateOptions)],
        [SigningOptions.Section] = [typeof(SigningOptions)],
        [ApiOptions.Section] = [typeof(ApiOptions)],
        [WebhookOptions.Section] = [typeof(WebhookOptions)],
        [NotificationOptions.Section] = [typeof(NotificationOptions)],
    };

    /// <summary>Settings read by the platform, the host or a binding, and sections without a class. A star stands for a number.</summary>
    public static IReadOnlyList<string> Others { get; } =
    [
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "APPLICATIONINSIGHTS_CONNECTION_STRING", "AZURE_CLIENT_ID",
        "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__clientId", "AzureWebJobsStorage__credential",
        "ServiceBus__clientId", "ServiceBus__credential", "ServiceBus__fullyQualifiedNamespace",
        QueueOptions.ContentSetting, QueueOptions.ResyncSetting, ScheduleOptions.ResyncSetting, ScheduleOptions.SweepSetting,
    ];

    /// <summary>Settings that the app needs to start.</summary>
    public static IReadOnlyList<string> Required { get; } =
    [
        "AlipayHk__BaseAddress", "AlipayHk__ClientId", "AlipayHk__PublicKeys__0__KeyVersion", "AlipayHk__PublicKeys__0__PublicKey",
        "AzureWebJobsStorage__accountName", "AzureWebJobsStorage__clientId", "AzureWebJobsStorage__credential",
        "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "APPLICATIONINSIGHTS_CONNECTION_STRING", "AZURE_CLIENT_ID",
        "Catalog__ContainerUri", "Ledger__TableEndpoint", "Resync__StateContainerUri", QueueOptions.ContentSetting, QueueOptions.ResyncSetting,
            ScheduleOptions.ResyncSetting, ScheduleOptions.SweepSetting,
        "ServiceBus__clientId", "ServiceBus__credential", "ServiceBus__fullyQualifiedNamespace",
        "Signing__Keys__0__KeyId", "Signing__Keys__0__KeyVersion",
    ];

    /// <summary>The functions of the app.</summary>
    public static IReadOnlyList<string> Functions { get; } =
    [
        "SubmitContent", "SubmitContentBatch", "GetContent", "ProcessContentMessage", "ProcessResyncPack", "ScheduleResync", "SweepPending", "MaintainLedger", "CheckHealth",
    ];

    /// <summary>
    /// The instruments of the meter ContentSync with their tags. A tag whose values queries compare lists all its possible values.
    /// </summary>
    public static IReadOnlyDictionary<string, IReadOnlyDictionary<string, string[]>> Instruments { get; } = new Dictionary<string,
        IReadOnlyDictionary<string, string[]>>
    {
        ["contentsync.outcomes"] = Tags(("outcome", []), ("code", ["SUCCESS", "PARAM_ILLEGAL", "CONTENT_RISKY"])),
        ["contentsync.parked"] = Tags(("reason", []), ("code", [])),
        ["contentsync.templates.inactive"] = Tags(("status", ["frozen", "expired"])),
        ["contentsync.verification.failures"] = Tags(("verification", [])),
        ["contentsync.sign.duration"] = Tags(("result", [])),
        ["contentsync.alipayhk.duration"] = Tags(("status", [])),
        ["contentsync.oldest_pending.age"] = Tags(),
        ["contentsync.budget.leased"] = Tags(),
        ["contentsync.budget.waiting"] = Tags(),
        ["contentsync.vault.rate"] = Tags(("vault", []), ("state", ["ok", "throttled", "down"])),
        ["contentsync.sending.stopped"] = Tags(("cause", ["circuitBreaker", "pause"])),
        ["contentsync.dead_lettered"] = Tags(("reason", ["InvalidMessage"])),
        ["contentsync.notifications"] = Tags(("type", []), ("result", ["delivered", "failed", "givenUp"])),
        ["contentsync.resync.planned"] = Tags(),
        ["contentsync.resync.done"] = Tags(("outcome", [])),
        ["contentsync.resync.runs"] = Tags(
            ("source", ["catalog", "ledger"]),
            ("result", ["Completed", "CompletedWithFailures", "HandledAlready", "Refused", "Stopped", "NoCatalog", "DryRun", "Cancelled"])),
    };

    private static Dictionary<string, string[]> Tags(params (string Name, string[] Values)[] tags) =>
        tags.ToDictionary(tag => tag.Name, tag => tag.Values);
}
