using ContentSync.Signing;

namespace ContentSync.Http.Webhooks;

/// <summary>Validates settings section <c>Webhook</c>.</summary>
public static class WebhookOptionsValidator
{
    /// <summary>All faults at once: one or two sentences each, with the setting's name and its valid values. They do not reveal a secret.</summary>
    public static IEnumerable<string> Faults(WebhookOptions options)
    {
        for (var i = 0; i < options.Secrets.Count; i++)
        {
            if (WebhookSignature.ReadSecret(options.Secrets[i]) is null) yield return SecretFault(i);
        }

        foreach (var fault in EmptySecrets(nameof(WebhookOptions.ShopifySecrets), options.ShopifySecrets)) yield return fault;
        foreach (var fault in EmptySecrets(nameof(WebhookOptions.WooCommerceSecrets), options.WooCommerceSecrets)) yield return fault;
        var eventGrid = $"{WebhookOptions.Section}:{nameof(WebhookOptions.EventGrid)}";
        if (options.EventGrid.TenantId is { Length: > 0 } tenant && !Guid.TryParseExact(tenant, "D", out _))
            yield return $"{eventGrid}:{nameof(EventGridOptions.TenantId)} must be a GUID, the id of the directory.";
        if (string.IsNullOrEmpty(options.EventGrid.TenantId) != string.IsNullOrEmpty(options.EventGrid.ApplicationId))
        {
            yield return $"{eventGrid}:{nameof(EventGridOptions.TenantId)} and {eventGrid}:{nameof(EventGridOptions.ApplicationId)} must both be "
                + "set, or neither.";
        }

        if (options.Tolerance <= TimeSpan.Zero) yield return $"{WebhookOptions.Section}:{nameof(WebhookOptions.Tolerance)} must be positive.";
    }

    internal static string SecretFault(int index) =>
        $"{WebhookOptions.Section}:{nameof(WebhookOptions.Secrets)}:{index} is not a webhook secret. It must be {WebhookSignature.ExpectedSecret}";

    private static IEnumerable<string> EmptySecrets(string setting, IList<string> secrets) =>
        from index in Enumerable.Range(0, secrets.Count)
        where string.IsNullOrWhiteSpace(secrets[index])
        select $"{WebhookOptions.Section}:{setting}:{index} is empty. It must be the secret with which the shop signs its webhooks.";
}
