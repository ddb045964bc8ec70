using System.Globalization;
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
    public static ProblemHttpResult Query(string name, string value, string expected) => Query($"{name} is '{value}'; it must be {expected}.");

    /// <summary>400 for a query.</summary>
    public static ProblemHttpResult Query(string detail) => Of(StatusCodes.Status400BadRequest, "The query is not valid.", detail);

    /// <summary>400 for a body that is not the JSON that the request takes.</summary>
    /// <param name="title">The problem's title.</param>
    /// <param name="e">Its message names the place of the fault.</param>
    /// <param name="members">The members that the request takes, as part of a sentence.</param>
    public static ProblemHttpResult Json(string title, JsonException e, string members) =>
        Of(StatusCodes.Status400BadRequest, title, $"{JsonFault(e)} The request takes {members}.");

    /// <summary>
    /// What is wrong with a body that cannot be read, and where. The serializer's own messages name .NET types, which mean nothing to a caller.
    /// </summary>
    public static string JsonFault(JsonException e)
    {
        var place = e.LineNumber is { } line
            ? string.Create(CultureInfo.InvariantCulture, $" at line {line + 1}, byte {(e.BytePositionInLine ?? 0) + 1}")
            : "";
        if (UnknownMember().Match(e.Message) is { Success: true } unknown) return $"Unknown member '{unknown.Groups[1].Value}'.";
        if (DuplicateMember().Match(e.Message) is { Success: true } duplicate) return $"Member '{duplicate.Groups[1].Value}' appears twice.";
        if (e.Message.StartsWith("The JSON value could not be converted", StringComparison.Ordinal))
            return $"{e.Path}{place} is not of the right type.";

        // An exception without a place is one of ours.
        return place.Length > 0 ? $"The body is not valid JSON{place}." : e.Message;
    }

    /// <summary>408 for a body that does not arrive, 413 for one that is too large, 400 for one whose framing is broken.</summary>
    public static ProblemHttpResult Unreadable(BadHttpRequestException e)
    {
        var (title, detail) = UnreadableText(e);
        return Of(e.StatusCode, title, detail);
    }

    /// <summary>The sentences of <see cref="Unreadable"/>.</summary>
    public static (string Title, string Detail) UnreadableText(BadHttpRequestException e) => e.StatusCode switch
    {
        StatusCodes.Status408RequestTimeout => ("The body did not arrive.", "The rest of the body was not received in time; send the request again."),
        StatusCodes.Status413PayloadTooLarge => ("Too large.", "The body exceeds the limit of this server; send it in parts."),
        _ => (
            "The body cannot be read.",
            "The connection ended before the body did, or a chunk of it is not framed correctly; send the request again with Content-Length."),
    };

    /// <summary>404 for an item.</summary>
    public static ProblemHttpResult NoSuchItem(string contentId) => Of(
        StatusCodes.Status404NotFound,
        "No such item.",
        $"No item with the contentId '{contentId}' was ever accepted here. A contentId is case-sensitive.");

    /// <summary>409 for an older version.</summary>
    public static ProblemHttpResult Superseded(SyncRecord record) => Of(
        StatusCodes.Status409Conflict,
        "Superseded.",
        record.IsForgotten
            ? $"The ledger does not hold '{record.ContentId}', and what is dated before {record.AcceptedAt:u} may belong to a delisted item that it "
                + "no longer remembers. Send the item with a revision, or with a later occurredAt."
            : $"Revision {record.Version} of '{record.ContentId}' was already accepted and is newer.");

    /// <summary>409 for different content at an accepted revision.</summary>
    public static ProblemHttpResult RevisionConflict(SyncRecord record) => Of(
        StatusCodes.Status409Conflict,
        "Revision conflict.",
        $"Revision {record.Version} of '{record.ContentId}' was already accepted with different content. Raise the revision.");

    /// <summary>422 for an item that is parked with the same content.</summary>
    public static ProblemHttpResult Parked(SyncRecord record) => record.ParkReason == ParkReason.Rejected
        ? OfAttempt(
            StatusCodes.Status422UnprocessableEntity,
            "Rejected by AlipayHK.",
            $"{LastResult(record)} Change the content and submit it again; unchanged content is not sent again.",
            record.LastAttempt)
        : OfAttempt(
            StatusCodes.Status422UnprocessableEntity,
            "Parked.",
            $"Parked after {Wording.Count(record.Attempts, "attempt")}; the last one failed with {LastResult(record)} "
                + "Replay the item once the cause is fixed.",
            record.LastAttempt);

    /// <summary>
    /// A problem that an attempt to send an item led to, with the members <c>code</c> and <c>tracerId</c>, by which a program decides and
    /// AlipayHK's support finds the request.
    /// </summary>
    /// <param name="status">HTTP status.</param>
    /// <param name="title">The problem's title.</param>
    /// <param name="detail">What is wrong, and what would be right.</param>
    /// <param name="attempt">The attempt; null if none was made.</param>
    /// <param name="code">The code if there was no attempt, as when sending is stopped.</param>
    public static ProblemHttpResult OfAttempt(int status, string title, string detail, SyncAttempt? attempt, string? code = null)
    {
        var problem = new ProblemDetails { Status = status, Title = title, Detail = detail };
        if ((code ?? attempt?.Code) is { } known) problem.Extensions["code"] = known;
        if (attempt?.TracerId is { } tracerId) problem.Extensions["tracerId"] = tracerId;
        return TypedResults.Problem(problem);
    }

    /// <summary>404 for a run.</summary>
    public static ProblemHttpResult NoSuchRun(string runId) => Of(
        StatusCodes.Status404NotFound,
        "No such run.",
        $"There is no run '{runId}'. The last {Resync.ResyncHistory.MaxRuns} runs of each source are kept; GET /api/resyncs lists them.");

    /// <summary>503 if the run store cannot be read or written.</summary>
    public static ProblemHttpResult RunsUnavailable(IOException e) =>
        Of(StatusCodes.Status503ServiceUnavailable, "The run store is unavailable.", e.Message);

    /// <summary>503 if the ledger cannot be read or written.</summary>
    public static ProblemHttpResult LedgerUnavailable(LedgerUnavailableException e) =>
        Of(StatusCodes.Status503ServiceUnavailable, "The ledger is unavailable.", e.Message);

    /// <summary>400 with one error for each violation.</summary>
    public static ProblemHttpResult Invalid(IReadOnlyList<ContentViolation> violations) =>
        TypedResults.Problem(new ProblemDetails
        {
            Status = StatusCodes.Status400BadRequest,
            Title = "The item is not valid.",
            Detail = violations.Count == 1 ? violations[0].Message : $"{violations.Count} things are wrong; see errors.",
            Extensions = { ["errors"] = violations.Select(ProblemError.Of).ToArray() },
        });

    private static string LastResult(SyncRecord record) => $"{record.LastAttempt?.Code}: {Wording.Sentence(record.LastAttempt?.Message ?? "")}";

    [GeneratedRegex("^The JSON property '(.*)' could not be mapped")]
    private static partial Regex UnknownMember();

    [GeneratedRegex("^Duplicate property '(.*?)'")]
    private static partial Regex DuplicateMember();
}

/// <summary>One entry of a problem's <c>errors</c>.</summary>
/// <param name="Pointer">RFC 6901 JSON pointer into the request body.</param>
/// <param name="Code">Stable identifier in kebab case.</param>
/// <param name="Message">What is wrong, and what would be right.</param>
public sealed record ProblemError(string Pointer, string Code, string Message)
{
    internal static ProblemError Of(ContentViolation violation) => new(violation.Pointer, violation.Code, violation.Message);
}
