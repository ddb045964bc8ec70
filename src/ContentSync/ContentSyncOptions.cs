using ContentSync.AlipayHk;
using ContentSync.Content;
using ContentSync.Http;
using ContentSync.Http.Webhooks;
using ContentSync.Resync;
using ContentSync.Synchronization;

namespace ContentSync;

/// <summary>The settings of the library, as every host passes them to <see cref="ContentSyncServices.AddContentSync"/>.</summary>
public sealed class ContentSyncOptions
{
    public AlipayHkOptions AlipayHk { get; init; } = new();

    public ContentOptions Content { get; init; } = new();

    public RecoverabilityOptions Recoverability { get; init; } = new();

    public ResyncOptions Resync { get; init; } = new();

    public ReplayOptions Replay { get; init; } = new();

    public ApiOptions Api { get; init; } = new();

    public WebhookOptions Webhook { get; init; } = new();

    /// <summary>Folder for the temporary files of plans.</summary>
    public string PlanFolder { get; init; } = Path.Combine(Path.GetTempPath(), "contentsync-plans");
}
