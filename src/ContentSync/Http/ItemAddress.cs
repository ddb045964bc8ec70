using Microsoft.AspNetCore.Http;

namespace ContentSync.Http;

/// <summary>
/// URLs of items. An id of ASCII letters, digits, <c>-</c>, <c>_</c>, <c>.</c> and <c>~</c> that does not end with a period goes into the path;
/// every other id goes into the query, because servers, proxies and the Functions host decode, normalize or reject some of its characters in a
/// path: <c>%2F</c>, <c>%25</c>, <c>..</c>.
/// </summary>
public static class ItemAddress
{
    /// <summary>Name of the route value and of the query parameter.</summary>
    public const string Parameter = "contentId";

    private const string Items = "/api/content";
    private const string Replay = "/replay";

    // Where the Functions host finds its key if it is not in a header.
    private const string FunctionKey = "code";

    private static readonly string[] ReservedWords = ["batch", "preview", "replay"];

    /// <summary>The URL of an item's state; DELETE delists it.</summary>
    public static string Of(string contentId) =>
        FitsPath(contentId) ? $"{Items}/{contentId}" : $"{Items}?{Parameter}={Uri.EscapeDataString(contentId)}";

    /// <summary>The URL that replays an item.</summary>
    public static string ReplayOf(string contentId) =>
        FitsPath(contentId) ? $"{Items}/{contentId}{Replay}" : $"{Items}{Replay}?{Parameter}={Uri.EscapeDataString(contentId)}";

    /// <summary>Reads the contentId from the path, or else from the query.</summary>
    /// <param name="request">The request.</param>
    /// <param name="others">Names of the other query parameters that the route takes.</param>
    /// <returns>The contentId, or a 400.</returns>
    internal static (string ContentId, IResult? Fault) Read(HttpRequest request, params ReadOnlySpan<string> others)
    {
        var inPath = request.RouteValues.TryGetValue(Parameter, out var value) ? (string)value! : null;
        foreach (var (name, values) in request.Query)
        {
            if (values.Count > 1) return ("", Problem.Query($"The parameter '{name}' is given {values.Count} times; give it once."));
            if (name == FunctionKey || others.Contains(name) || (name == Parameter && inPath is null)) continue;
            return ("", Problem.Query(others.IsEmpty
                ? $"Unknown parameter '{name}'; an item takes none besides its {Parameter}."
                : $"Unknown parameter '{name}'; the parameters are {string.Join(", ", others.ToArray())}."));
        }

        if (inPath is null)
        {
            return request.Query[Parameter] is [{ Length: > 0 } inQuery]
                ? (inQuery, null)
                : ("", Problem.Query($"The parameter {Parameter} is missing; it must name one item."));
        }

        // A percent sign that is left after decoding stands for itself on one server and for a slash on another.
        return inPath.Contains('%', StringComparison.Ordinal)
            ? ("", Problem.Of(
                StatusCodes.Status400BadRequest,
                "The contentId is ambiguous.",
                $"A {Parameter} with a slash or a percent sign must not be in the path. Put it in the query: "
                + $"{Items}?{Parameter}={Uri.EscapeDataString("A/B")} for A/B, and likewise {Items}{Replay}?{Parameter}=..."))
            : (inPath, null);
    }

    private static bool FitsPath(string contentId)
    {
        foreach (var character in contentId)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('-' or '_' or '.' or '~')) return false;
        }

        return !contentId.EndsWith('.') && !ReservedWords.Contains(contentId, StringComparer.OrdinalIgnoreCase);
    }
}
