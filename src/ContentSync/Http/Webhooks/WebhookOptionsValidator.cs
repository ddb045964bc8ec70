namespace ContentSync.Http.Webhooks;

/// <summary>Validates settings section <c>Webhook</c>.</summary>
public static class WebhookOptionsValidator
{
    /// <summary>All faults at once: one or two sentences each, with the setting's name and its valid values. They do not reveal a secret.</summary>
    public static IEnumerable<string> Faults(WebhookOptions options)
    {
        for (var i = 0; i < options.Secrets.Count; i++)
        {
            if (WebhookVerifier.ReadSecret(options.Secrets[i]) is null) yield return SecretFault(i);
        }

        if (options.Tolerance <= TimeSpan.Zero) yield return $"{WebhookOptions.Section}:{nameof(WebhookOptions.Tolerance)} must be positive.";
    }

    internal static string SecretFault(int index) =>
        $"{WebhookOptions.Section}:{nameof(WebhookOptions.Secrets)}:{index} is not a webhook secret. It must be base64 of 24 to 64 bytes, with or "
        + "without the prefix whsec_. Generate one with: openssl rand -base64 32";
}
