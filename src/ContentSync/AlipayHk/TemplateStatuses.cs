namespace ContentSync.AlipayHk;

/// <summary>The values of templateStatus that AlipayHK documents for MOVIE; others may occur.</summary>
public static class TemplateStatuses
{
    /// <summary>AlipayHK's review has stopped the template.</summary>
    public const string Frozen = "frozen";

    /// <summary>The template's end date has passed.</summary>
    public const string Expired = "expired";

    /// <summary>Whether a person should look at the item, although AlipayHK acknowledged it.</summary>
    public static bool IsInactive(string? status) => status is Frozen or Expired;
}
