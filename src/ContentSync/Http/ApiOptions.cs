namespace ContentSync.Http;

/// <summary>Settings of the HTTP API. Section <c>Api</c>.</summary>
public sealed class ApiOptions
{
    /// <summary>Name of the settings section.</summary>
    public const string Section = "Api";

    /// <summary>
    /// Secret that authenticates continuation tokens, at least 16 characters, the same on every instance. If null, the process generates
    /// one, and its tokens become invalid when it ends.
    /// </summary>
    public string? ContinuationSecret { get; set; }
}
