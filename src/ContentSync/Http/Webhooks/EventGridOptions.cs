namespace ContentSync.Http.Webhooks;

/// <summary>
/// Settings of deliveries of Azure Event Grid, which carry a token of Microsoft Entra ID. Section <c>Webhook:EventGrid</c>. The two names
/// are those of the event subscription's delivery properties.
/// </summary>
public sealed class EventGridOptions
{
    /// <summary>The directory in which the application is registered: a GUID. Null if Event Grid does not deliver here.</summary>
    public string? TenantId { get; set; }

    /// <summary>Application (client) id or application id URI: the audience of the tokens.</summary>
    public string? ApplicationId { get; set; }
}
