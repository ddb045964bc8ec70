using System.Text.Json;
using System.Text.RegularExpressions;
using ContentSync.Content;
using ContentSync.Ledger;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace ContentSync.Http;

/// <summary>Problem details (RFC 9457): what is wrong, where, and what would be right.</summary>
internal static partial class Problem
{
    public static ProblemHttpResult Of(int status, string title, string detail) =>
        TypedResults.Problem(detail, statusCode: status, title: title);

    /// <summary>400 for a query parameter.</summary>
    public static ProblemHttpResult Query(string name, string value, string expected) =>
        Of(StatusCodes.Status400BadRequest, "The query is not understood.", $"{name} is '{value}'; it takes {expected}.");

    /// <summary>400 for a body that is not the JSON that a request takes.</summary>
    /// <param name="title">In a few words.</param>
    /// <param name="e">Names the place.</param>
    /// <param name="takes">Its members, for a sentence.</param>
    public static ProblemHttpResult Json(string title, JsonException e, string takes)
    {
        // The reader tells of a member that it does not know in words for programmers.
        var unknown = UnknownMember().Match(e.Message);
        return Of(StatusCodes.Status400BadRequest, title, $"{(unknown.Success ? $"There is no member '{unknown.Groups[1].Value}'." : e.Message)} It takes {takes}.");
    }

    /// <summary>404 for a contentId.</summary>
    public static ProblemHttpResult NoSuchContent(string contentId) =>
        Of(StatusCodes.Status404NotFound, "No such content.", $"No content with the id '{contentId}' was ever accepted here. Ids are compared exactly, case included.");

    /// <summary>404 for a run.</summary>
    public static ProblemHttpResult NoSuchRun(string runId) =>
        Of(StatusCodes.Status404NotFound, "No such run.", $"No run with the id '{runId}' is remembered here; the last {Resync.ResyncHistory.MaxRuns} of each source are. GET /api/resyncs lists them.");

    /// <summary>503 where the runs cannot be read or written.</summary>
    public static ProblemHttpResult RunsUnavailable(IOException e) =>
        Of(StatusCodes.Status503ServiceUnavailable, "The runs cannot be reached.", e.Message);

    /// <summary>503.</summary>
    public static ProblemHttpResult LedgerUnavailable(LedgerUnavailableException e) =>
        Of(StatusCodes.Status503ServiceUnavailable, "The ledger cannot be reached.", e.Message);

    /// <summary>400 with one entry for each violation.</summary>
    public static ProblemHttpResult Invalid(IReadOnlyList<ContentViolation> violations) =>
        TypedResults.Problem(new ProblemDetails
        {
            Status = StatusCodes.Status400BadRequest,
            Title = "The content is not valid.",
            Detail = violations.Count == 1 ? violations[0].Message : $"{violations.Count} things are wrong; see errors.",
            Extensions = { ["errors"] = violations.Select(ProblemError.Of).ToArray() },
        });

    [GeneratedRegex("^The JSON property '(.*)' could not be mapped")]
    private static partial Regex UnknownMember();
}

/// <summary>One entry of a problem's <c>errors</c>.</summary>
/// <param name="Pointer">RFC 6901 JSON pointer into the request body.</param>
/// <param name="Code">Stable, kebab-case.</param>
/// <param name="Message">What is wrong and what would be right.</param>
public sealed record ProblemError(string Pointer, string Code, string Message)
{
    internal static ProblemError Of(ContentViolation violation) => new(violation.Pointer, violation.Code, violation.Message);
}
