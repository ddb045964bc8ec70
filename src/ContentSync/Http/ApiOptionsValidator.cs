namespace ContentSync.Http;

/// <summary>Validates settings section <c>Api</c>.</summary>
public static class ApiOptionsValidator
{
    private const int MinSecretLength = 16;

    /// <summary>All faults at once: one sentence each, with the setting's name and its valid values.</summary>
    public static IEnumerable<string> Faults(ApiOptions options)
    {
        if (options.ContinuationSecret is { Length: < MinSecretLength })
            yield return $"{ApiOptions.Section}:{nameof(ApiOptions.ContinuationSecret)} must have at least {MinSecretLength} characters.";
    }
}
